"""Whole jobs on sounds: what a user of speech calls, one after the other."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from tests.small import AUTOENCODER, PRIOR, TRAINING, results_in
from vqvae_tf import data, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media import audio, medium_of

soundfile = pytest.importorskip("soundfile")
RATE = 4_000
AUDIO = models.AudioConfig(
    widths=(4, 8),
    strides=(4, 8),
    residual_width=4,
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    channels=4,
    skip_channels=8,
    dilations=(1, 2, 4),
    sample_rate=RATE,
    window=256,
    training=TRAINING,
)
SEQUENCES = models.WaveNetPriorConfig(
    channels=8, skip_channels=8, dilations=(1, 2), num_classes=1, length=12, training=TRAINING
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of sounds, workdirs of the autoencoder and of the prior."""
    base = tmp_path_factory.mktemp("sounds")
    for number, name in enumerate(("anna", "bert")):
        (base / "wav" / name).mkdir(parents=True)
        for take in range(2):
            time = np.arange(700 + 100 * take) / RATE
            sound = 0.4 * np.sin(2 * np.pi * 150 * (1 + number) * time)
            soundfile.write(base / "wav" / name / f"{take}.wav", sound, RATE)
    uri = f"folder:{base / 'wav'}"
    model, prior = str(base / "model"), str(base / "prior")
    workflows.train(AUDIO, uri, model)
    workflows.train_prior(SEQUENCES, model, uri, prior)
    return uri, model, prior


def test_training_takes_the_speakers_from_the_data(runs):
    uri, path, _ = runs
    model = models.load(path)
    assert isinstance(model, models.AudioVQVAE) and model.config.speakers == ("anna", "bert")
    with open(os.path.join(path, "evaluation.json")) as file:
        results = json.load(file)
    assert results["data"] == uri and results["sounds"] == 4 and results["skipped_sounds"] == 0
    assert results["seconds"] == pytest.approx(3_000 / RATE)
    assert results["latent_bits_per_second"] == pytest.approx(4 * 95 / (3_000 / RATE), rel=0.05)
    assert 0 < results["reconstruction_bits_per_sample"] < 8.1  # 8 before it knows anything


def test_the_same_command_goes_on_and_other_speakers_are_refused(runs, tmp_path):
    uri, path, _ = runs
    before = models.load(path).code_vectors.numpy()
    workflows.train(AUDIO, uri, path)  # has nothing left to do
    np.testing.assert_array_equal(models.load(path).code_vectors, before)
    with pytest.raises(UserError, match="the speakers are anna, bert, those of the config.* carl"):
        workflows.train(dataclasses.replace(AUDIO, speakers=("carl",)), uri, str(tmp_path))


def test_a_prior_learns_sequences_and_knows_its_speakers(runs):
    uri, path, prior_path = runs
    prior, model = workflows.load_pair(prior_path)
    assert isinstance(prior, models.WaveNetPrior)
    assert prior.config.code_sizes == (16,) and prior.config.num_classes == 2
    results = workflows.evaluate(path, uri, prior_path)
    assert 0 < results["prior_bits_per_code"] < 4.5
    maps = list(medium_of(model).code_maps(model, data.open_sounds(uri)))
    assert [item["codes"].shape for item in maps] == [(22,), (25,)] * 2
    assert len(list(medium_of(model).code_maps(model, data.open_sounds(uri), True))) == 8


def test_speakers_go_by_name_and_unknown_ones_are_named(runs, tmp_path, caplog):
    uri, path, prior = runs
    # Another order of numbers, one speaker missing, one unknown.
    for name in ("bert", "zoe"):
        shutil.copytree(os.path.join(uri.removeprefix("folder:"), "bert"), tmp_path / name)
    (tmp_path / "zoe" / "1.wav").unlink()
    results = workflows.evaluate(path, f"folder:{tmp_path}", prior)
    assert results["sounds"] == 3
    named = [each.getMessage() for each in caplog.records if "does not know" in each.getMessage()]
    assert len(named) == 2 and all("1 of its 2" in text for text in named)
    assert all(": zoe; it knows anna, bert" in text for text in named)
    caplog.clear()
    speakers = ("anna", "bert")
    for _ in range(2):
        audio._name_unknown("folder:x", (), speakers)
    assert [each.getMessage() for each in caplog.records] == [
        "folder:x: has no speakers; the model is told none"
    ]
    audio._name_unknown("folder:y", ("bert",), speakers)
    audio._name_unknown("folder:y", ("zoe",), ())
    assert len(caplog.records) == 1


def test_long_sounds_are_cut_at_borders_of_codes(runs, monkeypatch):
    uri, path, _ = runs
    model = models.load(path)
    source = data.open_sounds(uri)
    whole = medium_of(model).measure(model, source)
    monkeypatch.setattr(audio, "PIECE_SECONDS", 0.1)  # 400 samples, rounded up to 416
    shapes = [item["codes"].shape for item in medium_of(model).code_maps(model, source)]
    assert shapes == [(13,), (9,), (13,), (12,)] * 2
    pieces = medium_of(model).measure(model, source)
    assert pieces["sounds"] == whole["sounds"] and pieces["seconds"] == whole["seconds"]
    assert pieces["latent_bits_per_second"] == whole["latent_bits_per_second"]


