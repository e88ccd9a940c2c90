"""Codes and phones, from a manifest and a workdir to a table, JSON and a picture."""

import dataclasses
import json

import pytest
from PIL import Image

from tests.media.test_phone_evaluation import AUDIO
from tests.media.tones import RATE, Tones
from tests.programs.harness import assert_refused
from vqvae_tf import workflows
from vqvae_tf.config import TrainingConfig

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("matplotlib")


def test_phones_are_a_table_json_and_a_picture(call, tmp_path, runs):
    with open(tmp_path / "tones.jsonl", "w") as file:
        for seed, split in enumerate(("train", "test")):
            for sound in Tones(split, ("x", "yy"), 1, seed).sounds(RATE):
                row = {"file": f"{split}_{sound['name']}", "split": split}
                row |= {"speaker": ("x", "yy")[sound["speaker"]], "phones": sound["phones"]}
                soundfile.write(tmp_path / row["file"], sound["audio"], RATE)
                file.write(json.dumps(row) + "\n")
    splits = {name: f"manifest:{tmp_path}/tones.jsonl/{name}" for name in ("train", "test")}
    config = dataclasses.replace(AUDIO, training=TrainingConfig(steps=2, batch_size=2))
    workflows.train(config, splits["train"], str(tmp_path / "model"))
    data = (f"--train_data={splits['train']}", f"--data={splits['test']}")
    files = (f"--output={tmp_path}/phones.json", f"--picture={tmp_path}/phones.png")
    found = call("evaluate", f"--model={tmp_path}/model", "--phones", *data, *files)
    assert found.code == 0 and "held_out: 2 utterances, 2 voices" in found.out
    with open(tmp_path / "phones.json") as file:
        results = json.load(file)
    assert f"{100 * results['held_out']['codes']['accuracy']:.1f}" in found.out
    assert results["phones"] == ["a", "b", "c", "pau"] and len(results["table"]) == 16
    with Image.open(tmp_path / "phones.png") as picture:
        assert min(picture.size) > 100
    again = call("evaluate", f"--model={tmp_path}/model", "--phones", *data, *files)
    assert again.code == 0 and again.out == found.out
    for file in ("phones.json", "phones.png"):
        (tmp_path / file).write_bytes(b"mine")
        refused = call("evaluate", f"--model={tmp_path}/model", "--phones", *data, *files)
        assert_refused(refused, f"{file} exists, and vqvae_tf did not write it or it has changed")
        assert (tmp_path / file).read_bytes() == b"mine"
        (tmp_path / file).unlink()
    same = (data[0], f"--data={splits['train']}")
    same = call("evaluate", f"--model={tmp_path}/model", "--phones", *same)
    assert_refused(same, "must be fitted on other data than it is scored on")
    pictures = call("evaluate", f"--model={runs.model}", "--phones", *data)
    assert_refused(pictures, "holds a model of image; phones need one of audio")
