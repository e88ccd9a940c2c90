"""Warnings of idle codebooks from `fit`; those of the training loop are in tests/models."""

import logging

import keras
import numpy as np
import pytest

from vqvae_tf import layers


@pytest.mark.parametrize("kind", [layers.VectorQuantizer, layers.VectorQuantizerEMA])
@pytest.mark.parametrize("collapsed", [False, True])
def test_fit_warns_of_a_codebook_that_lies_idle(kind, collapsed, caplog):
    x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    layer = kind(32, decay=0.8, revival_threshold=1e-9 if collapsed else 0.2, name="codes")
    layer.load_codebook(x[:32] + 100.0 * collapsed * (np.arange(32) > 3)[:, None])
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse")
    with caplog.at_level(logging.WARNING, logger="absl"):
        model.fit(
            x, x, epochs=2, batch_size=16, verbose=0, callbacks=[layers.CodebookHealthCallback()]
        )
    # TensorFlow's own warnings of retracing, after many fits in one process, are not meant.
    messages = [record.getMessage() for record in caplog.records if record.name == "absl"]
    expected = "epoch 2: 12 % of the codes of codes are in use"
    assert any(expected in message for message in messages) == collapsed
    assert collapsed or not messages
