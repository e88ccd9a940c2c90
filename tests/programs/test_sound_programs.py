"""The programs on a folder of sounds, from training to samples."""

import json

import numpy as np
import pytest

from tests.programs.harness import TINY_SPEECH, TINY_SPEECH_PRIOR, assert_refused
from tests.small import results_in

soundfile = pytest.importorskip("soundfile")


def test_from_sounds_to_samples(call, tmp_path):
    for number, name in enumerate(("anna", "bert")):
        (tmp_path / "voices" / name).mkdir(parents=True)
        tone = 0.3 * np.sin(np.arange(800) * 0.1 * (1 + number))
        soundfile.write(tmp_path / "voices" / name / "a.wav", tone, 16_000)
    data, model = f"--data=folder:{tmp_path}/voices", f"--model={tmp_path}/model"
    prior = f"--prior={tmp_path}/prior"

    trained = call("train", "--preset=speech", data, f"--workdir={tmp_path}/model", *TINY_SPEECH)
    assert trained.code == 0 and "reconstruction_bits_per_sample" in trained.out
    with open(tmp_path / "model" / "config.json") as file:
        assert json.load(file)["config"]["speakers"] == ["anna", "bert"]
    fitted = call(
        "train_prior",
        "--preset=speech_prior",
        model,
        data,
        f"--workdir={tmp_path}/prior",
        *TINY_SPEECH_PRIOR,
    )
    assert fitted.code == 0 and "bits_per_code" in fitted.out
    evaluated = call("evaluate", model, prior, data)
    assert evaluated.code == 0 and "prior_bits_per_second" in evaluated.out
    sampled = call("sample", prior, "--count=2", "--label=bert", f"--output={tmp_path}/samples")
    assert sampled.out == f"{tmp_path}/samples/sample_000.wav\n"
    assert soundfile.info(tmp_path / "samples" / "sample_001.wav").frames == 6 * 64
    shown = call("reconstruct", model, data, "--count=1", f"--output={tmp_path}/shown")
    assert shown.out == f"1 reconstructions in {tmp_path}/shown\n"
    names = ["anna_a.npz", "anna_a.original.wav", "anna_a.wav"]
    assert results_in(tmp_path / "shown") == names

    phones = ("--phones", f"--train_data=folder:{tmp_path}/voices", "--data=folder:x")
    assert_refused(call("evaluate", model, *phones), 'there is no folder "x"')
    to_bert = (model, "--speaker=bert", data, f"--output={tmp_path}/converted")
    assert call("convert", *to_bert, "--count=1").out == f"1 conversions in {tmp_path}/converted\n"
    assert results_in(tmp_path / "converted") == ["anna_a.wav"]
    stranger = call("convert", model, "--speaker=carl", data, f"--output={tmp_path}/none")
    assert_refused(stranger, 'unknown speaker "carl"', "anna, bert")
    exported = call("export", model, f"--output={tmp_path}/served")
    assert_refused(exported, "draws sample by sample, outside of a graph")
    as_model = call("train", "--preset=speech_prior", data, f"--workdir={tmp_path}/other")
    assert_refused(as_model, "speech_prior is the preset of a prior; use vqvae-train-prior")
    unknown = call("sample", prior, "--label=carl", f"--output={tmp_path}/none")
    assert_refused(unknown, 'unknown class "carl"', "anna, bert")
    nothing = call("evaluate", model, "--data=tfrecord:photos")
    assert_refused(nothing, 'unknown source of sounds "tfrecord:photos"', "folder, manifest")
