"""The programs on a folder of sounds, from training to samples."""

import json
import shutil

import numpy as np
import pytest

from tests.programs.harness import (
    TINY_PHONEMES,
    TINY_SPEECH,
    TINY_SPEECH_PRIOR,
    TINY_VOICES,
    assert_refused,
)
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
    sampled = call("sample", prior, "--count=2", "--speaker=bert", f"--output={tmp_path}/samples")
    assert sampled.out == f"{tmp_path}/samples/sample_000.wav\n"
    assert soundfile.info(tmp_path / "samples" / "sample_001.wav").frames == 6 * 64
    shown = call("reconstruct", model, data, "--count=1", f"--output={tmp_path}/shown")
    assert shown.out == f"1 reconstruction in {tmp_path}/shown\n"
    names = ["anna_a.npz", "anna_a.original.wav", "anna_a.wav"]
    assert results_in(tmp_path / "shown") == names

    phones = ("--phones", f"--train_data=folder:{tmp_path}/voices", "--data=folder:x")
    assert_refused(call("evaluate", model, *phones), 'there is no folder "x"')
    to_bert = (model, "--speaker=bert", data, f"--output={tmp_path}/converted")
    assert call("convert", *to_bert, "--count=1").out == f"1 conversion in {tmp_path}/converted\n"
    assert results_in(tmp_path / "converted") == ["anna_a.wav"]
    stranger = call("convert", model, "--speaker=carl", data, f"--output={tmp_path}/none")
    assert_refused(stranger, 'unknown speaker "carl"', "anna, bert")
    formats = ("--format=saved_model,tflite", "--size=100")
    exported = call("export", model, prior, *formats, f"--output={tmp_path}/served")
    assert exported.code == 0, exported
    for compared in ("codes", "drawn_values", "sampled_codes"):
        assert exported.out.count(f"\n{compared}_differing  0\n") == 2
    as_model = call("train", "--preset=speech_prior", data, f"--workdir={tmp_path}/other")
    assert_refused(as_model, "speech_prior is the preset of a prior; use vqvae-train-prior")
    unknown = call("sample", prior, "--speaker=carl", f"--output={tmp_path}/none")
    assert_refused(unknown, 'unknown speaker "carl"; ', "anna, bert")
    label = call("sample", prior, "--label=anna", f"--output={tmp_path}/none")
    assert_refused(label, "takes no --label but --speaker, one of anna, bert")
    nothing = call("evaluate", model, f"--data=tfrecord:{tmp_path}/voices/anna/a.wav")
    assert_refused(nothing, 'unknown source of sounds "tfrecord:', "folder, manifest")


def test_frames_first_then_waveforms_of_their_codes(call, tmp_path):
    for number, name in enumerate(("anna", "bert")):
        (tmp_path / "voices" / name).mkdir(parents=True)
        tone = 0.3 * np.sin(np.arange(800) * 0.1 * (1 + number))
        soundfile.write(tmp_path / "voices" / name / "a.wav", tone, 16_000)
    data, coder = f"--data=folder:{tmp_path}/voices", f"{tmp_path}/coder"
    trained = call("train", "--preset=phonemes", data, f"--workdir={coder}", *TINY_PHONEMES)
    assert trained.code == 0 and "bits_per_sample" not in trained.out
    voices = ("train", "--preset=voices", data, f"--workdir={tmp_path}/voices_model", *TINY_VOICES)
    assert call(*voices, f"--codes_from={coder}").code == 0
    assert call(*voices, f"--codes_from={coder}").code == 0  # it resumes, at its end
    shutil.copytree(coder, f"{tmp_path}/moved")
    assert call(*voices, f"--codes_from={tmp_path}/moved").code == 0  # the same codes
    other = (data, f"--workdir={tmp_path}/other", *TINY_PHONEMES, "--config.training.seed=1")
    assert call("train", "--preset=phonemes", *other).code == 0
    assert_refused(
        call(*voices, f"--codes_from={tmp_path}/other"),
        "voices_model was started with codes_from.weights=",
        "give the earlier values or another workdir",
    )
    shutil.copytree(tmp_path / "voices" / "anna", tmp_path / "others" / "carl")
    strangers = (
        f"--data=folder:{tmp_path}/others",
        f"--workdir={tmp_path}/strangers",
        *TINY_VOICES,
    )
    assert_refused(
        call("train", "--preset=voices", *strangers, f"--codes_from={coder}"),
        "those of the model of codes_from anna, bert; give sounds of these speakers, in this order",
    )
    found = {}
    for name in ("coder", "voices_model"):
        model, output = f"--model={tmp_path}/{name}", f"{tmp_path}/{name}_sounds"
        assert call("reconstruct", model, data, f"--output={output}").code == 0
        found[name] = np.load(f"{output}/anna_a.npz")["codes"]
        assert soundfile.info(f"{output}/anna_a.wav").frames == 800
        to_bert = call("convert", model, data, "--speaker=bert", f"--output={output}_bert")
        assert to_bert.code == 0
    np.testing.assert_array_equal(*found.values())
    prior = ("train_prior", "--preset=speech_prior", f"--model={coder}", data)
    assert call(*prior, f"--workdir={tmp_path}/prior", *TINY_SPEECH_PRIOR).code == 0
    sampled = call("sample", f"--prior={tmp_path}/prior", "--count=2", f"--output={tmp_path}/new")
    assert sampled.code == 0

    pictures = call("train", "--preset=photos", "--data=embedded:photos", f"--codes_from={coder}",
                    f"--workdir={tmp_path}/pictures")  # fmt: skip
    assert_refused(
        pictures,
        "ImageConfig trains no decoder of the codes of another model; leave codes_from out",
    )
    other = call(*voices, f"--codes_from={coder}", "--config.strides=8", "--config.frames.hop=8")
    assert_refused(other, "--config.strides is taken from --codes_from; leave it out")
    alone = call(*voices[:3], f"--workdir={tmp_path}/alone", "--config.frozen_codes=true")
    assert_refused(alone, "frozen_codes needs --codes_from")