def test_a_long_sound_is_reconstructed_in_pieces(runs, tmp_path, monkeypatch):
    uri, path, _ = runs
    model = models.load(path)
    monkeypatch.setattr(audio, "PIECE_SECONDS", 0.1)  # 400 samples, rounded up to 416
    assert workflows.reconstruct(path, uri, str(tmp_path), count=2) == 2
    sound = next(
        sound for sound in data.open_sounds(uri).sounds(RATE) if sound["name"] == "anna/1.wav"
    )
    original, _ = soundfile.read(tmp_path / "anna_1.original.wav")
    np.testing.assert_allclose(original, sound["audio"], atol=2**-14)  # 16 bits
    decoded, _ = soundfile.read(tmp_path / "anna_1.wav")
    assert len(decoded) == len(sound["audio"]) == 800
    for start in (0, 416):
        expected = model.reconstruct(sound["audio"][None, start : start + 416], "anna")[0]
        np.testing.assert_allclose(decoded[start : start + 416], expected, atol=2**-14)
    with np.load(tmp_path / "anna_1.npz") as file:
        assert file["codes"].shape == (25,)


def test_samples_are_written_as_sound(runs, tmp_path):
    written = workflows.sample(runs[2], str(tmp_path), count=2, seed=1, speaker="bert")
    names = ["sample_000.wav", "sample_001.wav", "codes.npz"]
    assert [os.path.basename(path) for path in written] == names
    with np.load(tmp_path / "codes.npz") as file:
        codes = file["codes"]
    assert codes.shape == (2, 12)
    _, model = workflows.load_pair(runs[2])
    sound, rate = soundfile.read(written[1], dtype="float32")
    assert rate == RATE and len(sound) == 12 * 32
    np.testing.assert_allclose(sound, model.decode(codes, "bert")[1], atol=2**-14)  # 16 bits
    # Given codes stay, and a length may be asked for.
    given = np.full([1, 5], -1)
    given[0, :3] = 7
    np.savez(tmp_path / "given.npz", codes=given)
    workflows.sample(runs[2], str(tmp_path / "b"), count=1, prefix=str(tmp_path / "given.npz"))
    with np.load(tmp_path / "b" / "codes.npz") as file:
        assert file["codes"].shape == (1, 5) and np.all(file["codes"][0, :3] == 7)
    workflows.sample(runs[2], str(tmp_path / "c"), count=1, grid=(9,))
    with np.load(tmp_path / "c" / "codes.npz") as file:
        assert file["codes"].shape == (1, 9)
    with pytest.raises(UserError, match=r"grid must be \(time,\), each .* received \(2, 9\)"):
        workflows.sample(runs[2], str(tmp_path / "d"), count=1, grid=(2, 9))


def test_reconstructions_lie_beside_the_sounds(runs, tmp_path):
    folder, output = tmp_path / "wav", tmp_path / "[out]"
    (folder / "bert").mkdir(parents=True)
    sound = 0.4 * np.sin(np.arange(700) / 4)
    # Names that clash in their files, are long, or are not UTF-8.
    for name in ("0", "x.original", "x", "é" * 120):
        soundfile.write(folder / "bert" / f"{name}.wav", sound, RATE)
    shutil.copy(folder / "bert" / "0.wav", os.fsencode(folder) + b"/bert/z\xe9.wav")
    assert workflows.reconstruct(runs[1], f"folder:{folder}", str(output), count=5) == 5
    long = ("bert_" + "é" * 120).encode()[:200].decode(errors="ignore")
    names = ("bert_0", "bert_x.original", "bert_x_4", r"bert_z\xe9", long)
    files = [f"{name}{end}" for name in names for end in (".npz", ".original.wav", ".wav")]
    assert results_in(output) == sorted(files)
    for name in names:
        original, _ = soundfile.read(output / f"{name}.original.wav")
        np.testing.assert_allclose(original, sound, atol=2**-14)  # 16 bits
        again, rate = soundfile.read(output / f"{name}.wav")
        assert len(again) == 700 and rate == RATE
    with np.load(output / "bert_0.npz") as file:
        assert file["codes"].shape == (22,)
    assert workflows.reconstruct(runs[1], runs[0], str(tmp_path / "one"), count=1) == 1
    assert len(results_in(tmp_path / "one")) == 3


