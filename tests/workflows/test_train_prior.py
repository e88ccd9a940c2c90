import dataclasses
import json
import math
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.small import AUTOENCODER, PRIOR, TRAINING, picture
from vqvae_tf import data, models, workflows
from vqvae_tf.config import DataConfig
from vqvae_tf.errors import UserError
from vqvae_tf.media import medium_of
from vqvae_tf.workflows import prior_bits
from vqvae_tf.workflows.load import digest
from vqvae_tf.workflows.train_prior import _crop_of


def test_the_workdir_holds_all_that_sampling_needs(runs):
    prior, autoencoder = workflows.load_pair(runs.prior)
    original = models.load(runs.model)
    for before, after in zip(original.variables, autoencoder.variables, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)
    sizes = prior.config
    assert (sizes.code_sizes, sizes.num_classes) == ((16,), 2)
    with open(os.path.join(runs.prior, "config.json")) as file:
        written = json.load(file)
    assert written["class_names"] == ["dunes", "waves"]
    assert written["codebook"] == digest(original)


def test_loaded_weights_are_bit_for_bit_those_that_were_trained(runs, tmp_path, monkeypatch):
    built, build = [], models.build
    monkeypatch.setattr(
        models, "build", lambda *arguments: built.append(build(*arguments)) or built[-1]
    )
    path = str(tmp_path / "prior")
    config = dataclasses.replace(PRIOR, code_dim=1)  # the autoencoder's is taken
    codes = f"codes:{runs.prior}/codes/*.tfrecord"
    workflows.train_prior(config, runs.model, codes, path)
    (trained,) = built
    loaded, autoencoder = workflows.load_pair(path)
    assert loaded.config.code_dim == 2
    codebook = autoencoder.quantizer.codebook.numpy()
    scaled = (codebook - codebook.mean(0)) / codebook.std(0)
    # Computed in float32 here and in float64 there.
    np.testing.assert_allclose(loaded.network.code_vectors, scaled, atol=1e-6)
    assert len(trained.variables) == len(loaded.variables) > 20
    for before, after in zip(trained.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(runs, tmp_path):
    straight, resumed = str(tmp_path / "straight"), str(tmp_path / "resumed[1]")
    constant = dataclasses.replace(PRIOR, dropout=0.1, training=TRAINING)
    short = dataclasses.replace(constant, training=dataclasses.replace(TRAINING, steps=10))
    expected = workflows.train_prior(constant, runs.model, runs.uri, straight)
    workflows.train_prior(short, runs.model, runs.uri, resumed)
    assert workflows.train_prior(constant, runs.model, runs.uri, resumed) == expected
    pairs = zip(models.load(straight).variables, models.load(resumed).variables, strict=True)
    for before, after in pairs:
        np.testing.assert_array_equal(before, after, err_msg=before.path)


def test_training_starts_from_the_codes_frequencies_and_learns(runs):
    prior, _ = workflows.load_pair(runs.prior)
    maps = list(data.open_source(f"codes:{runs.prior}/codes/*.tfrecord").maps())
    found = prior_bits.mean_bits(prior, maps)
    assert found["codes"] == sum(item["codes"].size for item in maps)
    counts = np.bincount(np.concatenate([item["codes"].ravel() for item in maps]), minlength=16)
    share = counts[counts > 0] / counts.sum()
    assert found["bits_per_code"] < -(share * np.log2(share)).sum()


def test_evaluation_with_a_prior_counts_its_bits(runs):
    results = workflows.evaluate(runs.model, runs.uri, runs.prior)
    prior, autoencoder = workflows.load_pair(runs.prior)
    maps = list(medium_of(autoencoder).code_maps(autoencoder, data.open_source(runs.uri)))
    bits = [
        -float(prior.log_prob(item["codes"][None], label=[item["label"]])[0]) / math.log(2)
        for item in maps
    ]
    codes = sum(item["codes"].size for item in maps)
    # Traced and eager float32 sums over a few hundred places.
    assert results["prior_bits_per_code"] == pytest.approx(sum(bits) / codes, rel=1e-5)
    assert results["bits_per_dimension_with_prior"] == pytest.approx(
        results["reconstruction_bits_per_dimension"] + results["prior_bits_per_dimension"]
    )


PIXELCNN = models.PixelCNNPriorConfig(
    code_sizes=(16,), channels=8, layers=3, head_width=8, num_classes=2
)
TWO_LEVEL = models.TwoLevelPriorConfig(
    code_sizes=(8, 16, 16, 16, 16), channels=8, layers=3, upper_channels=8, upper_layers=2,
    condition_channels=8, head_width=8,
)  # fmt: skip
WAVENET = models.WaveNetPriorConfig(
    code_sizes=(16, 16), channels=8, skip_channels=8, dilations=(1, 2)
)


@pytest.mark.parametrize("config", [PIXELCNN, TWO_LEVEL, WAVENET])
def test_large_grids_are_scored_in_pieces(config, monkeypatch):
    prior = models.build(models.family_of(config), config)
    draws = np.random.default_rng(0)
    for variable in prior.variables:
        if variable.path.endswith(("kernel", "embedding")):  # else all logits are alike
            scale = 2.0 * max(variable.shape[-2], 1) ** -0.5
            variable.assign(draws.normal(0, scale, variable.shape))
    grid = (40, 50) if prior.grid_rank == 2 else (300,)
    codes = draws.integers(0, 8, [2, *grid, len(config.code_sizes)]).astype("int32")
    told = {name: np.array([0, 1]) for name in prior.conditions}
    whole = -prior.log_prob(codes, **told).numpy() / np.log(2)
    bits = prior_bits.bits_of(prior)
    # Sums of float32 in another order.
    np.testing.assert_allclose(bits(codes, told), whole, rtol=1e-5)
    monkeypatch.setattr(prior_bits, "MOST_LOGITS", 2 * sum(config.code_sizes) * 12 * 12)
    parts = bits(codes, told)
    if config.reach is None:  # codes next to a cut see less
        np.testing.assert_allclose(parts, whole, rtol=0.2)
    else:
        np.testing.assert_allclose(parts, whole, rtol=1e-5)
        monkeypatch.setattr(type(config), "reach", 0)
        assert (np.abs(prior_bits.bits_of(prior)(codes, told) - whole) > 1e-4 * whole).all()


def test_labels_of_other_classes_are_not_given_to_the_prior(runs, tmp_path):
    for name in ("apples", "pears"):
        (tmp_path / name).mkdir()
        Image.fromarray(picture(16, 20)).save(tmp_path / name / "a.png")
    results = workflows.evaluate(runs.model, f"folder:{tmp_path}", runs.prior)
    first, second = results["per_picture"]
    assert first["prior_bits_per_code"] == second["prior_bits_per_code"]


def test_another_codebook_is_refused(runs, tmp_path):
    other = str(tmp_path / "other")
    config = dataclasses.replace(AUTOENCODER, training=dataclasses.replace(TRAINING, steps=1))
    workflows.train(config, runs.uri, other)
    with pytest.raises(UserError, match="another codebook than that of the given model"):
        workflows.evaluate(other, runs.uri, runs.prior)
    mixed = str(tmp_path / "mixed")
    shutil.copytree(runs.prior, mixed)
    shutil.rmtree(os.path.join(mixed, "model"))
    shutil.copytree(other, os.path.join(mixed, "model"))
    os.remove(os.path.join(mixed, "manifest.json"))  # as in a workdir of an earlier version
    with pytest.raises(UserError, match="another codebook than that of the model in its workdir"):
        workflows.sample(mixed, str(tmp_path / "samples"))
    with pytest.raises(UserError, match="was started with codebook="):
        workflows.train_prior(PRIOR, other, runs.uri, mixed)
    record = pathlib.Path(mixed, "config.json")
    written = json.loads(record.read_text())
    del written["codebook"], written["class_names"]
    record.write_text(json.dumps(written))
    with pytest.raises(UserError, match="trained on another codebook"):
        workflows.sample(mixed, str(tmp_path / "samples"))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.full([2, 2], 16), "codes up to 16"),
        (
            np.zeros([2, 2, 3], int),
            "rank 2 with 3 codes per place; the model's have rank 2",
        ),
    ],
)
def test_codes_of_another_model_are_refused(runs, tmp_path, codes, message):
    path = str(tmp_path / "codes.tfrecord")
    data.write_codes(path, [{"name": "x", "codes": codes, "label": None}])
    workdir = str(tmp_path / "prior")
    with pytest.raises(UserError, match=message):
        workflows.train_prior(PRIOR, runs.model, f"codes:{path}", workdir)
    assert not os.path.exists(workdir)


