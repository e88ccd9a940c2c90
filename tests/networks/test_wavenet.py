"""WaveNet: a NumPy oracle, causality by gradients, conditions, heads, precision, configuration."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from vqvae_tf import likelihoods
from vqvae_tf.errors import UserError
from vqvae_tf.networks import WaveNet, mu_law_decode, mu_law_encode

CONDITIONS = {"num_classes": 3, "local_channels": 2, "upsampling": 4}


def small(**changes):
    sizes = {"num_embeddings": 5, "channels": 6, "skip_channels": 8, "dilations": (1, 2, 4)}
    network = WaveNet(**sizes | changes)
    network.build()
    return network


def random_codes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 5, shape).astype("int32")


def random_local(batch, frames, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, frames, channels)).astype("float32")


def oracle(network, codes, label, local):
    """The network in float64, step by step as its docstring and the paper have it."""

    def dense(layer, x):
        kernel, bias = (ops.convert_to_numpy(w).astype(float) for w in (layer.kernel, layer.bias))
        return x @ kernel + bias

    table = ops.convert_to_numpy(network.embedding).astype(float)
    channels, (batch, time) = network.channels, codes.shape
    kernel = ops.convert_to_numpy(network.frames.kernel).astype(float)
    padded = np.pad(local.astype(float), [(0, 0), (1, 1), (0, 0)])
    bias = ops.convert_to_numpy(network.frames.bias)
    outputs = np.zeros((batch, time, network.output_channels))
    for b in range(batch):
        frames = [
            sum(padded[b, f + k] @ kernel[k] for k in range(3)) + bias
            for f in range(local.shape[1])
        ]
        h = np.array([np.zeros(channels), *table[codes[b, :-1]]])
        gates = []
        for layer in network.dilated:
            g = np.zeros((time, channels))
            for t in range(time):
                places = [t - k * layer.dilation for k in reversed(range(layer.kernel_size))]
                taps = [h[place] if place >= 0 else np.zeros(channels) for place in places]
                p = dense(layer.taps, np.concatenate(taps))
                if label[b] >= 0:
                    p = p + ops.convert_to_numpy(layer.label_bias.kernel)[label[b]]
                frame = frames[t // network.upsampling]
                p = p + frame @ ops.convert_to_numpy(layer.local_bias.kernel)
                g[t] = np.tanh(p[:channels]) / (1 + np.exp(-p[channels:]))
            gates.append(g)
            h = h if layer.residual is None else h + dense(layer.residual, g)
        x = np.maximum(dense(network.skip, np.concatenate(gates, -1)), 0)
        outputs[b] = dense(network.outputs, np.maximum(dense(network.hidden, x), 0))
    return outputs


@pytest.mark.parametrize("changes", [{}, {"kernel_size": 3, "dilations": (1, 3), "upsampling": 5}])
@pytest.mark.parametrize("head", ["categorical", "logistic_mixture"])
def test_outputs_equal_a_plain_computation(changes, head):
    network = small(**CONDITIONS | changes, head=head, mixture_components=2)
    codes, label = random_codes(2, 13), np.array([2, -1])
    local = random_local(2, network.frames_of(13))
    outputs = network(codes, label=label, local=local)
    # Float32 against float64 over three small layers.
    np.testing.assert_allclose(outputs, oracle(network, codes, label, local), atol=2e-6)


@pytest.mark.parametrize(
    ("changes", "reach"),
    [
        ({}, 8),
        ({"dilations": (1, 2, 4, 1, 2, 4)}, 15),
        ({"kernel_size": 3, "dilations": (1, 2)}, 7),
        (CONDITIONS | {"dilations": (1, 2, 2)}, 6),
    ],
)
def test_a_step_sees_its_receptive_field_and_nothing_else(changes, reach):
    """No future, and no blind spot, over all pairs of steps."""
    network = small(**{"channels": 16, "skip_channels": 32} | changes)
    assert network.receptive_field == reach
    time = reach + 5
    embedded = tf.constant(np.random.default_rng(0).normal(size=(1, time, 16)), tf.float32)
    given = {}
    if network.num_classes:
        given = {"label": np.array([1]), "local": random_local(1, network.frames_of(time))}
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        outputs = tf.reduce_sum(network.from_embedded(embedded, **given), axis=-1)[0]
    seen = np.any(np.reshape(tape.jacobian(outputs, embedded), (time, time, 16)), axis=-1)
    back = np.arange(time)[:, None] - np.arange(time)
    np.testing.assert_array_equal(seen, (back >= 1) & (back <= reach))


def test_a_step_sees_its_frame_and_one_to_either_side():
    network = small(**CONDITIONS)
    local = tf.constant(random_local(1, 5))
    codes = random_codes(1, 18)
    with tf.GradientTape() as tape:
        tape.watch(local)
        outputs = tf.reduce_sum(network(codes, local=local), axis=-1)[0]
    seen = np.any(tape.jacobian(outputs, local)[:, 0], axis=-1)
    frame = np.arange(18) // 4
    ahead = np.arange(5) - frame[:, None]
    assert seen[np.abs(ahead) <= 1].all() and not seen[ahead > 1].any()


@pytest.mark.parametrize("time", [1, 2, 8, 19])
def test_any_length_will_do(time):
    network = small(**CONDITIONS)
    codes, local = random_codes(2, 19), random_local(2, 5)
    whole = network(codes, local=local)
    frames = network.frames_of(time)
    near = network(codes[:, :time], local=local[:, :frames])
    assert near.shape == (2, time, 5)
    # The last frame's neighbour is cut off: what it does not reach is as before.
    known = max(0, (frames - 1) * 4) if frames < 5 else time
    np.testing.assert_allclose(near[:, :known], whole[:, :known], atol=1e-6)


def test_conditions_matter_and_label_minus_one_is_none():
    network = small(channels=32, skip_channels=64, **CONDITIONS)  # wide: no step of dead ReLUs
    codes = random_codes(2, 12)
    bare = np.array(network(codes))
    np.testing.assert_array_equal(network(codes, np.array([-1, -1])), bare)
    labelled = np.array(network(codes, np.array([2, -1])))
    assert np.all(np.any(labelled[0] != bare[0], axis=-1))
    np.testing.assert_array_equal(labelled[1], bare[1])
    local = np.zeros((2, 3, 2), "float32")
    np.testing.assert_array_equal(network(codes, local=local), bare)
    local[0, 2] = 1  # steps 8 to 11, seen one frame ahead: from step 4 on
    differs = np.any(np.array(network(codes, local=local)) != bare, axis=-1)
    np.testing.assert_array_equal(differs, [np.arange(12) >= 4, np.zeros(12, bool)])


@pytest.mark.parametrize("head", ["categorical", "logistic_mixture"])
def test_every_weight_has_a_gradient(head):
    network = small(head=head, num_embeddings=256, **CONDITIONS)
    codes = np.random.default_rng(0).integers(0, 256, (2, 12)).astype("int32")
    likelihood = likelihoods.Categorical()
    if head == "logistic_mixture":
        likelihood = likelihoods.LogisticMixture(components=network.mixture_components)
    assert network.output_channels == likelihood.parameters(channels=1)
    with tf.GradientTape() as tape:
        outputs = network(codes, label=np.array([0, 1]), local=random_local(2, 3))
        loss = tf.reduce_mean(likelihood.bits(outputs, codes[..., None]))
    gradients = tape.gradient(loss, network.trainable_weights)
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        assert np.any(gradient), weight.path


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_outputs_are_float32_under_every_policy(policy):
    network = small(dtype=policy, **CONDITIONS)
    codes = random_codes(2, 9)
    logits = network(codes, label=np.array([0, 2]), local=random_local(2, 3))
    assert logits.dtype == "float32" and np.all(np.isfinite(logits))
    assert network(keras.Input((9,), dtype="int32")).dtype == "float32"
    exact = small(**CONDITIONS)
    exact.set_weights(network.get_weights())
    expected = exact(codes, label=np.array([0, 2]), local=random_local(2, 3))
    # Bfloat16 has 8 bits; sums of a few hundred terms of order 0.1.
    np.testing.assert_allclose(logits, expected, atol=0.03)


def test_open_sizes_are_taken():
    network = small(**CONDITIONS)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None, 2], tf.float32),
        ]
    )
    def run(codes, local):
        return network(codes, local=local)

    codes, local = random_codes(2, 10), random_local(2, 3)
    # The graph's convolution rounds otherwise than the eager one's.
    np.testing.assert_allclose(run(codes, local), network(codes, local=local), atol=1e-6)
    assert network.compute_output_shape((None, 7)) == (None, 7, 5)


def test_saved_model_file_gives_the_same_outputs_and_samples(tmp_path):
    codes = keras.Input((10,), dtype="int32")
    label = keras.Input((), dtype="int32")
    local = keras.Input((3, 2))
    network = small(name="prior", **CONDITIONS)
    network.sample(1, 4)  # a network that has sampled saves as well
    model = keras.Model([codes, label, local], network(codes, label=label, local=local))
    path = tmp_path / "prior.keras"
    model.save(path)
    again = keras.models.load_model(path)
    inputs = [random_codes(2, 10), np.array([0, 2]), random_local(2, 3)]
    np.testing.assert_array_equal(again(inputs), model(inputs))
    restored = again.get_layer("prior")
    assert restored.get_config() == network.get_config()
    np.testing.assert_array_equal(restored.sample(2, 9, label=1), network.sample(2, 9, label=1))


def test_configuration_round_trip():
    network = small(
        kernel_size=3,
        head_width=7,
        head="logistic_mixture",
        mixture_components=4,
        dtype="mixed_bfloat16",
        **CONDITIONS,
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    assert again.get_config() == network.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_embeddings": 0}, "num_embeddings must be at least 1; received 0"),
        ({"kernel_size": 1}, "kernel_size must be at least 2; received 1"),
        ({"upsampling": 0}, "upsampling must be at least 1; received 0"),
        ({"dilations": ()}, r"dilations must name one step or more .* received \(\)"),
        ({"dilations": (1, 0)}, r"received \(1, 0\)"),
        ({"head": "softmax"}, '"categorical" or "logistic_mixture"; received "softmax"'),
        ({"mixture_components": 0}, "mixture_components must be at least 1"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(UserError, match=message):
        small(**changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n(np.full((1, 4), 5)), "codes must lie between 0 and 4; received 5 to 5"),
        (lambda n: n(np.full((1, 4), -1)), "received -1 to -1"),
        (lambda n: n(random_codes(1, 2, 2)), r"\[batch, time\]; received \(1, 2, 2\)"),
        (lambda n: n(random_codes(1, 9), local=random_local(1, 2)), r"\[1, 3, 2\].*\(1, 2, 2"),
        (lambda n: n(random_codes(1, 9), local=random_local(1, 9)), "a frame for every 4 of 9"),
        (lambda n: n(random_codes(1, 9), local=np.zeros((1, 3))), r"received \(1, 3\)"),
        (lambda n: n(random_codes(1, 9), local=random_local(1, 3, 4)), r"received \(1, 3, 4\)"),
    ],
)
def test_bad_calls_end_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small(**CONDITIONS))
    assert "\n" not in str(error.value)


def test_conditions_need_a_network_made_for_them():
    with pytest.raises(UserError, match="a label needs a network with num_classes"):
        small()(random_codes(1, 4), label=np.array([0]))
    with pytest.raises(UserError, match="a local condition needs a network with local_channels"):
        small()(random_codes(1, 4), local=np.zeros((1, 4, 2)))


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_mu_law_codes_survive_the_way_there_and_back(levels):
    codes = np.arange(levels)
    waveform = np.array(mu_law_decode(codes, levels))
    assert waveform[0] == -1 and waveform[-1] == 1 and np.all(np.diff(waveform) > 0)
    np.testing.assert_allclose(waveform, -waveform[::-1], atol=1e-6)  # float32
    again = mu_law_encode(waveform, levels)
    assert again.dtype == "int32"
    np.testing.assert_array_equal(again, codes)


def test_mu_law_equals_its_formula():
    x = np.linspace(-1, 1, 999)
    f = np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)
    codes = np.array(mu_law_encode(x))
    inside = np.abs((f + 1) * 127.5 % 1 - 0.5) > 1e-4  # not at the border of two codes
    np.testing.assert_array_equal(codes[inside], np.round((f + 1) * 127.5)[inside])
    f = np.arange(256) / 127.5 - 1
    expected = np.sign(f) * (256 ** np.abs(f) - 1) / 255
    np.testing.assert_allclose(mu_law_decode(np.arange(256)), expected, atol=1e-6)  # float32
    np.testing.assert_array_equal(mu_law_encode([-3.0, 3.0]), [0, 255])


def test_ordered_codes_begin_with_embeddings_in_order():
    """Next to each other where the codes are, of unit variance, and no two channels alike."""
    table = np.asarray(small(num_embeddings=256, channels=8, ordered=True).embedding)
    steps = np.linalg.norm(np.diff(table, axis=0), axis=1)
    assert steps.max() < 0.1 * np.linalg.norm(table[0] - table[-1])
    np.testing.assert_allclose((table**2).mean(), 1.0, atol=0.2)  # cosines of a few periods
    correlation = np.corrcoef(table.T)
    assert np.abs(correlation - np.eye(8)).max() < 0.99
    shuffled = np.asarray(small(num_embeddings=256, channels=8).embedding)
    assert np.linalg.norm(np.diff(shuffled, axis=0), axis=1).min() > steps.max()
