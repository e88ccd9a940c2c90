"""The layers under the JAX backend agree with the same oracle as under TensorFlow."""

import jax
import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from tests.layers.cases import QUANTIZERS
from vqvae_tf import layers


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("mean, codes", [(0, 16), (100, 300), (1000, 64), (0, 9000)])
def test_codes(mean, codes):
    x, codebook = 0.1 * normal(300, 8) + mean, 0.1 * normal(codes, 8, seed=1) + mean
    found = array(layers.nearest_codes(x, codebook))
    np.testing.assert_array_equal(found, oracle.nearest(x, codebook))


def test_moving_averages_are_the_equations():
    codebook = normal(6, 3)
    layer = layers.VectorQuantizerEMA(6, decay=0.9, revival_threshold=0)
    layer.load_codebook(codebook)
    state = np.ones(6), np.float64(codebook), np.float64(codebook)
    for step in range(10):
        x = normal(300, 3, seed=step)
        layer(x, training=True)
        state = oracle.ema_step(state, x, 0.9)
        for mine, expected in zip((layer.counts, layer.sums, layer.codebook), state, strict=True):
            # float32 sums throughout: JAX has no float64 by default
            np.testing.assert_allclose(array(mine), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_fit_with_jit_moves_the_codebook(name):
    layer = QUANTIZERS[name]()
    inputs = keras.Input((5, 4))
    outputs = keras.layers.Dense(4)(layer(keras.layers.Dense(4)(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=True)
    before = array(layer.codebook)
    x = normal(64, 5, 4)
    losses = model.fit(x, x, batch_size=16, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert not np.array_equal(before, array(layer.codebook))
    np.testing.assert_array_equal(array(layer.decode(layer.encode(x))), array(layer(x)))


@pytest.mark.parametrize("name", QUANTIZERS)
def test_straight_through_gradient(name):
    layer, x, weights = QUANTIZERS[name](), normal(8, 4), normal(8, 4, seed=1)
    layer.build((None, 4))
    gradient = jax.grad(lambda z: (layer.quantize(z).vectors * weights).sum())(x)
    np.testing.assert_array_equal(array(gradient), weights)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_masked_positions_count_nothing(name):
    masked, bare = QUANTIZERS[name](), QUANTIZERS[name]()
    for step in range(4):
        x = normal(5, 6, 4, seed=step)
        mask = np.random.default_rng(step).random((5, 6)) < 0.6
        spoilt = np.where(mask[..., None], x, np.nan).astype("float32")
        a = masked.quantize(spoilt, training=True, mask=mask)
        b = bare.quantize(x[mask], training=True)
        np.testing.assert_array_equal(array(a.codes)[mask], array(b.codes))
    for a, b in zip(masked.variables, bare.variables, strict=True):
        np.testing.assert_allclose(array(a), array(b), rtol=1e-6, atol=1e-6)  # order of sums


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_codes_do_not_hang_on_the_policy(policy):
    plain, other = layers.VectorQuantizerEMA(16), layers.VectorQuantizerEMA(16, dtype=policy)
    for step in range(3):
        plain(normal(32, 4, seed=step), training=True)
        other(normal(32, 4, seed=step), training=True)
    x = normal(500, 4, seed=9)
    np.testing.assert_array_equal(array(plain.encode(x)), array(other.encode(x)))
