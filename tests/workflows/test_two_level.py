import dataclasses
import os

import numpy as np
import pytest

from tests.models.test_two_level_vqvae import CONFIG, PRIOR
from tests.small import PRIOR as ONE_LEVEL
from tests.small import TRAINING
from vqvae_tf import export, models, workflows
from vqvae_tf.errors import UserError

GRID = (2, 3)


@pytest.fixture(scope="module")
def trained(runs, tmp_path_factory):
    """Workdirs of a two-level autoencoder and its prior."""
    base = tmp_path_factory.mktemp("two_level")
    model, prior = str(base / "model"), str(base / "prior")
    workflows.train(CONFIG, runs.uri, model)
    config = dataclasses.replace(PRIOR, code_dim=2, num_classes=1, grid=2, training=TRAINING)
    workflows.train_prior(config, model, runs.uri, prior)
    return model, prior


def test_evaluation_counts_every_slot(trained, runs):
    model, prior = trained
    results = workflows.evaluate(model, runs.uri, prior)
    assert 5 <= results["codes_in_use"] <= 5 * 16
    assert results["usage"] == results["codes_in_use"] / (5 * 16)
    assert 0 < results["prior_bits_per_code"] < 16
    # Five codes of four bits for 8 x 8 pixels of three numbers, and more for padded pictures.
    assert results["latent_bits_per_dimension"] >= 20 / 192


def test_the_prior_starts_from_both_codebooks(trained):
    prior, model = workflows.load_pair(trained[1])
    for network, codebook in zip(
        (prior.upper, prior.lower), model.code_vectors.numpy(), strict=True
    ):
        np.testing.assert_allclose(
            network.code_vectors,
            (codebook - codebook.mean(0)) / codebook.std(0),
            rtol=1e-3,  # float32, against deviations near 0
            atol=1e-4,
        )


def test_samples_are_pictures_of_both_grids(trained, tmp_path):
    written = workflows.sample(
        trained[1], str(tmp_path), count=2, grid=GRID, label="dunes", temperature=0.5
    )
    with np.load(written[-1]) as file:
        assert file["codes"].shape == (2, *GRID, 5)
    assert os.path.exists(written[1])


def test_served_elsewhere_it_is_the_same(trained, tmp_path):
    prior, model = workflows.load_pair(trained[1])
    path, pictures = str(tmp_path / "served"), [np.zeros((16, 24, 3), np.uint8)] * 2
    export.export_saved_model(model, path, prior=prior, grid=GRID)
    check = export.check_saved_model(model, path, pictures, prior=prior, grid=GRID)
    assert check["codes_differing"] == check["sampled_codes_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4  # sums of another order, in float32
    path = str(tmp_path / "model.tflite")
    export.export_tflite(model, path, (16, 24), prior=prior, grid=GRID)
    check = export.check_tflite(model, path, pictures, prior=prior, grid=GRID)
    assert check["codes_differing"] == check["sampled_codes_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4


def test_noise_of_a_sample_draws_the_prior_s_own_codes(trained):
    prior, model = workflows.load_pair(trained[1])
    sample = export.model_signatures.sample_from_noise_signature(model, prior, GRID)[
        "sample"
    ].function
    noise = export.noise_of(prior, GRID, seed=4, sample=1)
    assert noise["lower_noise"].shape == (4, 6, 1, 16)
    expected = prior.sample(2, grid=GRID, seed=4, label=0)[1:]
    np.testing.assert_array_equal(sample(**noise, label=np.zeros(1, np.int32))["codes"], expected)


def test_a_prior_of_one_level_is_refused(trained, runs, tmp_path):
    other = models.PixelCNNPrior(models.PixelCNNPriorConfig(code_sizes=(16,), layers=2))
    with pytest.raises(UserError, match=r"with code_sizes \(16,\), and the model has rank 2 and"):
        export.export_saved_model(models.load(trained[0]), str(tmp_path / "served"), prior=other)
    with pytest.raises(UserError, match="has an upper and 4 equal lower codes per place"):
        workflows.train_prior(PRIOR, runs.model, runs.uri, str(tmp_path / "prior"))


def test_a_prior_of_one_grid_models_both_levels_as_slots(trained, runs, tmp_path):
    config = models.PixelCNNPriorConfig(
        channels=8, layers=2, head_width=8, grid=2, training=TRAINING
    )
    path = str(tmp_path / "prior")
    workflows.train_prior(config, trained[0], runs.uri, path)
    prior, _ = workflows.load_pair(path)
    assert prior.config.code_sizes == (16,) * 5


def test_a_prior_of_one_level_is_refused_before_its_folder_is_made(trained, runs, tmp_path):
    path = str(tmp_path / "prior")
    one_level = dataclasses.replace(ONE_LEVEL, code_dim=2)
    with pytest.raises(UserError, match="holds a model of two levels, .*: photos_two_level_prior"):
        workflows.train_prior(one_level, trained[0], runs.uri, path)
    assert not os.path.exists(path)
