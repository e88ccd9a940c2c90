import os
import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import SoundDataConfig
from vqvae_tf.data import sound_files
from vqvae_tf.errors import UserError

soundfile = pytest.importorskip("soundfile")
RATE = 8_000


def tone(seconds: float, rate: int = RATE, hertz: float = 200.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two speakers; four files of other kinds and one that is none."""
    path = tmp_path_factory.mktemp("sounds")
    for name in ("anna", "bert"):
        (path / name).mkdir()
    soundfile.write(path / "anna/a.wav", tone(0.5), RATE)
    soundfile.write(path / "anna/b.flac", tone(0.25), RATE)
    stereo = np.stack([tone(0.5), 0 * tone(0.5)], axis=1)
    soundfile.write(path / "bert/c.wav", stereo, RATE)
    soundfile.write(path / "bert/d.ogg", tone(0.5, 16_000), 16_000)
    (path / "bert/e.wav").write_bytes(b"no sound")
    (path / "bert/.hidden.wav").write_bytes(b"")
    return path


@pytest.fixture(scope="module")
def source(folder):
    return data.open_sounds(f"folder:{folder}")


def test_sounds_come_mono_at_the_rate_asked_for(source, caplog):
    found = {sound["name"]: sound for sound in source.sounds(RATE)}
    assert list(found) == ["anna/a.wav", "anna/b.flac", "bert/c.wav", "bert/d.ogg"]
    assert source.class_names == ("anna", "bert")
    assert [sound["speaker"] for sound in found.values()] == [0, 0, 1, 1]
    assert all(sound["audio"].dtype == np.float32 for sound in found.values())
    # 16 bits.
    np.testing.assert_allclose(found["anna/a.wav"]["audio"], tone(0.5), atol=2**-15)
    np.testing.assert_allclose(found["anna/b.flac"]["audio"], tone(0.25), atol=2**-15)
    np.testing.assert_allclose(found["bert/c.wav"]["audio"], tone(0.5) / 2, atol=2**-15)
    resampled = found["bert/d.ogg"]["audio"]
    assert len(resampled) == RATE // 2
    middle = slice(RATE // 8, -RATE // 8)  # Vorbis and the filter take some time to begin
    np.testing.assert_allclose(resampled[middle], tone(0.5)[middle], atol=0.02)
    assert source.skipped == 1 and "bert/e.wav: not a readable sound" in caplog.text


def test_batches_are_windows_of_the_sounds_with_their_speakers(source):
    batches = data.sound_batches(source, RATE, window=1_000, batch_size=32, seed=3)
    first, second = batches.take(2)
    assert first["audio"].shape == (32, 1_000) and first["speaker"].shape == (32,)
    wholes = {sound["name"]: sound["audio"] for sound in source.sounds(RATE)}
    of_speaker = (("anna/a.wav", "anna/b.flac"), ("bert/c.wav", "bert/d.ogg"))
    for window, speaker in zip(first["audio"].numpy(), first["speaker"].numpy(), strict=True):
        assert any(
            np.any(
                np.all(np.lib.stride_tricks.sliding_window_view(wholes[name], 1_000) == window, 1)
            )
            for name in of_speaker[speaker]
        )
    assert np.any(first["audio"] != second["audio"])
    resumed = next(iter(data.sound_batches(source, RATE, 1_000, 32, 3, start_step=1)))
    np.testing.assert_array_equal(resumed["audio"], second["audio"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": 0}, "window must be at least 1; received 0"),
        ({"window": 1.5}, "window must be a whole number; received 1.5"),
        ({"batch_size": -1}, "batch_size must be at least 1; received -1"),
        ({"batch_size": 2**31}, "batch_size must be at most 4294967; received 2147483648"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"start_step": -1}, "start_step must be at least 0; received -1"),
        ({"sample_rate": 0}, "sample_rate must be at least 1; received 0"),
        ({"sample_rate": "8000"}, "sample_rate must be a whole number; received '8000'"),
        ({"sample_rate": 10**9}, "sample_rate must be at most 1048576; received 1000000000"),
        (
            {"source": "folder:voices"},
            "'folder:voices': holds no sounds; give those of open_sounds",
        ),
    ],
)
def test_batches_of_wrong_numbers_are_refused(source, changes, words):
    right = {"source": source, "sample_rate": RATE, "window": 1_000, "batch_size": 2, "seed": 0}
    with pytest.raises(UserError, match=words):
        data.sound_batches(**right | changes)
    if "sample_rate" in changes:
        with pytest.raises(UserError, match=words):
            source.sounds(**changes)


def test_short_sounds_end_in_silence(source):
    (batch,) = data.sound_batches(source, RATE, window=5_000, batch_size=8, seed=0).take(1)
    assert np.all(batch["audio"][:, 4_000:] == 0) and np.all(np.any(batch["audio"] != 0, axis=1))


def test_silence_and_loudness_are_settings_of_the_windows(tmp_path):
    quiet = 0.1 * tone(1)
    quiet[: RATE // 2] = 0
    soundfile.write(tmp_path / "a.wav", quiet, RATE, "FLOAT")
    source = data.open_sounds(f"folder:{tmp_path}")
    config = SoundDataConfig(trim_db=40.0, loudness=-20.0)
    windows = [
        next(iter(data.sound_batches(source, RATE, 1_000, 32, 0, config=each)))["audio"].numpy()
        for each in (SoundDataConfig(), config)
    ]
    assert np.abs(windows[0]).max() <= 0.05 and np.any(np.all(windows[0] == 0, axis=1))
    # The margin is silent; else a sine has peaks at the square root of 2.
    assert np.abs(windows[1]).max() == pytest.approx(0.1 * np.sqrt(2), rel=0.05)
    assert not np.any(np.all(windows[1] == 0, axis=1))


def test_without_sub_folders_there_are_no_speakers(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.2), RATE)
    source = data.open_sounds(f"folder:{tmp_path}")
    assert source.class_names == () and len(source) == 1
    (batch,) = data.sound_batches(source, RATE, 100, 2, 0).take(1)
    assert batch.keys() == {"audio"}


def test_the_sounds_that_can_be_used_are_used_and_the_others_named(tmp_path, caplog):
    folder = tmp_path / "run[1] \xe9"
    folder.mkdir()
    for number in range(6):
        soundfile.write(folder / f"{number}.wav", tone(0.1), RATE)
    soundfile.write(folder / "nan.wav", np.append(tone(0.1), np.nan), RATE, "FLOAT")
    soundfile.write(folder / "scaled.wav", 32767 * tone(0.1), RATE, "FLOAT")
    soundfile.write(folder / "empty.wav", np.zeros(0), RATE)
    (folder / "cut.wav").write_bytes((folder / "0.wav").read_bytes()[:-100])
    soundfile.write(folder / "noending.wav", tone(0.1), RATE)
    (folder / "noending.wav").rename(folder / "no ending")
    (folder / "notes").write_text("on sounds")
    os.mkfifo(folder / "pipe.wav")
    (folder / "circle").symlink_to(folder)
    (folder / "circle.wav").symlink_to("circle.wav")
    soundfile.write(folder / "latin.wav", tone(0.1), RATE)
    os.rename(folder / "latin.wav", os.fsencode(folder) + b"/caf\xe9\n.wav")
    source = data.open_sounds(f"folder:{folder}")
    for _ in range(2):
        names = [sound["name"] for sound in source.sounds(RATE)]
        assert names == [*(f"{n}.wav" for n in range(6)), r"caf\xe9\n.wav", "no ending"]
    assert source.skipped == 7
    for words in (
        "nan.wav: holds samples that are not finite",
        "scaled.wav: samples must lie in [-1, 1]",
        "empty.wav: holds no samples",
        "cut.wav: cut off, 1,500 of 1,600 bytes",
        "pipe.wav: no regular file",
        "circle: a link to a folder that was already read",
        "circle.wav: no regular file",
    ):
        assert sum(words in record.getMessage() for record in caplog.records) == 1
    batch = next(iter(data.sound_batches(source, RATE, 100, 4, seed=0)))
    assert np.abs(batch["audio"]).max() <= 1


def test_sounds_are_held_once_for_all_starts(source, monkeypatch):
    first = list(data.sound_batches(source, RATE, 500, 4, seed=3).take(3))
    monkeypatch.setattr(sound_files, "read", None)
    later = list(data.sound_batches(source, RATE, 500, 4, seed=3, start_step=2).take(1))
    np.testing.assert_array_equal(later[0]["audio"], first[2]["audio"])


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("tfrecord:x", 'unknown source of sounds "tfrecord:x"; give SCHEME:NAME'),
        ("folders", "nearest: folder"),
        ("sounds:a", r"all: .*folder, manifest"),
        ("folder:", '"folder:" has no name; give folder:NAME'),
    ],
)
def test_other_uris_are_refused(uri, message):
    with pytest.raises(UserError, match=message):
        data.open_sounds(uri)


def test_folders_without_sounds_are_refused(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        data.open_sounds(f"folder:{tmp_path}/nowhere")
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no sounds; files must end in \.aif, \.aifc"):
        data.open_sounds(f"folder:{tmp_path}")
    (tmp_path / "bad.wav").write_bytes(b"")
    with pytest.raises(UserError, match="none of its 1 sounds can be read"):
        list(data.open_sounds(f"folder:{tmp_path}").sounds(RATE))


def test_a_missing_decoder_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(UserError, match=r"cannot import soxr for sounds .*\[audio\]"):
        sound_files.read(str(folder / "anna/a.wav"), RATE)
