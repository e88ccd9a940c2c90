"""The loss-trained codebook against equation 3."""

import keras
import numpy as np
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf.layers import VectorQuantizer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_each_term_and_whom_it_moves():
    layer = VectorQuantizer(8, commitment_cost=0.7)
    x, codebook = normal(50, 4), normal(8, 4, seed=1)
    layer.load_codebook(codebook)
    inputs = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        losses = layer.quantize(inputs).losses
    codes = oracle.nearest(x, codebook)
    difference = np.float64(x) - np.float64(codebook)[codes]
    mean_square = np.square(difference).mean()
    # float32 sums of 200 terms
    np.testing.assert_allclose(losses["codebook"], mean_square, rtol=1e-6)
    np.testing.assert_allclose(losses["commitment"], 0.7 * mean_square, rtol=1e-6)
    by_code = np.zeros((8, 4))
    np.add.at(by_code, codes, -2 * difference / x.size)
    np.testing.assert_allclose(
        tape.gradient(losses["codebook"], layer.codebook.value), by_code, rtol=1e-5, atol=1e-7
    )
    assert tape.gradient(losses["codebook"], inputs) is None
    np.testing.assert_allclose(
        tape.gradient(losses["commitment"], inputs), 0.7 * 2 * difference / x.size, rtol=1e-5
    )
    assert tape.gradient(losses["commitment"], layer.codebook.value) is None


def test_without_revival_an_unused_code_keeps_its_value_to_the_bit():
    layer = VectorQuantizer(4, revival_threshold=0)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(inputs))
    layer.load_codebook([[0, 0], [1, 1], [50, 50], [0.1, 1e9]])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = normal(64, 2)
    model.fit(x, x, epochs=3, verbose=0)
    np.testing.assert_array_equal(array(layer.codebook)[2:], np.float32([[50, 50], [0.1, 1e9]]))
    assert not np.array_equal(array(layer.codebook)[:2], [[0, 0], [1, 1]])


def test_a_dead_code_is_put_on_a_vector_of_the_batch():
    layer = VectorQuantizer(8, decay=0.5)
    layer.load_codebook(np.concatenate([normal(7, 2), [[90.0, 90.0]]]))
    x = normal(64, 2, seed=3)
    for _ in range(4):
        layer(x, training=True)
    assert any((array(layer.codebook)[7] == row).all() for row in x)
