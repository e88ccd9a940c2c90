"""WaveNet's cached sampler against the network itself, and what its arguments promise."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import likelihoods
from vqvae_tf.errors import UserError
from vqvae_tf.networks import WaveNet
from vqvae_tf.networks.sampling.incremental import log_prob_of
from vqvae_tf.networks.wavenet import graph_sampler
from vqvae_tf.networks.wavenet.incremental import IncrementalWaveNet, State, start_state
from vqvae_tf.networks.wavenet.sampler import block_noise, draws_of_step, sample_steps

K = 7
VARIANTS = {
    "plain": {},
    "wide kernel": {"kernel_size": 3, "dilations": (1, 4, 2)},
    "label": {"num_classes": 3},
    "local": {"local_channels": 2, "upsampling": 4},
    "a frame a step": {"local_channels": 2},
    "label and local": {"num_classes": 3, "local_channels": 2, "upsampling": 5},
    "mixture": {"head": "logistic_mixture", "mixture_components": 3, "num_classes": 3},
}


def small(**changes):
    """A network whose logits have a spread of about 2.5, and are unequal at the first step too.

    Those of an untrained one are nearly flat; then any two samplers that see the same noise agree.
    """
    sizes = {"num_embeddings": K, "channels": 16, "skip_channels": 24, "dilations": (1, 3)}
    network = WaveNet(**sizes | changes)
    network.build()
    outputs = network(random_codes(4, 30), **conditions(network, 4, 30))
    spread = 2.5 if network.head == "categorical" else 0.5
    network.outputs.kernel.assign(network.outputs.kernel * (spread / np.std(outputs)))
    network.outputs.bias.assign(np.random.default_rng(1).normal(size=network.output_channels) / 2)
    return network


def random_codes(count, length, seed=0):
    return np.random.default_rng(seed).integers(0, K, (count, length)).astype("int32")


def conditions(network, count, length, seed=0):
    """Labels, no label among them, and a local condition, where the network takes them."""
    random = np.random.default_rng(seed)
    given = {}
    if network.num_classes is not None:
        given["label"] = random.integers(-1, network.num_classes, count).astype("int32")
    if network.local_channels is not None:
        shape = (count, network.frames_of(length), network.local_channels)
        given["local"] = random.normal(size=shape).astype("float32")
    return given


def cached_outputs(network, codes, label=None, local=None):
    """The incremental form, step by step, fed with `codes` whatever it thinks of them."""
    cached = IncrementalWaveNet(network, label)
    state, outputs = start_state(network, len(codes)), []
    padded = None if local is None else np.pad(local, [(0, 0), (1, 1), (0, 0)])
    for t in range(codes.shape[1]):
        frame = None
        if local is not None:
            f = t // network.upsampling
            frame = cached.frame(tf.constant(padded[:, f : f + 3]))
        output, past, places = cached.step(state, frame)
        outputs.append(output)
        state = State(past, places, tf.constant(codes[:, t]))
    return np.stack(outputs, axis=1)


def noise_of(network, count, length, seed, first_sample=0, first_step=0):
    key = tf.constant(seed, tf.uint64)
    draws = draws_of_step(network)
    return block_noise(key, first_sample, count, first_step, length, draws).numpy()


def naive_sample(network, count, length, seed, given, temperature=1.0):
    """The whole network once a step, with the noise that `sample` uses."""
    run = tf.function(lambda codes: network(codes, **given), autograph=False)
    noise = temperature * noise_of(network, count, length, seed)
    codes = np.zeros((count, length), "int32")
    for t in range(length):
        outputs = run(tf.constant(codes))[:, t].numpy()
        if network.head == "categorical":
            codes[:, t] = np.argmax(outputs + noise[t], axis=-1)
            continue
        parts = network.mixture_components
        logits, means, log_scales = np.split(outputs, 3, axis=-1)
        part = np.argmax(logits + noise[t, :, :parts], axis=-1)[:, None]
        mean, scale = (np.take_along_axis(x, part, 1)[:, 0] for x in (means, np.exp(log_scales)))
        value = mean + scale * (noise[t, :, parts] - noise[t, :, parts + 1])
        codes[:, t] = np.clip(np.round((value + 1) * (K - 1) / 2), 0, K - 1)
    return codes


@pytest.mark.parametrize("variant", VARIANTS)
def test_cached_outputs_equal_the_networks(variant):
    network = small(**VARIANTS[variant])
    codes, given = random_codes(2, 30), conditions(network, 2, 30)
    # Float32 sums in another order; 1e-5 was measured at this spread of the logits.
    np.testing.assert_allclose(
        cached_outputs(network, codes, **given), network(codes, **given), atol=1e-4
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_equal_those_of_the_naive_way(variant):
    network = small(**VARIANTS[variant])
    given = conditions(network, 3, 29)
    samples = network.sample(3, 29, seed=2**40 + 5, **given)
    assert samples.dtype == tf.int32 and len(np.unique(samples)) > 3
    np.testing.assert_array_equal(samples, naive_sample(network, 3, 29, 2**40 + 5, given))


@pytest.mark.parametrize("variant", ["label", "label and local", "mixture"])
def test_eager_graph_and_xla_draw_the_same(variant):
    network = small(**VARIANTS[variant])
    given = conditions(network, 3, 40)
    graph = network.sample(3, 40, seed=4, **given)
    np.testing.assert_array_equal(network.sample(3, 40, seed=4, jit_compile=True, **given), graph)
    eager = dict(given)
    if "local" in given:
        eager["local"] = tf.constant(np.pad(given["local"], [(0, 0), (1, 1), (0, 0)]))
    codes, *_ = sample_steps(
        network, start_state(network, 3), noise_of(network, 3, 40, 4), 40, **eager
    )
    np.testing.assert_array_equal(tf.transpose(codes), graph)


@pytest.mark.parametrize("frames", [1, 7, 23])
@pytest.mark.parametrize("variant", ["local", "a frame a step", "label and local"])
def test_a_graph_of_open_length_draws_the_same(monkeypatch, variant, frames):
    monkeypatch.setattr(graph_sampler, "_STEPS_AT_ONCE", 12)  # several blocks, or a part of one
    network = small(**VARIANTS[variant])
    length = frames * network.upsampling
    given = conditions(network, 3, length)
    label = given.get("label")

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, 2]), tf.TensorSpec([], tf.int64)],
        autograph=False,
    )
    def draw(local, seed):
        return graph_sampler.sample_frames(network, seed, local, temperature=0.8, label=label)

    for seed in (2**40 + 5, 2**64 - 1):
        samples = network.sample(3, length, seed=seed, temperature=0.8, **given)
        drawn = draw(given["local"], np.uint64(seed).astype(np.int64))
        np.testing.assert_array_equal(drawn, samples)


@pytest.mark.parametrize("variant", ["plain", "label and local"])
def test_log_probabilities_of_the_loop_are_those_of_the_network(variant):
    network = small(**VARIANTS[variant])
    given = conditions(network, 3, 40)
    noise = graph_sampler.seeded_noise(network, tf.constant(4, tf.uint64), 0, 3, 40)
    assert noise["noise"](0).shape == (40, 3, 1, K)
    assert graph_sampler.noise_shapes(network, 40) == {"noise": (1, 40, 1, K)}
    codes, log_prob = graph_sampler.sample_from_noise(
        network, noise, 3, temperature=0.5, log_prob=log_prob_of, **given
    )
    np.testing.assert_array_equal(codes, network.sample(3, 40, seed=4, temperature=0.5, **given))
    logits = tf.nn.log_softmax(network(codes, **given))
    # Cached logits differ by 1e-5 from those of the whole network.
    np.testing.assert_allclose(log_prob, tf.gather(logits, codes, batch_dims=2), atol=1e-4)


def test_controls_that_a_graph_knows_are_checked():
    network = small(**VARIANTS["local"])
    local = conditions(network, 1, 4)["local"]
    for seed, temperature, wanted in (
        (0, -1.0, "temperature must be at least 0"),
        (0.5, 1.0, "seed must be a whole number; received 0.5"),
    ):
        with pytest.raises(UserError, match=wanted):
            graph_sampler.sample_frames(network, seed, local, temperature=temperature)


def test_noise_is_the_same_whatever_the_block():
    network = small()
    whole = noise_of(network, 5, 9, seed=3)
    part = noise_of(network, 2, 4, seed=3, first_sample=2, first_step=5)
    np.testing.assert_array_equal(part, whole[5:, 2:4])
    for other in (
        noise_of(network, 5, 9, seed=4),
        noise_of(network, 5, 9, seed=3, first_sample=5),
        noise_of(network, 5, 9, seed=3, first_step=9),
    ):
        assert np.mean(other == whole) < 0.1


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("variant", ["plain", "label and local"])
def test_a_stream_of_blocks_equals_one_call(variant, jit_compile):
    network = small(**VARIANTS[variant])
    given = conditions(network, 2, 43)
    whole = network.sample(2, 43, seed=1, jit_compile=jit_compile, **given).numpy()
    for steps in (1, 10, 16, 43, 100) if not jit_compile else (10,):
        blocks = list(network.stream(2, 43, seed=1, steps=steps, jit_compile=jit_compile, **given))
        full = min(43, -(-steps // network.upsampling) * network.upsampling)
        assert {block.shape[1] for block in blocks[:-1]} <= {full}
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_a_stream_keeps_no_more_than_its_receptive_field():
    network = small()
    blocks = network.stream(3, 10**12, steps=5)
    for _ in range(3):
        assert next(blocks).shape == (3, 5)
    state = blocks.gi_frame.f_locals["state"]
    assert state.past.shape == (network.receptive_field - 1, 3, network.channels)


def test_a_sample_does_not_depend_on_how_many_are_drawn():
    network = small(**VARIANTS["label and local"])
    given = conditions(network, 7, 20)
    seven = network.sample(7, 20, seed=1, **given).numpy()
    np.testing.assert_array_equal(network.sample(7, 20, seed=1, block=3, **given), seven)
    last = {name: value[4:] for name, value in given.items()}
    np.testing.assert_array_equal(network.sample(3, 20, seed=1, first_sample=4, **last), seven[4:])
    assert len(np.unique(seven, axis=0)) == 7
    assert np.any(network.sample(7, 20, seed=2, **given) != seven)
    assert np.any(network.sample(7, 20, seed=2**64 - 1, **given) != seven)


def test_a_shorter_sample_is_the_start_of_a_longer_one():
    network = small()
    np.testing.assert_array_equal(network.sample(2, 12), network.sample(2, 31)[:, :12])


def test_samples_follow_the_networks_probabilities():
    """Exact enumeration of the nine outcomes of two steps of three codes."""
    network = WaveNet(3, channels=16, skip_channels=16, dilations=(1,))
    network.build()
    network.outputs.bias.assign(np.log([0.6, 0.3, 0.1]))
    network.outputs.kernel.assign(network.outputs.kernel * 3)
    pairs = np.array(list(itertools.product(range(3), repeat=2)), "int32")
    probabilities = tf.nn.softmax(network(pairs)).numpy()
    expected = probabilities[range(9), 0, pairs[:, 0]] * probabilities[range(9), 1, pairs[:, 1]]
    assert expected.sum() == pytest.approx(1, abs=1e-6) and expected.std() > 0.05
    count = 20_000
    samples = network.sample(count, 2, block=count).numpy()
    observed = np.bincount(samples @ [3, 1], minlength=9) / count
    # Four standard deviations of a binomial share.
    assert np.all(np.abs(observed - expected) < 4 * np.sqrt(expected / count))


def test_mixture_samples_follow_its_likelihood():
    network = WaveNet(256, 4, 4, dilations=(1,), head="logistic_mixture", mixture_components=2)
    network.build()
    # Scales far below the floor, and far out of range, among them.
    network.outputs.bias.assign([0.0, 1.0, 0.3, -0.9, -3.0, -20.0])
    outputs = tf.repeat(network(np.zeros((1, 1), "int32")), 256, axis=0)
    likelihood = likelihoods.LogisticMixture(components=2)
    expected = np.exp(likelihood.log_prob(outputs, np.arange(256)[:, None, None]))
    assert expected.sum() == pytest.approx(1, abs=1e-5)
    count = 20_000
    samples = network.sample(count, 1, block=count).numpy()[:, 0]
    observed = np.bincount(samples, minlength=256) / count
    assert np.all(np.abs(observed - expected) < 5 * np.sqrt(expected / count) + 1e-4)


def test_temperature_zero_takes_the_likeliest_code_whatever_the_seed():
    network = small()
    greedy = network.sample(2, 25, seed=1, temperature=0.0).numpy()
    np.testing.assert_array_equal(np.argmax(network(greedy), axis=-1), greedy)
    for controls in (
        {"temperature": 0.0},
        {"top_k": 1},
        {"top_p": 1e-6},
        {"temperature": 0.0, "top_p": 0.9},
    ):
        np.testing.assert_array_equal(network.sample(2, 25, seed=3, **controls), greedy)


@pytest.mark.parametrize("variant", ["plain", "mixture"])
def test_temperature_multiplies_the_noise(variant):
    network = small(**VARIANTS[variant])
    np.testing.assert_array_equal(
        network.sample(2, 25, seed=3, temperature=0.7),
        naive_sample(network, 2, 25, 3, {}, temperature=0.7),
    )


def test_top_k_never_leaves_the_k_likeliest():
    network = small()
    samples = network.sample(16, 25, seed=1, temperature=3.0, top_k=3).numpy()
    logits = network(samples).numpy()
    chosen = np.take_along_axis(logits, samples[..., None], axis=-1)
    rank = (logits > chosen + 1e-4).sum(-1)  # 1e-4: cached logits against the network's
    assert rank.max() == 2
    everything = network.sample(16, 25, seed=1, temperature=3.0)
    np.testing.assert_array_equal(
        network.sample(16, 25, seed=1, temperature=3.0, top_k=K), everything
    )


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_top_p_keeps_the_smallest_set_that_has_the_probability(temperature):
    network = small()
    samples = network.sample(64, 25, seed=1, temperature=temperature, top_p=0.6).numpy()
    probabilities = tf.nn.softmax(network(samples) / temperature).numpy()
    chosen = np.take_along_axis(probabilities, samples[..., None], axis=-1)
    likelier = np.where(probabilities > chosen + 1e-4, probabilities, 0).sum(-1)
    assert likelier.max() < 0.6
    # The last member of the set is drawn as well, not only those safely inside.
    reached = (np.where(probabilities >= chosen, probabilities, 0).sum(-1) >= 0.6).mean()
    assert reached > 0.05
    np.testing.assert_array_equal(
        network.sample(2, 25, seed=1, top_p=1.0), network.sample(2, 25, seed=1)
    )


@pytest.mark.parametrize("variant", ["plain", "mixture"])
def test_given_codes_stay_and_the_others_follow_them(variant):
    network = small(**VARIANTS[variant])
    given = random_codes(3, 25, seed=8)
    free = np.random.default_rng(0).random(given.shape) < 0.5
    prefix = np.where(free, -1, given)
    several = [{}, {"temperature": 0.0}]
    if variant == "plain":
        several += [{"top_k": 1}, {"top_p": 0.1}]
    for controls in several:
        samples = network.sample(3, 25, seed=1, prefix=prefix, **controls).numpy()
        np.testing.assert_array_equal(samples[~free], given[~free])
    # A prefix that a sample would have drawn anyway changes nothing; it may be short.
    whole = network.sample(3, 25, seed=1).numpy()
    np.testing.assert_array_equal(network.sample(3, 25, seed=1, prefix=whole[:, :9]), whole)
    blocks = network.stream(3, 25, seed=1, prefix=whole[:, :9], steps=7)
    np.testing.assert_array_equal(np.concatenate(list(blocks), axis=1), whole)


def test_one_prefix_one_label_and_one_local_serve_all_samples():
    network = small(**VARIANTS["label and local"])
    local = conditions(network, 1, 20)["local"]
    one = network.sample(3, 20, prefix=[[2, 2]], label=1, local=local)
    each = network.sample(
        3, 20, prefix=np.full((3, 2), 2), label=[1, 1, 1], local=np.repeat(local, 3, 0)
    )
    np.testing.assert_array_equal(one, each)
    assert np.all(one[:, :2] == 2)


def test_weights_that_change_are_seen_by_the_compiled_sampler():
    network = small()
    before = network.sample(2, 20, seed=1).numpy()
    network.outputs.bias.assign([50.0] + [0.0] * (K - 1))
    assert np.any(before != 0) and np.all(network.sample(2, 20, seed=1) == 0)


def test_sampling_is_float32_under_a_mixed_policy():
    exact = small(**VARIANTS["label and local"])
    mixed = WaveNet.from_config(exact.get_config() | {"dtype": "mixed_bfloat16"})
    mixed.build()
    mixed.set_weights(exact.get_weights())
    given = conditions(exact, 2, 20)
    np.testing.assert_array_equal(mixed.sample(2, 20, **given), exact.sample(2, 20, **given))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be at least 1; received 0"),
        ({"length": 0}, "length must be at least 1; received 0"),
        ({"temperature": -0.1}, "temperature must be at least 0 .* received -0.1"),
        ({"temperature": float("nan")}, "temperature must be at least 0 .* received nan"),
        ({"top_k": 0}, "top_k must lie between 1 and 7"),
        ({"top_k": 8}, "top_k must lie between 1 and 7"),
        ({"top_p": 0.0}, r"top_p must lie in \(0, 1\]"),
        ({"block": 0}, "block must be at least 1; received 0"),
        ({"first_sample": -1}, "first_sample must be at least 0"),
        ({"first_sample": 2**64}, "first_sample must be at most 1000000000"),
        ({"count": 10**9}, "count must be at most 100000; received 1000000000"),
        ({"count": True}, "count must be a whole number; received True"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"seed": 2**64}, "seed must be at most 18446744073709551615"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"temperature": True}, "temperature must be a number; received True"),
        ({"label": np.ma.array([0, 1], mask=[0, 1])}, "received 1 masked of 2"),
        ({"length": 10**30}, "length must be at most 4611686018427387904"),
        ({"prefix": [[0, 1], [1]]}, "prefix must have rows of one length"),
        ({"local": np.full((1, 3, 2), 1j)}, "local must hold real numbers; received complex128"),
        ({"prefix": np.zeros((2, 10), int)}, r"\(2, up to 9\) or .* received int64 .*\(2, 10\)"),
        ({"prefix": np.zeros((3, 9), int)}, r"received int64 of shape \(3, 9\)"),
        ({"prefix": np.zeros(9, int)}, r"received int64 of shape \(9,\)"),
        ({"prefix": np.zeros((2, 9))}, "prefix must hold integers .* received float64"),
        ({"prefix": np.full((1, 9), K)}, "codes from 0 to 6, or -1 .* received 7 to 7"),
        ({"prefix": np.full((1, 9), -2)}, "received -2 to -2"),
        ({"label": 3}, "label must lie between 0 and 2, or be -1 for none; received 3 to 3"),
        ({"label": [0, 1, 2]}, "one integer or 2 of them"),
        ({"local": np.zeros((2, 2, 2))}, r"\(2, 3, 2\) or .*: a frame for every 4 of 9 steps; rec"),
        ({"local": np.zeros((3, 3, 2))}, r"received \(3, 3, 2\)"),
        ({"local": np.zeros((1, 3, 1))}, r"received \(1, 3, 1\)"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments, message):
    network = WaveNet(K, 4, 4, dilations=(1,), num_classes=3, local_channels=2, upsampling=4)
    with pytest.raises(UserError, match=message) as error:
        network.sample(**{"count": 2, "length": 9} | arguments)
    assert "\n" not in str(error.value)
    if "block" not in arguments:
        with pytest.raises(UserError, match=message):  # at once, not with the first block
            network.stream(**{"count": 2, "length": 9} | arguments)


def test_what_a_network_cannot_do_ends_in_one_line():
    plain = WaveNet(K, 4, 4, dilations=(1,))
    mixture = WaveNet(K, 4, 4, dilations=(1,), head="logistic_mixture")
    for network, arguments, message in (
        (plain, {"label": 0}, "num_classes"),
        (plain, {"local": np.zeros((1, 2, 1))}, "local_channels"),
        (mixture, {"top_k": 2}, "top_k and top_p need"),
        (mixture, {"top_p": 0.5}, 'head="categorical"'),
    ):
        with pytest.raises(UserError, match=message) as error:
            network.sample(1, 2, **arguments)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="draws at most 4294967296 codes; received count=1024"):
        plain.sample(2**10, 2**23)
    with pytest.raises(UserError, match="steps must be at least 1; received 0"):
        plain.stream(1, 2, steps=0)
