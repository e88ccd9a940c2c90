"""The layers under the JAX backend agree with the same oracle as under TensorFlow."""

import jax
import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from tests.layers.cases import CODEBOOKS, DIM, QUANTIZERS
from vqvae_tf import layers
from vqvae_tf.errors import UserError


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
def test_fit_with_jit_and_decode_of_encode_is_call(name):
    layer = QUANTIZERS[name].make()
    inputs = keras.Input((5, DIM))
    outputs = keras.layers.Dense(DIM)(layer(keras.layers.Dense(DIM)(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=True)
    before = array(layer.codebook) if name in CODEBOOKS else None
    x = normal(64, 5, DIM)
    losses = model.fit(x, x, batch_size=16, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert name not in CODEBOOKS or not np.array_equal(before, array(layer.codebook))
    np.testing.assert_array_equal(array(layer.decode(layer.encode(x))), array(layer(x)))


@pytest.mark.parametrize("name", QUANTIZERS)
def test_the_decoder_s_gradient_comes_to_the_input(name):
    layer, x, weights = QUANTIZERS[name].make(), normal(8, DIM), normal(8, DIM, seed=1)
    layer.build((None, DIM))
    gradient = array(jax.grad(lambda z: (layer.quantize(z).vectors * weights).sum())(x))
    assert np.isfinite(gradient).all() and (gradient != 0).all()
    if QUANTIZERS[name].identity:
        np.testing.assert_array_equal(gradient, weights)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_masked_positions_count_nothing(name):
    masked, bare = QUANTIZERS[name].make(), QUANTIZERS[name].make()
    for step in range(4):
        x = normal(5, 6, DIM, seed=step)
        mask = np.random.default_rng(step).random((5, 6)) < 0.6
        spoilt = np.where(mask[..., None], x, np.nan).astype("float32")
        a = masked.quantize(spoilt, training=True, mask=mask)
        b = bare.quantize(x[mask], training=True)
        np.testing.assert_array_equal(array(a.codes)[mask], array(b.codes))
        for loss in a.losses:
            np.testing.assert_allclose(a.losses[loss], b.losses[loss], rtol=1e-5, atol=1e-7)
    for a, b in zip(masked.variables, bare.variables, strict=True):
        np.testing.assert_allclose(array(a), array(b), rtol=1e-6, atol=1e-6)  # order of sums


@pytest.mark.parametrize("name", QUANTIZERS)
def test_nan_and_infinity_get_codes(name):
    layer, x = QUANTIZERS[name].make(), normal(8, DIM)
    x[:4, 1] = np.nan, np.inf, -np.inf, 3e38
    codes = array(layer.encode(x))
    assert (codes >= 0).all() and (codes < layer.code_sizes).all()


def test_finite_scalars_are_the_formula():
    levels, x = (8, 5, 2, 3), 2 * normal(500, 4)
    bounded, codes = oracle.finite_scalar(x, levels)
    # float32 may round the other way within 1e-5 of the middle of two levels
    clear = (np.abs(bounded - np.floor(bounded) - 0.5) > 1e-5).all(1)
    found = array(layers.FiniteScalarQuantizer(levels).encode(x))
    np.testing.assert_array_equal(found[clear], codes[clear])


def test_entropies_are_sums_over_all_codes():
    x = normal(60, 5)
    layer = layers.LookupFreeQuantizer(entropy_cost=1.0, diversity_cost=1.0)
    losses = layer.quantize(x).losses
    each, of_mean = oracle.entropy_terms(x, oracle.bit_codes(5), 1.0)
    np.testing.assert_allclose(losses["entropy"], each, rtol=1e-5)
    np.testing.assert_allclose(losses["diversity"], 5 * np.log(2) - of_mean, rtol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_codes_do_not_hang_on_the_policy(policy):
    plain, other = layers.VectorQuantizerEMA(16), layers.VectorQuantizerEMA(16, dtype=policy)
    for step in range(3):
        plain(normal(32, 4, seed=step), training=True)
        other(normal(32, 4, seed=step), training=True)
    x = normal(500, 4, seed=9)
    np.testing.assert_array_equal(array(plain.encode(x)), array(other.encode(x)))


def test_steps_accumulated_are_one_of_all_their_vectors():
    codebook = normal(6, 3)
    layer = layers.VectorQuantizerEMA(6, decay=0.9, revival_threshold=0, accumulation_steps=3)
    layer.load_codebook(codebook)
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile("sgd", "mse", jit_compile=True)
    state, x = (np.ones(6), np.float64(codebook), np.float64(codebook)), normal(240, 3, seed=1)
    model.fit(x, x, batch_size=40, shuffle=False, verbose=0)
    for batch in np.split(x, 2):  # of three steps each
        state = oracle.ema_step(state, batch, 0.9)
    for mine, expected in zip((layer.counts, layer.sums, layer.codebook), state, strict=True):
        np.testing.assert_allclose(array(mine), expected, rtol=1e-5, atol=1e-5)  # float32 sums


@pytest.mark.parametrize("estimator", [layers.GumbelSoftmax(0.8), layers.Stochastic(0.8)])
def test_codes_are_drawn_by_the_softmax_of_the_distances(estimator):
    x = np.zeros((20_000, 4), "float32")
    codebook = np.array([[0.2] * 4, [0.6] * 4, [-0.9] * 4], "float32")

    def draw(x):
        layer = layers.VectorQuantizerEMA(3, estimator=estimator)
        layer.load_codebook(codebook)
        return array(layer.quantize(x, training=True).codes)

    codes = draw(x)
    weights = np.exp(-np.square(codebook).sum(1) / 0.8)
    shares = np.bincount(codes, minlength=3) / len(x)
    # Five standard deviations of a share over 20,000 draws.
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=5 * 0.5 / 20_000**0.5)
    np.testing.assert_array_equal(draw(x[:50]), codes[:50])  # whatever the batch


def test_models_refuse_in_words():
    from vqvae_tf import models

    config = models.ImageConfig(widths=(4, 8), residual_width=4)
    with pytest.raises(UserError, match='needs the TensorFlow backend, and .* "jax"') as error:
        models.ImageVQVAE(config)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="needs the TensorFlow backend"):
        models.PixelCNNPrior(models.PixelCNNPriorConfig(code_sizes=(16,)))
