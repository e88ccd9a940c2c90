import dataclasses
import logging

import pytest

from tests.small import AUTOENCODER, PRIOR, TRAINING
from vqvae_tf import workflows

ONE_STEP = dataclasses.replace(TRAINING, steps=1)


@pytest.mark.parametrize("validation", [False, True])
def test_the_log_names_what_takes_longer_than_training(runs, tmp_path, caplog, validation):
    """And how to make an evaluation shorter, where that is on all training data."""
    caplog.set_level(logging.INFO, logger="absl")
    uri, path = (runs.uri if validation else None), str(tmp_path / "run")
    config = dataclasses.replace(AUTOENCODER, training=ONE_STEP)
    workflows.train(config, runs.uri, path, validation_uri=uri)
    line = f"evaluating on {runs.uri}"
    if not validation:
        line = f"evaluating on all of {runs.uri}; --validation=URI names other data"
    assert line in caplog.messages
    caplog.clear()
    prior = dataclasses.replace(PRIOR, training=ONE_STEP)
    workflows.train_prior(prior, path, runs.uri, str(tmp_path / "prior"), validation_uri=uri)
    assert f"encoding {runs.uri}" in caplog.messages
    assert line in caplog.messages