def test_pictures_too_small_for_a_crop_are_left_to_the_others(runs, tmp_path, caplog):
    pictures = tmp_path / "pictures"
    shutil.copytree(runs.pictures, pictures)
    Image.fromarray(picture(1, 2)).save(pictures / "waves" / "tiny.png")
    varied = dataclasses.replace(PRIOR, data=DataConfig(half_size_share=0.5, recolour_share=0.5))
    workdir = str(tmp_path / "prior")
    with caplog.at_level("WARNING"):
        results = workflows.train_prior(varied, runs.model, f"folder:{pictures}", workdir)
    assert np.isfinite(results["bits_per_code"])
    assert "are smaller than a crop of 4 codes and are not trained on; a lower" in caplog.text
    maps = [{"codes": np.zeros(shape, int)} for shape in ((3, 9, 1), (2, 2, 1), (8, 3, 1))]
    assert _crop_of(maps, (4, 4)) == ((3, 3), [maps[0], maps[2]])
    sequences = [{"codes": np.zeros([time, 1], int), "rank": 1} for time in (5, 9)]
    assert _crop_of(sequences, (7,)) == ((7,), sequences[1:])


def test_an_autoencoder_s_workdir_is_no_prior_s(runs, tmp_path):
    with pytest.raises(UserError, match="holds no prior but a model of family image"):
        workflows.sample(runs.model, str(tmp_path))
    with pytest.raises(UserError, match="holds a prior; --model takes"):
        workflows.train_prior(PRIOR, runs.prior, runs.uri, str(tmp_path / "prior"))


def test_variations_show_the_same_picture_under_more_codes(runs):
    autoencoder = models.load(runs.model)
    source = data.open_source(runs.uri)
    plain = list(medium_of(autoencoder).code_maps(autoencoder, source))
    assert [item["name"] for item in plain] == [
        "dunes/a.png", "dunes/b.png", "waves/a.png", "waves/b.png"
    ]  # fmt: skip
    varied = DataConfig(flip=True, half_size_share=0.5, recolour_share=0.5)
    maps = list(medium_of(autoencoder).code_maps(autoencoder, source, varied, seed=3))
    # As it is and at half its size; each mirrored as well; each from 2 x 2 offsets; and half of
    # these recoloured as well, without their class.
    assert len(maps) == 4 * (2 * 2 * 4 + 8)
    assert [item["label"] for item in maps[:24]] == [0] * 16 + [-1] * 8
    np.testing.assert_array_equal(maps[0]["codes"], plain[0]["codes"])
    again = medium_of(autoencoder).code_maps(autoencoder, source, varied, seed=3)
    for first, second in zip(maps, again, strict=True):
        np.testing.assert_array_equal(first["codes"], second["codes"])
