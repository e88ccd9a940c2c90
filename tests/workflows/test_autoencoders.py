import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.small import AUTOENCODER, PRIOR, TRAINING, picture
from vqvae_tf import data, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media.whole_pictures import Compiled
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
            r"config.quantizer.num_embeddings=\[16\]",
        ),
    ):
        with pytest.raises(UserError, match=named.replace(".", r"\.")):
            workflows.train(other, runs.uri, path)
    with pytest.raises(UserError, match='data="folder:'):
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


def test_evaluation_measures_the_pictures_that_it_is_given(runs):
    results = workflows.evaluate(runs.model, runs.uri)
    model = models.load(runs.model)
    source = data.open_source(runs.uri)
    errors, pixels, names = 0.0, 0, []
    for item in source.pictures():
        image = item["image"].astype(float)
        difference = image - model.reconstruct(item["image"][None])[0].numpy()
        errors += (difference**2).sum() / 255**2
        pixels += image.size
        names.append(item["name"])
    # Traced and eager sums may round otherwise, which tips a pixel here and there by 1 of 255.
    assert results["mse"] == pytest.approx(errors / pixels, rel=1e-4)
    assert results["psnr"] == pytest.approx(-10 * np.log10(results["mse"]))
    assert [row["name"] for row in results["per_picture"]] == names
    assert results["bits_per_dimension"] == pytest.approx(
        results["reconstruction_bits_per_dimension"] + results["latent_bits_per_dimension"]
    )
    assert "prior_bits_per_code" not in results


def test_reconstruct_writes_pictures_beside_their_reconstructions_and_codes(runs, tmp_path):
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path)) == 4
    names = ["dunes_a", "dunes_b", "waves_a", "waves_b"]
    assert sorted(os.listdir(tmp_path)) == sorted(n + e for n in names for e in (".npz", ".png"))
    model = models.load(runs.model)
    original = np.asarray(Image.open(os.path.join(runs.pictures, "dunes", "b.png")))
    written = np.asarray(Image.open(tmp_path / "dunes_b.png"))
    np.testing.assert_array_equal(written[:27, :33], original)
    with np.load(tmp_path / "dunes_b.npz") as file:
        np.testing.assert_array_equal(file["codes"], model.encode(original[None])[0])
        reconstruction = model.decode(file["codes"][None])[0, :27, :33].numpy().astype(int)
    # Traced and eager sums may round otherwise in the last bit.
    assert np.abs(written[:27, -33:] - reconstruction).max() <= 1


def test_reconstruct_stops_at_the_count_and_keeps_pictures_of_one_name_apart(runs, tmp_path):
    pictures, output = tmp_path / "pictures", str(tmp_path / "output")
    pictures.mkdir()
    for name in ("a.bmp", "a.png", "b.png"):
        Image.fromarray(picture(8, 8)).save(pictures / name)
    assert workflows.reconstruct(runs.model, f"folder:{pictures}", output, count=2) == 2
    assert sorted(os.listdir(output)) == ["a.npz", "a.png", "a_1.npz", "a_1.png"]


def test_a_prior_s_workdir_is_no_autoencoder_s(runs, tmp_path):
    with pytest.raises(UserError, match="holds a prior; --model wants the autoencoder's workdir"):
        workflows.evaluate(runs.prior, runs.uri)


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


def test_one_trace_does_for_pictures_of_every_size(runs):
    compiled = Compiled(models.load(runs.model))
    for height, width in ((8, 8), (9, 30)):
        image = picture(height, width)[None]
        codes = compiled.encode(image)
        assert compiled.decode(codes).shape[1] >= height
        assert compiled.bits({"image": image}, codes)["reconstruction"].shape == (1,)
    assert compiled._decode.experimental_get_tracing_count() == 1


def test_searched_codes_are_measured_and_written(runs, tmp_path):
    nearest = workflows.evaluate(runs.model, runs.uri, runs.prior)
    searched = workflows.evaluate(runs.model, runs.uri, runs.prior, search_passes=1)
    cheap = workflows.evaluate(runs.model, runs.uri, runs.prior, search_passes=1, rate_weight=1e5)
    assert searched["mse"] < nearest["mse"]
    assert cheap["prior_bits_per_code"] < searched["prior_bits_per_code"]
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path), 1, search_passes=1) == 1
    written = np.load(next(tmp_path.glob("*.npz")))["codes"]
    model = models.load(runs.model)
    original = next(data.open_source(runs.uri).pictures())
    codes = models.CodeSearch(model, passes=1).encode(original["image"][None])
    np.testing.assert_array_equal(codes[0], written)
