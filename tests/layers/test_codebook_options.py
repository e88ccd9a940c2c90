"""Options of the codebook quantizers: k-means, freezing, accumulation, losses, optimizer slots."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers
from vqvae_tf.layers import k_means

KINDS = [layers.VectorQuantizer, layers.VectorQuantizerEMA]


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_k_means_is_scikit_learn_s_and_outlives_the_next_step():
    cluster = pytest.importorskip("sklearn.cluster")
    x = data(400, 4) + 3 * data(8, 4, seed=1)[np.arange(400) % 8]
    start, _ = k_means.fit(x, 8, iterations=0, seed=5)
    codes, counts = k_means.fit(x, 8, iterations=10, seed=5)
    theirs = cluster.KMeans(8, init=start, n_init=1, max_iter=10, tol=0, algorithm="lloyd").fit(x)
    np.testing.assert_allclose(codes, theirs.cluster_centers_, atol=1e-5)
    for kind in KINDS:
        layer = kind(8, seed=5)
        layer.initialize(tf.data.Dataset.from_tensor_slices(x).batch(64))
        np.testing.assert_array_equal(layer.codebook, codes)
        np.testing.assert_allclose(layer.counts, counts / 50, rtol=1e-6)
        layer(x, training=True)
        np.testing.assert_allclose(layer.codebook, codes, atol=0.1)  # they are means already


def test_k_means_is_a_function_of_the_seed_and_lowers_the_error():
    x, errors = data(1000, 4), []
    for iterations in (0, 1, 10):
        layer = layers.VectorQuantizerEMA(16, seed=2)
        layer.initialize(x, iterations=iterations)
        errors.append(np.square(array(layer(x)) - x).mean())
    assert errors[0] > errors[1] > errors[2]
    again = layers.VectorQuantizerEMA(16, seed=2)
    again.initialize([x[:300].reshape(3, 100, 4), x[300:]], iterations=10)
    np.testing.assert_array_equal(again.codebook, layer.codebook)


@pytest.mark.parametrize("kind", [*KINDS, layers.SimVQ])
def test_frozen_at_call_it_keeps_its_state_and_has_its_losses(kind):
    layer, x = kind(8), tf.constant(data(40, 4))
    layer(x, training=True)
    before = [array(variable) for variable in layer.variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = layer.quantize(x, training=True, freeze_codebook=True).losses
        total = tf.add_n(list(losses.values()))
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)
    gradients = tape.gradient(total, [x, *layer.trainable_variables])
    assert np.abs(gradients[0]).max() > 0
    assert all(each is None for each in gradients[1:])


def test_a_frozen_encoder_still_trains_an_ema_codebook():
    inputs = keras.Input((6,))
    encoder = keras.layers.Dense(4, trainable=False)
    layer = layers.VectorQuantizerEMA(8)
    model = keras.Model(inputs, keras.layers.Dense(6)(layer(encoder(inputs))))
    model.compile("sgd", "mse")
    kernel, codebook = array(encoder.kernel), array(layer.codebook)
    x = data(64, 6)
    model.fit(x, x, epochs=2, verbose=0)
    np.testing.assert_array_equal(encoder.kernel, kernel)
    assert not np.array_equal(layer.codebook, codebook)


@pytest.mark.parametrize("kind", KINDS)
def test_k_steps_accumulated_are_one_of_k_times_the_size(kind):
    arguments = {"decay": 0.9, "revival_threshold": 1e-9}
    whole, parts = kind(8, **arguments), kind(8, accumulation_steps=4, **arguments)
    start = data(8, 4, seed=9)
    whole.load_codebook(start), parts.load_codebook(start)
    for step in range(3):
        x = data(400, 4, seed=step)
        whole(x, training=True)
        for number in range(4):
            before = array(parts.codebook)
            parts(x[100 * number : 100 * number + 100], training=True)
            if number < 3:
                np.testing.assert_array_equal(parts.codebook, before)
        np.testing.assert_allclose(parts.counts, whole.counts, rtol=1e-6)
        np.testing.assert_allclose(parts.codebook, whole.codebook, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(whole.counts, np.ones(8))


def test_revivals_are_drawn_from_all_accumulated_steps():
    layer = layers.VectorQuantizerEMA(256, accumulation_steps=4, revival_count=1.0)
    layer.build((None, 1))
    for number in range(4 * 8):  # an eighth of the codes is drawn every four steps
        layer(np.full((50, 1), 100.0 * (number % 4), "float32"), training=True)
    shares = np.bincount(np.round(array(layer.codebook)[:, 0] / 100).astype(int), minlength=4) / 256
    # Four times the standard deviation of 256 draws of probability 1/4; those hit stay at them.
    np.testing.assert_allclose(shares, 0.25, atol=4 * (0.25 * 0.75 / 256) ** 0.5)


def test_a_bad_step_among_accumulated_ones_is_left_out():
    good, mixed = (layers.VectorQuantizerEMA(8, accumulation_steps=2, decay=0.9) for _ in range(2))
    start, x = data(8, 4, seed=9), data(100, 4)
    good.load_codebook(start), mixed.load_codebook(start)
    good(x, training=True), good(x[:0], training=True)
    mixed(x, training=True), mixed(np.full((5, 4), np.nan, "float32"), training=True)
    np.testing.assert_array_equal(mixed.codebook, good.codebook)
    assert int(mixed.skipped_steps) == 1 and not np.array_equal(mixed.codebook, start)


def test_diversity_is_the_entropy_that_is_missing():
    x = tf.constant(data(30, 4))
    for kind in (*KINDS, layers.SimVQ):
        layer = kind(8, diversity_cost=0.5, diversity_temperature=2.0)
        layer(x)
        codebook = np.float64(layer.codebook)
        scores = -np.square(np.float64(x)[:, None] - codebook).sum(-1) / 2.0
        share = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        share = share.mean(0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = layer.quantize(x, training=True).losses["diversity"]
        expected = 0.5 * (np.log(8) + (share * np.log(share)).sum())
        np.testing.assert_allclose(loss, expected, rtol=1e-4)
        assert np.abs(tape.gradient(loss, x)).max() > 0
        assert "diversity" in layer.loss_names


def test_orthogonality_is_the_mean_squared_cosine_of_pairs():
    layer = layers.VectorQuantizer(6, orthogonality_cost=0.3)
    layer.build((None, 4))
    codes = np.float64(layer.codebook)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    pairs = [codes[i] @ codes[j] for i in range(6) for j in range(6) if i != j]
    loss = layer.quantize(data(5, 4)).losses["orthogonality"]
    np.testing.assert_allclose(loss, 0.3 * np.square(pairs).mean(), rtol=1e-5)
    orthogonal = layers.VectorQuantizer(4, orthogonality_cost=1.0)
    orthogonal.load_codebook(3.0 * np.eye(4))
    assert float(orthogonal.quantize(data(5, 4)).losses["orthogonality"]) == pytest.approx(0)


@pytest.mark.parametrize("optimizer", ["adam", "sgd_momentum", "mixed"])
def test_revived_codes_lose_their_slots(optimizer):
    layer = layers.VectorQuantizer(8, revival_threshold=0.2, decay=0.5)
    model = keras.Sequential([layer])
    model.build((None, 2))
    make = {
        "adam": lambda: keras.optimizers.Adam(0.1),
        "sgd_momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        "mixed": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
    }[optimizer]()
    make.build(model.trainable_variables)
    slots = [v for v in make.variables if tuple(v.shape) == (8, 2)]
    assert len(slots) == (1 if optimizer == "sgd_momentum" else 2)
    for slot in slots:
        slot.assign(np.ones((8, 2), "float32"))
    layer.load_codebook(np.concatenate([np.zeros((7, 2)), np.full((1, 2), 50.0)]) + data(8, 2))
    x, revived = data(64, 2), []
    for _ in range(4):  # the far code dies of having no hits
        layer(x, training=True)
        revived.append(array(layer.revived))
        layers.forget_revived(model, make)
    assert revived[-1].dtype == bool and np.any([mask[7] for mask in revived])
    ever = np.any(revived, axis=0)
    for slot in slots:
        np.testing.assert_array_equal(array(slot)[ever], 0)
        np.testing.assert_array_equal(array(slot)[~ever], 1)


def test_one_code_and_one_dimension():
    for kind in (*KINDS, layers.SimVQ):
        layer = kind(1)
        x = data(20, 1)
        for _ in range(3):
            layer(x, training=True)
        np.testing.assert_array_equal(layer.encode(x), 0)
        assert layer.bits_per_vector == 0.0
    ema = layers.VectorQuantizerEMA(1, revival_threshold=0, decay=0.0)
    ema(data(20, 1), training=True)
    np.testing.assert_allclose(array(ema.codebook)[0, 0], data(20, 1).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_mistakes(kind):
    with pytest.raises(ValueError, match="accumulation_steps must be at least 1; received 0"):
        kind(8, accumulation_steps=0)
    with pytest.raises(ValueError, match="diversity_cost must not be negative"):
        kind(8, diversity_cost=-1.0)
    with pytest.raises(ValueError, match="hold NaN or infinite"):
        kind(2).initialize(np.full((4, 2), np.nan))
