import json
import os
import pathlib
import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.small import PRIOR
from vqvae_tf import workflows
from vqvae_tf.errors import UserError
from vqvae_tf.workflows import prior_files

MAPS = [{"name": f"m{n}", "codes": np.full([3, 4], n), "rank": 2, "label": n % 2} for n in range(6)]
CLASSES = ("cat", "dog")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[random.Random(0).randrange(len(content))] ^= 4
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def become_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(runs, tmp_path_factory):
    """A workdir with both parts, under a name that a glob takes for a pattern."""
    path = tmp_path_factory.mktemp("prior[1]")
    prior_files.keep_model(str(path), runs.model)
    prior_files.keep_codes(str(path), lambda: MAPS, CLASSES, "label")
    return path


def kept(path, model, make=lambda: MAPS):
    prior_files.keep_model(path, model)
    prior_files.keep_codes(path, make, CLASSES, "label")
    return prior_files.read_codes(path, "label")


def test_a_full_disk_leaves_no_half_of_the_model(runs, tmp_path, monkeypatch):
    copy = tf.io.gfile.copy

    def full(source, target, overwrite=False):
        if not str(target).startswith(str(tmp_path)):
            copy(source, target, overwrite)  # to read a checkpoint
            return
        pathlib.Path(target).write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.gfile, "copy", full)
    with pytest.raises(UserError, match=r"cannot write .* free some space"):
        prior_files.keep_model(str(tmp_path), runs.model)
    assert contents(tmp_path) == {}


def test_the_manifest_lists_what_was_written(whole, runs):
    found = contents(whole)
    manifest = json.loads(found.pop("manifest.json"))
    assert found.keys() == manifest["model"].keys() | manifest["codes"].keys()
    for name, facts in (manifest["model"] | manifest["codes"]).items():
        assert facts["bytes"] == len(found[name]) and len(facts["sha256"]) == 64
    assert found["codes/classes.txt"] == b"cat\ndog\n"
    assert found["model/config.json"] == pathlib.Path(runs.model, "config.json").read_bytes()


def test_what_is_whole_is_not_made_again(whole, runs, tmp_path):
    path = tmp_path / "prior"
    shutil.copytree(whole, path)

    def make():
        raise AssertionError("made again")

    maps = kept(str(path), str(tmp_path / "nowhere"), make)
    assert [item["codes"].tolist() for item in maps] == [item["codes"].tolist() for item in MAPS]
    assert [item["label"] for item in maps] == [0, 1] * 3
    assert contents(path) == contents(whole)


@pytest.mark.parametrize("damage", [cut, flip, empty, remove, become_a_pipe])
def test_what_is_damaged_is_made_again(whole, runs, tmp_path, caplog, damage):
    for number, name in enumerate(sorted(contents(whole))):
        path = tmp_path / str(number)
        shutil.copytree(whole, path)
        damage(path / name)
        if name.startswith("model"):
            with pytest.raises(UserError, match=r"vqvae-train-prior .* once more") as error:
                prior_files.check_model(str(path))
            assert str(path / name) in str(error.value) and "\n" not in str(error.value)
        else:
            prior_files.check_model(str(path))
        caplog.clear()
        if damage is become_a_pipe:  # nothing that was not written by us is replaced without need
            (path / name).unlink()
        assert len(kept(str(path), runs.model)) == 6
        assert contents(path) == contents(whole)
        if name != "manifest.json" or damage not in (remove, become_a_pipe):
            assert any(name in record.getMessage() for record in caplog.records)
        assert "differs from" not in caplog.text


def test_codes_of_other_data_are_told(whole, runs, tmp_path, caplog):
    shutil.copytree(whole, tmp_path / "prior")
    remove(tmp_path / "prior" / "codes" / "codes.tfrecord")
    assert len(kept(str(tmp_path / "prior"), runs.model, lambda: MAPS[:5])) == 5
    assert "codes differs from that at the start of the run" in caplog.text
    caplog.clear()
    kept(str(tmp_path / "prior"), runs.model)
    assert not caplog.records


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "model": 3}', "null", '"' + "[" * 100_000],
)
def test_a_manifest_that_cannot_be_used_makes_all_anew(whole, runs, tmp_path, manifest):
    shutil.copytree(whole, tmp_path / "prior")
    (tmp_path / "prior" / "manifest.json").write_text(manifest)
    kept(str(tmp_path / "prior"), runs.model)
    assert contents(tmp_path / "prior") == contents(whole)


def test_codes_that_were_not_finished_are_written_anew(runs, tmp_path):
    def interrupted():
        yield MAPS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(str(tmp_path), runs.model, interrupted)
    assert len(kept(str(tmp_path), runs.model)) == 6


def test_training_again_mends_a_prior_and_sampling_says_so(runs, tmp_path):
    path = tmp_path / "prior [x]"
    shutil.copytree(runs.prior, path)
    before = contents(path)
    cut(path / "codes" / "codes.tfrecord")
    flip(next((path / "model" / "checkpoints").glob("*data*")))
    with pytest.raises(UserError, match=r"is damaged: .* once more: it copies the model again"):
        workflows.sample(str(path), str(tmp_path / "samples"), count=1)
    assert not os.path.exists(tmp_path / "samples")
    workflows.train_prior(PRIOR, runs.model, runs.uri, str(path))
    after = contents(path)
    for name in before:
        if name.startswith(("model", "codes", "manifest", "checkpoints")):
            assert after[name] == before[name], name
    workflows.sample(str(path), str(tmp_path / "samples"), count=1)