def test_any_recording_is_converted_to_a_known_voice(runs, tmp_path, monkeypatch):
    folder = tmp_path / "wav"
    (folder / "zoe").mkdir(parents=True)  # who is not among the model's speakers
    sound = 0.4 * np.sin(np.arange(1_000) / 4)
    soundfile.write(folder / "zoe" / "a.wav", sound, RATE)
    uri, output = f"folder:{folder}", tmp_path / "out"
    assert workflows.convert(runs[1], "bert", uri, str(output)) == 1
    assert results_in(output) == ["zoe_a.wav"]
    whole, rate = soundfile.read(output / "zoe_a.wav")
    model = models.load(runs[1])
    expected = model.reconstruct(np.float32(sound)[None], "bert")[0]
    assert rate == RATE
    np.testing.assert_allclose(whole, expected, atol=2**-14)  # 16 bits
    # A long one in pieces, each as a sound of its own.
    monkeypatch.setattr(audio, "PIECE_SECONDS", 0.1)  # 400 samples, rounded up to 416
    assert workflows.convert(runs[1], "anna", uri, str(output)) == 1
    pieces, _ = soundfile.read(output / "zoe_a.wav")
    for start in (0, 416, 832):
        piece = np.float32(sound)[None, start : start + 416]
        expected = model.reconstruct(piece, "anna")[0]
        np.testing.assert_allclose(pieces[start : start + 416], expected, atol=2**-14)
    assert workflows.convert(runs[1], "anna", runs[0], str(tmp_path / "one"), count=1) == 1
    assert len(results_in(tmp_path / "one")) == 1


def test_recordings_that_no_job_wrote_are_never_replaced(runs, tmp_path):
    foreign = tmp_path / "anna_1.wav"
    foreign.write_bytes(b"mine")
    with pytest.raises(UserError, match="anna_1.wav exists, and vqvae_tf did not write it or it"):
        workflows.convert(runs[1], "bert", runs[0], str(tmp_path))
    assert foreign.read_bytes() == b"mine"


def test_conversion_needs_a_speaker_whom_the_model_knows(runs, tmp_path):
    uri, path, _ = runs
    output = tmp_path / "out"
    with pytest.raises(UserError, match=r'unknown speaker "bart"; nearest: bert \(all: anna, bert'):
        workflows.convert(path, "bart", uri, str(output))
    with pytest.raises(UserError, match="is in the folder of the data"):
        workflows.convert(path, "bert", uri, uri.removeprefix("folder:") + "/out")
    with pytest.raises(UserError, match="holds a prior"):
        workflows.convert(runs[2], "bert", uri, str(output))
    without = models.AudioVQVAE(dataclasses.replace(AUDIO, speakers=()))
    with pytest.raises(UserError, match="the model has no speakers; train one on data with"):
        medium_of(without).check_speaker(without, "bert")
    assert not output.exists()


@pytest.mark.parametrize("absolute", [False, True])
def test_recordings_of_a_manifest_are_never_overwritten(runs, tmp_path, absolute):
    uri, path, _ = runs
    recordings, lists = tmp_path / "recordings", tmp_path / ("lists" if absolute else "recordings")
    shutil.copytree(uri.removeprefix("folder:") + "/anna", recordings)
    lists.mkdir(exist_ok=True)
    files = sorted(recordings.glob("*.wav"))
    (lists / "all.csv").write_text(
        "file\n" + "".join(f"{file if absolute else file.name}\n" for file in files)
    )
    before = [file.read_bytes() for file in files]
    manifest, link = f"manifest:{lists / 'all.csv'}", tmp_path / "link"
    link.symlink_to(recordings)
    for output in (recordings, link):
        with pytest.raises(UserError, match="a file of the data, which could be overwritten"):
            workflows.convert(path, "bert", manifest, str(output))
        with pytest.raises(UserError, match="a file of the data, which could be overwritten"):
            workflows.reconstruct(path, manifest, str(output))
    assert [file.read_bytes() for file in files] == before
    assert workflows.convert(path, "bert", manifest, str(recordings / "out"), count=1) == 1


def test_codes_written_once_train_another_prior(runs, tmp_path):
    written = data.open_source(f"codes:{runs[2]}/codes/*", condition="speaker").maps()
    data.write_codes(tmp_path / "codes", written, ("anna", "bert"), "speaker")
    codes = f"codes:{tmp_path / 'codes'}"
    results = workflows.train_prior(SEQUENCES, runs[1], codes, str(tmp_path / "prior"))
    # From two offsets: of 700 and 800 samples 22 and 25 codes, of 684 and 784 as many.
    assert results["codes"] == 2 * 2 * (22 + 25)


def test_what_does_not_go_together_is_refused(runs, tmp_path):
    uri, model, _ = runs
    with pytest.raises(UserError, match="take a preset of wavenet_prior: speech_prior"):
        workflows.train_prior(PRIOR, model, uri, str(tmp_path / "a"))
    with pytest.raises(UserError, match="holds no pictures"):
        workflows.train(AUTOENCODER, uri, str(tmp_path / "b"))
    with pytest.raises(UserError, match="unknown source of sounds"):
        workflows.evaluate(model, "tfrecord:photos")
    with pytest.raises(UserError, match="a search needs a model of pictures"):
        workflows.reconstruct(model, uri, str(tmp_path / "c"), search_passes=1)
    assert os.listdir(tmp_path) == []
