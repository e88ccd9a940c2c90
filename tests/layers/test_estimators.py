"""Gradient estimators against their formulas, on every learned codebook."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers
from vqvae_tf.layers import estimators

DIM = 4
KINDS = [layers.VectorQuantizer, layers.VectorQuantizerEMA, layers.SimVQ]
DRAWING = [layers.GumbelSoftmax, layers.Stochastic]


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, DIM)).astype("float32")


def rotation_gradient(z, q, upstream):
    """lambda R^T g by the matrices themselves, in float64."""
    z_hat, q_hat = z / np.linalg.norm(z), q / np.linalg.norm(q)
    r = (z_hat + q_hat) / np.linalg.norm(z_hat + q_hat)
    rotation = np.eye(len(z)) - 2 * np.outer(r, r) + 2 * np.outer(q_hat, z_hat)
    np.testing.assert_allclose(rotation @ z_hat, q_hat, atol=1e-12)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(len(z)), atol=1e-12)
    return np.linalg.norm(q) / np.linalg.norm(z) * rotation.T @ upstream


@pytest.mark.parametrize("kind", KINDS)
def test_rotation_gradient_is_the_matrix_s(kind):
    layer = kind(16, estimator="rotation")
    x, upstream = tf.constant(data(40)), data(40, seed=1)
    layer(x, training=True)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer.quantize(x).vectors
        loss = tf.reduce_sum(output * upstream)
    expected = [
        rotation_gradient(z, q, g)
        for z, q, g in zip(np.float64(x), np.float64(output), np.float64(upstream), strict=True)
    ]
    # float32 against float64, values of order 1
    np.testing.assert_allclose(tape.gradient(loss, x), expected, rtol=1e-4, atol=1e-4)


def test_rotation_is_straight_through_where_it_is_undefined():
    z = np.array([[0, 0], [1, 0], [1, 0], [1, 1]], "float32")
    q = np.array([[1, 0], [0, 0], [-1, 0], [1, 1]], "float32")  # no z, no q, opposite, the same
    z = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = tf.reduce_sum(estimators.RotationTrick()(z, q) * [[3.0, 5.0]])
    np.testing.assert_allclose(tape.gradient(loss, z), np.tile([3.0, 5.0], (4, 1)), rtol=1e-6)


@pytest.mark.parametrize("estimator", [kind(0.8) for kind in DRAWING])
@pytest.mark.parametrize("kind", KINDS)
def test_codes_are_drawn_by_the_softmax_of_the_distances(kind, estimator):
    layer = kind(3, estimator=estimator, commitment_cost=0.0)
    x = np.zeros((20_000, DIM), "float32")
    layer.build(x.shape)
    codebook = np.array([[0.2] * DIM, [0.6] * DIM, [-0.9] * DIM], "float32")
    if kind is layers.SimVQ:
        layer.table.assign(codebook)
    else:
        layer.load_codebook(codebook)
    codes = array(layer.quantize(x, training=True, freeze_codebook=True).codes)
    weights = np.exp(-np.square(codebook).sum(1) / 0.8)
    shares = np.bincount(codes, minlength=3) / len(x)
    # Five standard deviations of a share over 20,000 draws.
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=5 * 0.5 / 20_000**0.5)
    np.testing.assert_array_equal(layer.encode(x), 0)  # at inference the nearest
    again = array(layer.quantize(x, training=True, freeze_codebook=True).codes)
    assert (again != codes).any()  # the step has moved on


def test_gumbel_softmax_gradient_is_the_relaxation_s():
    layer = layers.VectorQuantizer(8, estimator=layers.GumbelSoftmax(0.7), revival_threshold=0)
    x, upstream = tf.constant(data(6)), data(6, seed=1)
    layer.build(x.shape)
    noise = -np.log(-np.log(_uniform(layer, 6, 8)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer.quantize(x, training=True).vectors * upstream)
        distances = tf.reduce_sum((x[:, None] - layer.codebook[None]) ** 2, -1)
        relaxed = tf.nn.softmax(noise - distances / 0.7) @ layer.codebook.value
        expected = tf.reduce_sum(relaxed * upstream)
    sources = [x, layer.codebook.value]
    for mine, theirs in zip(
        tape.gradient(loss, sources), tape.gradient(expected, sources), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def _uniform(layer, rows, width):
    from vqvae_tf.backend import tensorflow_ops

    return array(tensorflow_ops.uniform_rows(layer.seed, 0, 0, rows, width))


@pytest.mark.parametrize("kind", DRAWING)
def test_temperature_falls_to_its_end(kind):
    estimator = kind(2.0, final_temperature=0.5, anneal_steps=10)
    found = [float(estimator.temperature_at(step)) for step in (0, 5, 10, 99)]
    np.testing.assert_allclose(found, [2.0, 1.0, 0.5, 0.5], rtol=1e-6)
    assert float(kind(3.0).temperature_at(7)) == 3.0


@pytest.mark.parametrize("kind", DRAWING)
def test_masked_rows_draw_nothing_from_the_noise(kind):
    def make():
        layer = layers.VectorQuantizerEMA(8, estimator=kind())
        layer.load_codebook(data(8, seed=3))
        return layer

    x = data(10)
    mask = np.arange(10) % 3 != 0
    masked = make().quantize(np.where(mask[:, None], x, np.nan), training=True, mask=mask)
    bare = make().quantize(x[mask], training=True)
    np.testing.assert_array_equal(array(masked.codes)[mask], bare.codes)


def test_noise_of_a_row_does_not_hang_on_the_others():
    from vqvae_tf.backend import tensorflow_ops

    whole = tensorflow_ops.uniform_rows(3, 7, 0, 10, 6)
    np.testing.assert_array_equal(tensorflow_ops.uniform_rows(3, 7, 4, 3, 6), whole[4:7])
    compiled = tf.function(tensorflow_ops.uniform_rows, jit_compile=True)
    np.testing.assert_array_equal(compiled(3, 7, 0, 10, 6), whole)
    assert 0 < np.min(whole) and np.max(whole) < 1 and len(np.unique(whole)) == 60


def test_names_objects_and_configurations_give_the_estimator():
    for name in ("straight_through", "rotation", "gumbel_softmax", "stochastic"):
        estimator = estimators.get(name)
        assert type(estimators.get(estimators.serialize(estimator))) is type(estimator)
    layer = layers.VectorQuantizer(4, estimator=layers.GumbelSoftmax(2.0, 0.5, 30))
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.estimator.get_config() == layer.estimator.get_config()


def test_mistakes():
    with pytest.raises(ValueError, match="estimator must be an Estimator or one of straight_thr"):
        estimators.get("rotated")
    with pytest.raises(ValueError, match="temperature must be above 0; received 0"):
        layers.GumbelSoftmax(0)
