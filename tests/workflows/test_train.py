import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.small import AUTOENCODER, PRIOR, TRAINING, picture
from vqvae_tf import models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.training import loop, strategies


def changed(**training):
    return dataclasses.replace(AUTOENCODER, training=dataclasses.replace(TRAINING, **training))


def variables(model):
    return {variable.path: variable.numpy() for variable in model.variables}


@pytest.fixture
def trained_models(monkeypatch):
    """The models that `workflows.train` builds, which it does not hand out."""
    built = []
    build = models.build
    monkeypatch.setattr(
        models, "build", lambda *arguments: built.append(build(*arguments)) or built[-1]
    )
    return built


def test_loaded_weights_are_bit_for_bit_those_that_were_trained(runs, tmp_path, trained_models):
    path = str(tmp_path / "run")
    results = workflows.train(AUTOENCODER, runs.uri, path)
    (trained,) = trained_models
    loaded = models.load(path)
    assert loaded.config == AUTOENCODER
    before, after = variables(trained), variables(loaded)
    assert before.keys() == after.keys() and len(before) > 20
    fresh = variables(models.ImageVQVAE(AUTOENCODER))
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)
        # Nothing kept the value that it is made with: nothing was left out of the checkpoint.
        if name.endswith(("kernel", "codebook")):
            assert (value != fresh[name]).any(), name
    image = picture(21, 30)[None]
    np.testing.assert_array_equal(trained.encode(image), loaded.encode(image))
    np.testing.assert_array_equal(trained.reconstruct(image), loaded.reconstruct(image))
    with open(os.path.join(path, "evaluation.json")) as file:
        assert json.load(file) == results
    again = workflows.evaluate(path, runs.uri)
    assert {name: results[name] for name in again} == again
    assert again["pictures"] == 4 and again["data"] == runs.uri and again["skipped_pictures"] == 0


def test_an_interrupted_run_ends_as_an_uninterrupted_one(runs, tmp_path, monkeypatch):
    config = changed(weight_averaging=0.9, steps=16, checkpoint_every=4)
    straight, stopped = str(tmp_path / "straight"), str(tmp_path / "stopped")
    expected = workflows.train(config, runs.uri, straight)
    save = loop.Checkpoints.save

    def killed_after_eight(checkpoints, step):
        path = save(checkpoints, step)
        if step == 8:
            raise MemoryError("killed")
        return path

    with monkeypatch.context() as patch:
        patch.setattr(loop.Checkpoints, "save", killed_after_eight)
        with pytest.raises(MemoryError):
            workflows.train(config, runs.uri, stopped)
    assert workflows.train(config, runs.uri, stopped) == expected
    before, after = variables(models.load(straight)), variables(models.load(stopped))
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)


def test_steps_can_be_raised_and_nothing_else_changed(runs, tmp_path):
    path = str(tmp_path / "run")
    shutil.copytree(runs.model, path)
    more = changed(steps=22)
    assert workflows.train(more, runs.uri, path)["step"] == 22
    assert models.load(path).config == more
    for other, named in (
        (changed(steps=20), "config.training.steps=22"),
        (changed(steps=22, learning_rate=0.5), "config.training.learning_rate=0.01"),
        (
            dataclasses.replace(more, quantizer=models.QuantizerConfig(num_embeddings=(8,))),
            "config.quantizer.num_embeddings=16",
        ),
    ):
        with pytest.raises(UserError, match=named.replace(".", r"\.")):
            workflows.train(other, runs.uri, path)
    with pytest.raises(UserError, match="--data=folder:"):
        workflows.train(more, "embedded:photos", path)


def test_what_cannot_be_trained_leaves_no_folder_behind(runs, tmp_path):
    path, unreadable = str(tmp_path / "run"), tmp_path / "unreadable"
    unreadable.mkdir()
    (unreadable / "a.png").write_bytes(b"no picture")
    for config, uri, validation in (
        (AUTOENCODER, f"codes:{runs.prior}/codes/*.tfrecord", None),
        (AUTOENCODER, runs.uri, f"codes:{runs.prior}/codes/*.tfrecord"),
        (AUTOENCODER, f"folder:{tmp_path}", None),
        (AUTOENCODER, runs.uri, "embedded:photo"),
        (AUTOENCODER, runs.uri, f"folder:{unreadable}"),
    ):
        with pytest.raises(UserError):
            workflows.train(config, uri, path, validation_uri=validation)
        assert not os.path.exists(path)


def test_a_batch_that_the_devices_cannot_share_leaves_no_folder_behind(runs, tmp_path, monkeypatch):
    class Three(tf.distribute.OneDeviceStrategy):
        num_replicas_in_sync = 3

    monkeypatch.setattr(strategies, "get", lambda name: Three("CPU:0"))
    path = str(tmp_path / "run")
    for train in (
        lambda: workflows.train(AUTOENCODER, runs.uri, path),
        lambda: workflows.train_prior(PRIOR, runs.model, runs.uri, path),
    ):
        with pytest.raises(UserError, match="batch_size 4 must be a multiple of the 3 replicas"):
            train()
        assert not os.path.exists(path)


def test_a_folder_that_holds_no_run_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match="does not exist; give the workdir of a training run"):
        models.load(str(tmp_path / "absent"))
    with pytest.raises(UserError, match="does not exist; give the workdir of a training run"):
        models.load(runs.pictures)
    begun = tmp_path / "begun"
    begun.mkdir()
    shutil.copy(os.path.join(runs.model, "config.json"), begun)
    with pytest.raises(UserError, match="holds no checkpoint; train the model first"):
        models.load(str(begun))
    (begun / "config.json").write_text('{"schema": 2}')
    with pytest.raises(UserError, match="names no model; give the workdir of a training run"):
        models.load(str(begun))


def test_a_damaged_checkpoint_is_passed_over_and_the_log_says_so(runs, tmp_path, caplog):
    path = tmp_path / "run"
    shutil.copytree(runs.model, path)
    checkpoint = path / "checkpoints" / "checkpoint-20.data-00000-of-00001"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with caplog.at_level("WARNING"):
        model = models.load(str(path))
    assert "checkpoint-20 is damaged" in caplog.text
    assert not np.array_equal(model.quantizer.codebook, models.load(runs.model).quantizer.codebook)
