"""PixelCNN: causality and reach by gradients, conditions, slots, precision, configuration."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from vqvae_tf.errors import UserError
from vqvae_tf.networks import PixelCNN
from vqvae_tf.networks.pixelcnn import code_logits


def small(**changes):
    network = PixelCNN(**{"num_embeddings": 5, "channels": 4, "layers": 2} | changes)
    network.build()
    return network


def random_codes(*shape, num_embeddings=5, seed=0):
    return np.random.default_rng(seed).integers(0, num_embeddings, shape).astype("int32")


def seen(network, height, width):
    """[place, earlier place]: whether a feature at the first has a gradient to the second."""
    embedded = tf.constant(
        np.random.default_rng(0).normal(size=(1, height, width, network.channels)), tf.float32
    )
    label = None if network.num_classes is None else np.array([1])
    spatial = None
    if network.spatial_channels is not None:
        spatial = np.ones((1, height, width, network.spatial_channels), "float32")
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        features = network.features(embedded, label=label, spatial=spatial)
        outputs = tf.reshape(tf.reduce_sum(features, axis=-1), [-1])
    jacobian = tape.jacobian(outputs, embedded)
    places = height * width
    return np.any(np.reshape(jacobian, (places, places, network.channels)), axis=-1)


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": 7},
        {"layers": 3, "first_kernel": (4, 9), "kernel_size": (3, 5)},
        {"layers": 7, "num_classes": 3, "spatial_channels": 2},
    ],
)
def test_a_place_sees_all_of_the_past_and_nothing_else(changes):
    """No future dependency and no blind spot, over all pairs of places of a 6x7 grid."""
    network = small(**changes)
    past = np.tri(42, k=-1, dtype=bool)
    np.testing.assert_array_equal(seen(network, 6, 7), past)
    assert network.receptive_field(6, 7) == 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": 1},
        {"layers": 2},
        {"layers": 1, "first_kernel": (2, 5)},
        {"layers": 2, "first_kernel": (4, 3)},
        {"layers": 2, "kernel_size": (3, 3), "first_kernel": (2, 5)},
    ],
)
@pytest.mark.parametrize("grid", [(6, 7), (7, 4), (1, 6), (5, 1)])
def test_receptive_field_counts_what_the_gradients_show(changes, grid):
    network = small(**changes)
    pairs = seen(network, *grid)
    past = np.tri(len(pairs), k=-1, dtype=bool)
    assert not np.any(pairs & ~past)
    assert network.receptive_field(*grid) == pytest.approx(pairs.sum() / past.sum())


def test_receptive_field_of_a_single_place():
    assert small().receptive_field(1, 1) == 1.0


@pytest.mark.parametrize("slots", [None, 3])
def test_logits_depend_on_every_earlier_code_and_on_no_later_one(slots):
    network = small(layers=4, channels=32, slots=slots)  # wide: no place of dead ReLUs
    shape = (2, 3) if slots is None else (2, 3, slots)
    codes = random_codes(1, *shape)
    before = np.reshape(network(codes), (-1, 5))
    for changed in range(codes.size):
        other = codes.copy()
        other.flat[changed] = (other.flat[changed] + 1) % 5
        differs = np.any(np.reshape(network(other), (-1, 5)) != before, axis=-1)
        np.testing.assert_array_equal(differs, np.arange(codes.size) > changed)


def test_shapes_and_dtypes():
    network = small(num_classes=3, spatial_channels=2)
    codes = random_codes(2, 3, 4)
    logits = network(codes, label=np.array([0, -1]), spatial=np.ones((2, 3, 4, 2), "float32"))
    assert logits.shape == (2, 3, 4, 5) and logits.dtype == "float32"
    assert network(codes.astype("int64")).shape == (2, 3, 4, 5)
    assert network.compute_output_shape((None, None, 4)) == (None, None, 4, 5)
    assert small(slots=2)(random_codes(2, 3, 4, 2)).shape == (2, 3, 4, 2, 5)


def test_conditions_matter_and_label_minus_one_is_none():
    network = small(channels=32, num_classes=3, spatial_channels=2)
    codes = random_codes(2, 3, 4)
    bare = np.array(network(codes))
    np.testing.assert_array_equal(network(codes, np.array([-1, -1])), bare)
    labelled = np.array(network(codes, np.array([2, -1])))
    assert np.all(np.any(labelled[0] != bare[0], axis=-1))
    np.testing.assert_array_equal(labelled[1], bare[1])
    spatial = np.zeros((2, 3, 4, 2), "float32")
    np.testing.assert_array_equal(network(codes, spatial=spatial), bare)
    spatial[0, 1, 2] = 1
    differs = np.any(np.array(network(codes, spatial=spatial)) != bare, axis=-1)
    assert differs[0, 1, 2] and not differs[1].any() and not differs[0, 0].any()


def test_dropout_acts_in_training_only():
    network = small(dropout=0.5)
    codes = random_codes(2, 4, 4)
    np.testing.assert_array_equal(network(codes), network(codes))
    assert np.any(np.array(network(codes, training=True)) != np.array(network(codes)))


def test_code_vectors_are_standardised_frozen_and_used():
    network = small(code_dim=3)
    codes = random_codes(1, 3, 4)
    before = np.array(network(codes))
    vectors = np.random.default_rng(0).normal(100.0, 7.0, (5, 3))
    vectors[:, 2] = 4.0  # a dimension without any spread becomes zero
    network.load_code_vectors(vectors)
    table = ops.convert_to_numpy(network.code_vectors)
    np.testing.assert_allclose(table.mean(0), 0, atol=1e-6)  # float32
    np.testing.assert_allclose(table.std(0), [1, 1, 0], atol=1e-6)
    assert np.any(np.array(network(codes)) != before)
    assert not any("code_vectors" in weight.path for weight in network.trainable_weights)
    assert any("projection" in weight.path for weight in network.trainable_weights)


def test_slots_share_code_vectors_but_not_their_projection():
    network = small(code_dim=3, slots=2)
    table = np.array(network.code_table())
    kernel, bias = (ops.convert_to_numpy(w) for w in network.projection.weights)
    for slot in range(2):
        columns = slice(4 * slot, 4 * slot + 4)
        expected = ops.convert_to_numpy(network.code_vectors) @ kernel[:, columns] + bias[columns]
        np.testing.assert_allclose(table[5 * slot : 5 * slot + 5], expected, atol=1e-6)  # float32


@pytest.mark.parametrize("slots", [None, 2])
def test_output_bias_is_the_logits_of_a_network_without_kernel(slots):
    network = small(slots=slots)
    shape = (5,) if slots is None else (slots, 5)
    frequencies = np.log(np.random.default_rng(0).dirichlet(np.ones(5), shape[:-1]))
    network.set_output_bias(frequencies)
    for layer in network.logits:
        layer.kernel.assign(np.zeros(layer.kernel.shape))
    codes = random_codes(1, 2, 2, *shape[:-1])
    expected = np.broadcast_to(frequencies, (1, 2, 2, *shape)).astype("float32")
    np.testing.assert_array_equal(network(codes), expected)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_logits_are_float32_under_every_policy(policy):
    network = small(dtype=policy, num_classes=2, slots=2, code_dim=3)
    codes = random_codes(1, 2, 3, 2)
    logits = network(codes, label=np.array([1]))
    assert logits.dtype == "float32" and np.all(np.isfinite(logits))
    assert network(keras.Input((2, 3, 2), dtype="int32")).dtype == "float32"


def test_every_weight_has_a_gradient():
    network = small(num_classes=2, spatial_channels=2, slots=2, code_dim=3)
    codes = random_codes(2, 3, 3, 2)
    spatial = np.ones((2, 3, 3, 2), "float32")
    with tf.GradientTape() as tape:
        logits = network(codes, label=np.array([0, 1]), spatial=spatial, training=True)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=codes, logits=logits)
        )
    gradients = tape.gradient(loss, network.trainable_weights)
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        assert np.any(gradient), weight.path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_embeddings": 0}, "num_embeddings must be at least 1; received 0"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"slots": 0}, "slots must be at least 1"),
        ({"kernel_size": (2, 4)}, r"kernel_size must be .* received \(2, 4\)"),
        ({"kernel_size": (2, 1)}, r"kernel_size must be .* received \(2, 1\)"),
        ({"first_kernel": (1, 3)}, r"first_kernel must be .* received \(1, 3\)"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(UserError, match=message):
        small(**changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n(random_codes(1, 2, 2), label=np.array([0])), "a label needs a network with"),
        (lambda n: n(random_codes(1, 2, 2), None, np.ones((1, 2, 2, 1))), "spatial_channels"),
        (lambda n: n.load_code_vectors(np.ones((5, 4))), r"\(5, 3\); received \(5, 4\)"),
        (lambda n: n.set_output_bias(np.ones(4)), r"of shape \(5,\); received shape \(4,\)"),
        (lambda n: n.set_output_bias([-np.inf, 0, 0, 0, 0]), "1 infinite or NaN"),
    ],
)
def test_bad_calls_end_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small(code_dim=3))
    assert "\n" not in str(error.value)


def test_code_vectors_need_a_network_made_for_them():
    with pytest.raises(UserError, match="made without code_dim"):
        small().load_code_vectors(np.ones((5, 3)))


def test_saved_model_file_gives_the_same_logits_and_samples(tmp_path):
    codes = keras.Input((3, 4), dtype="int32")
    label = keras.Input((), dtype="int32")
    network = small(num_classes=3, code_dim=2, first_kernel=(3, 5), head_width=6, name="prior")
    network.load_code_vectors(np.random.default_rng(0).normal(size=(5, 2)))
    network.sample(1, (3, 4))  # a network that has sampled saves as well
    model = keras.Model([codes, label], network(codes, label=label))
    path = tmp_path / "prior.keras"
    model.save(path)
    again = keras.models.load_model(path)
    inputs = [random_codes(2, 3, 4), np.array([0, 2])]
    np.testing.assert_array_equal(again(inputs), model(inputs))
    restored = again.get_layer("prior")
    assert restored.get_config() == network.get_config()
    np.testing.assert_array_equal(
        restored.sample(2, (3, 4), label=1), network.sample(2, (3, 4), label=1)
    )


def test_configuration_round_trip():
    network = small(
        kernel_size=(3, 5),
        dropout=0.1,
        num_classes=2,
        spatial_channels=1,
        slots=2,
        code_dim=4,
        dtype="mixed_bfloat16",
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    assert again.get_config() == network.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]


@pytest.mark.parametrize("dim, size", [(2, 1.0), (8, 1.0), (64, 44 / (64 + 64 * 65 / 2))])
def test_features_of_wide_codes_are_scaled_down_by_their_number(dim, size):
    vectors = np.random.default_rng(0).normal(size=(200, dim)).astype("float32")
    features = code_logits._features(vectors)
    np.testing.assert_allclose(np.std(features, axis=0), size, rtol=1e-4)
    np.testing.assert_allclose(np.mean(features, axis=0), 0.0, atol=1e-5)
