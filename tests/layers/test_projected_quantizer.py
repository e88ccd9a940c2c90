"""Projections around a quantizer, and SimVQ's projection of the codes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf import layers


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_projected_is_the_quantizer_between_two_products():
    inner = layers.VectorQuantizer(16, distance="cosine", revival_threshold=0)
    layer = layers.ProjectedQuantizer(inner, code_dim=3)
    x = data(2, 9, 12)
    layer(x)
    down = x @ array(layer.projection_in) + array(layer.projection_in_bias)
    np.testing.assert_array_equal(layer.encode(x), inner.encode(down))
    vectors = array(inner.decode(layer.encode(x)))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0, rtol=1e-6)
    up = vectors @ array(layer.projection_out) + array(layer.projection_out_bias)
    np.testing.assert_allclose(layer(x), up, atol=1e-6)


def test_projections_are_trained_by_the_decoder_s_gradient():
    layer = layers.ProjectedQuantizer(layers.VectorQuantizerEMA(16), code_dim=3)
    x = data(30, 12)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer.quantize(x, training=True).vectors ** 2)
    gradients = tape.gradient(loss, layer.trainable_variables)
    assert len(gradients) == 4 and all(np.abs(each).max() > 0 for each in gradients)


def test_around_residual_stages_can_still_be_chosen():
    layer = layers.ProjectedQuantizer(
        layers.ResidualQuantizer([layers.VectorQuantizerEMA(16) for _ in range(3)]), code_dim=2
    )
    x = data(4, 12)
    assert layer.num_stages == 3 and layer.encode(x, num_stages=2).shape == (4, 2)
    inputs = keras.Input((None, 12))
    assert layer(inputs).shape == (None, None, 12)
    codes = layer._codes_shape((None, 5, 12))
    assert codes == (None, 5, 3)


def test_cosine_codes_are_those_of_the_largest_cosine():
    layer, x = layers.VectorQuantizerEMA(16, distance="cosine"), data(200, 5)
    for step in range(3):
        layer(data(64, 5, seed=step), training=True)
    codebook = array(layer.codebook)
    codebook = codebook / np.linalg.norm(codebook, axis=1, keepdims=True)
    np.testing.assert_array_equal(layer.encode(x), np.argmax(x @ codebook.T, axis=1))
    np.testing.assert_allclose(layer(x), codebook[array(layer.encode(x))], atol=1e-6)
    np.testing.assert_array_equal(layer.encode(x), layer.encode(7.0 * x))


def test_sim_vq_is_equation_3_on_the_projected_table():
    layer, x = layers.SimVQ(16), tf.constant(data(50, 4))
    layer(x)
    layer.projection.assign(data(4, 4, seed=2))
    layer.bias.assign(data(4, seed=3))
    codebook = array(layer.table) @ array(layer.projection) + array(layer.bias)
    codes = oracle.nearest(x, codebook)
    np.testing.assert_array_equal(layer.encode(x), codes)
    np.testing.assert_allclose(layer.decode(codes), codebook[codes], atol=1e-6)
    np.testing.assert_allclose(layer.codebook, codebook, atol=1e-6)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        output = layer.quantize(x, training=True)
        terms = output.losses
    error = np.square(np.float64(x) - codebook[codes]).mean()
    np.testing.assert_allclose(terms["codebook"], error, rtol=1e-5)
    np.testing.assert_allclose(terms["commitment"], 0.25 * error, rtol=1e-5)
    assert tape.gradient(terms["codebook"], x) is None
    assert tape.gradient(terms["commitment"], layer.projection.value) is None
    assert np.abs(tape.gradient(terms["codebook"], layer.projection.value)).max() > 0
    frozen = layer.quantize(x, training=True, freeze_codebook=True)
    assert set(frozen.losses) == set(layer.loss_names)


def test_sim_vq_s_codes_move_together_and_more_stay_in_use():
    def used(layer):
        keras.utils.set_random_seed(1)
        x = data(2048, 8) @ data(8, 8, seed=3)
        inputs = keras.Input((8,))
        encoder = keras.layers.Dense(8)
        model = keras.Model(inputs, keras.layers.Dense(8)(layer(encoder(inputs))))
        model.compile(keras.optimizers.Adam(3e-3), "mse")
        model.fit(x, x, batch_size=128, epochs=8, verbose=0)
        return len(np.unique(layer.encode(encoder(x))))

    assert used(layers.SimVQ(64)) > 1.2 * used(layers.VectorQuantizer(64, revival_threshold=0))


def test_mistakes():
    with pytest.raises(ValueError, match="code_dim must be at least 1; received 0"):
        layers.ProjectedQuantizer(layers.SimVQ(4), 0)
