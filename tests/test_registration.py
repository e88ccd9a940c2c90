"""A family and a medium from outside the package go through every job by one registration."""

import dataclasses

import numpy as np
import pytest

from tests.programs.harness import call
from tests.small import TRAINING, results_in
from tests.toy_medium import ToyConfig, ToyMedium, ToyVQVAE
from vqvae_tf import models, presets, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.models import registry

CONFIG = ToyConfig(
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(8,), stages=2),
    training=TRAINING,
)
PRIOR = models.WaveNetPriorConfig(
    channels=8, skip_channels=8, dilations=(1, 2), length=12, num_classes=1, training=TRAINING
)
DATA = "walks:6"
__all__ = ["call"]


@pytest.fixture(scope="module", autouse=True)
def registered():
    models.register("toy", ToyVQVAE, medium=ToyMedium())
    models.register("toy", ToyVQVAE, medium=ToyMedium())  # the same once more changes nothing
    yield
    del registry.FAMILIES["toy"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Workdirs of the autoencoder and of its prior."""
    base = tmp_path_factory.mktemp("toy")
    model, prior = str(base / "model"), str(base / "prior")
    results = workflows.train(CONFIG, DATA, model)
    assert results["walks"] == 6 and np.isfinite(results["mse"])
    assert np.isfinite(workflows.train_prior(PRIOR, model, DATA, prior)["bits_per_code"])
    return model, prior


def test_it_is_trained_and_loaded_by_its_name(runs):
    model = models.load(runs[0])
    assert isinstance(model, ToyVQVAE) and model.config == CONFIG
    prior, _ = workflows.load_pair(runs[1])
    assert prior.config.code_sizes == (8, 8)
    assert prior.conditions["direction"].num_classes == 2


def test_it_is_evaluated_with_its_prior(runs):
    results = workflows.evaluate(runs[0], DATA, runs[1])
    assert 0 < results["prior_bits_per_code"] < 6 and results["codes_in_use"] > 2


def test_it_is_reconstructed_and_sampled(runs, tmp_path):
    assert workflows.reconstruct(runs[0], DATA, str(tmp_path / "a"), count=2) == 2
    assert results_in(tmp_path / "a") == ["walk_0.npz", "walk_1.npz"]
    samples, codes = workflows.sample(
        runs[1], str(tmp_path / "b"), count=3, direction="down", grid=(7,)
    )
    with np.load(codes) as file:
        assert file["codes"].shape == (3, 7, 2)
    assert np.load(samples).shape == (3, 7, 3)


def test_it_is_exported_and_served_by_another_process(runs, tmp_path, call):
    output = str(tmp_path / "served")
    outcome = call("export", f"--model={runs[0]}", f"--prior={runs[1]}", f"--output={output}")
    assert outcome.code == 0, outcome.err
    assert "codes_differing  0" in outcome.out and "sampled_codes_differing  0" in outcome.out


def test_a_resumed_run_goes_on_and_other_data_are_refused(runs, tmp_path):
    with pytest.raises(UserError, match="names no walks; give walks:COUNT"):
        workflows.train(CONFIG, "embedded:photos", str(tmp_path / "x"))
    more = dataclasses.replace(CONFIG, training=dataclasses.replace(TRAINING, steps=22))
    path = str(tmp_path / "model")
    workflows.train(CONFIG, DATA, path)
    assert workflows.train(more, DATA, path)["step"] == 22


def test_families_registered_twice_are_refused():
    with pytest.raises(UserError, match='family "toy" is already registered, as ToyVQVAE'):
        models.register("toy", models.ImageVQVAE)
    with pytest.raises(UserError, match='ToyConfig is already the configuration of family "toy"'):
        models.register("toys", ToyVQVAE)
    with pytest.raises(UserError, match="no family has the configuration"):
        models.family_of(dataclasses.make_dataclass("Unknown", [])())


def test_the_library_knows_nothing_of_it():
    assert "toy" not in presets.PRESETS
