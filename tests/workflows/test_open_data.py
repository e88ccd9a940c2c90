"""Data of another medium are refused, and the message names the presets that take them."""

import wave

import numpy as np
import pytest
from PIL import Image

from vqvae_tf import presets, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media import AudioMedium, medium_of
from vqvae_tf.models import ImageVQVAE
from vqvae_tf.workflows.open_data import open_data

IMAGES, SOUNDS = medium_of(ImageVQVAE), AudioMedium()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("pictures", "sounds", "letters"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((8, 8, 3), "uint8")).save("pictures/a.png")
    with wave.open("sounds/a.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(3_200))
    (tmp_path / "sounds.csv").write_text("file\nsounds/a.wav\n")
    (tmp_path / "letters" / "a.txt").write_text("a")


@pytest.mark.parametrize(
    ("medium", "uri", "refusal", "presets_of"),
    [
        (IMAGES, "folder:sounds", "the folder holds no pictures", "speech, phonemes"),
        (IMAGES, "manifest:sounds.csv", 'unknown data source "manifest:', "speech, phonemes"),
        (IMAGES, "embedded:speech", 'unknown name "speech"', "speech, phonemes"),
        (SOUNDS, "folder:pictures", "the folder holds no sounds", "photos, photos_two_level"),
        (SOUNDS, "embedded:digits", 'unknown name "digits"', "photos, photos_two_level"),
    ],
)
def test_data_of_another_medium_name_its_presets(folders, medium, uri, refusal, presets_of):
    with pytest.raises(UserError) as raised:
        open_data(medium, uri)
    message = str(raised.value)
    assert refusal in message and "\n" not in message
    assert f"; models of the presets {presets_of}, " in message and message.endswith(" take it")


@pytest.mark.parametrize("uri", ["folder:letters", "folder:absent", "embedded:foto", "codes:*"])
@pytest.mark.parametrize("medium", [IMAGES, SOUNDS])
def test_what_no_medium_takes_is_refused_as_before(folders, medium, uri):
    with pytest.raises(UserError) as own:
        medium.open_source(uri)
    with pytest.raises(UserError) as raised:
        open_data(medium, uri)
    assert str(raised.value) == str(own.value)


def test_the_log_says_only_what_the_medium_left_out(folders, caplog):
    with pytest.raises(UserError):
        open_data(IMAGES, "folder:sounds")
    assert [record.getMessage() for record in caplog.records] == [
        "sounds: 1 files left out for their endings: .wav (1)"
    ]
    open_data(IMAGES, "folder:pictures")


def test_training_says_so(folders):
    with pytest.raises(UserError, match="models of the presets speech"):
        workflows.train(presets.preset("photos"), "folder:sounds", "w")
