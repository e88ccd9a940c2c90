"""The cached sampler against the network itself, and what its arguments promise."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.networks import PixelCNN
from vqvae_tf.networks.pixelcnn.incremental import IncrementalPixelCNN
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise, sample_codes

K = 7


def small(**changes):
    """A network whose logits have a spread of about 2, at the first place too.

    Those of an untrained one are nearly flat; then any two samplers that see the same noise agree.
    """
    network = PixelCNN(**{"num_embeddings": K, "channels": 16, "layers": 3} | changes)
    network.build()
    logits = network(random_codes(network, 4, (6, 6)), **conditions(network, 4, (6, 6)))
    for layer in network.logits:
        names = ["kernel"] if network.code_dim is None else ["free", "of_features", "of_learned"]
        for weight in (getattr(layer, name) for name in names):
            weight.assign(weight * (2.0 / np.std(logits)))
        layer.bias.assign(np.random.default_rng(1).normal(size=K))
    return network


def random_codes(network, count, grid, seed=0):
    shape = (count, *grid) if network.slots is None else (count, *grid, network.slots)
    return np.random.default_rng(seed).integers(0, K, shape).astype("int32")


def conditions(network, count, grid, seed=0):
    """Labels, no label among them, and a spatial condition, where the network takes them."""
    random = np.random.default_rng(seed)
    given = {}
    if network.num_classes is not None:
        given["label"] = random.integers(-1, network.num_classes, count).astype("int32")
    if network.spatial_channels is not None:
        shape = (count, *grid, network.spatial_channels)
        given["spatial"] = random.normal(size=shape).astype("float32")
    return given


def cached_logits(network, codes, given):
    """The incremental form, place by place, fed with `codes` whatever it thinks of them."""
    codes = codes.reshape(*codes.shape[:3], -1)
    count, height, width, slots = codes.shape
    cached = IncrementalPixelCNN(network, count, **given)
    logits = np.zeros((count, height, width, slots, K), "float32")
    above, rows = tf.fill([width, count, slots], cached.outside), cached.start_rows(width)
    for i in range(height):
        links, rows = cached.row(above, rows, i)
        left, cache = tf.fill([count, slots], cached.outside), cached.start_places()
        for j in range(width):
            hidden, cache = cached.place(left, links[j], cache)
            left = tf.constant(codes[:, i, j])
            for slot in range(slots):
                logits[:, i, j, slot] = cached.slot_logits(hidden, slot)
                hidden = cached.add_slot(hidden, slot, left[:, slot])
        above = tf.transpose(codes[:, i], [1, 0, 2])
    return logits


def naive_sample(network, count, grid, seed, given, temperature=1.0):
    """The whole network once a code, with the noise that `sample` uses."""
    slots = len(network.logits)
    run = tf.function(lambda codes: network(codes, **given), autograph=False)
    codes = np.zeros((count, *grid, slots), "int32")
    for i, j, slot in itertools.product(range(grid[0]), range(grid[1]), range(slots)):
        noise = row_noise(seed, 0, count, i, grid[1], slots)[j, :, slot]
        logits = np.reshape(
            run(tf.constant(codes if network.slots else codes[..., 0])), (*codes.shape, K)
        )
        codes[:, i, j, slot] = np.argmax(logits[:, i, j, slot] + temperature * noise, axis=-1)
    return codes if network.slots else codes[..., 0]


def row_noise(seed, first, count, row, width, slots):
    return gumbel_noise(tf.constant(seed, tf.uint64), first, count, row, width, slots, K).numpy()


VARIANTS = {
    "plain": {},
    "wide first kernel": {"first_kernel": (4, 7)},
    "wide kernels": {"kernel_size": (3, 5), "layers": 2},
    "label": {"num_classes": 3},
    "spatial": {"spatial_channels": 2},
    "label and spatial": {"num_classes": 3, "spatial_channels": 2},
    "code vectors": {"code_dim": 4, "head_width": 24},
    "slots": {"slots": 3, "code_dim": 4, "num_classes": 3},
}
GRIDS = [(1, 1), (1, 5), (4, 1), (5, 4), (9, 13)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_cached_logits_equal_the_networks(variant):
    network = small(**VARIANTS[variant])
    for grid in GRIDS:
        codes = random_codes(network, 2, grid)
        given = conditions(network, 2, grid)
        expected = network(codes, **given)
        result = cached_logits(network, codes, given).reshape(expected.shape)
        # Float32 sums in another order; 1e-5 was measured at this spread of the logits.
        np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_equal_those_of_the_naive_way(variant):
    network = small(**VARIANTS[variant])
    grid = (3, 4) if variant == "slots" else (4, 5)
    given = conditions(network, 3, grid)
    samples = network.sample(3, grid, seed=5, **given)
    assert samples.dtype == tf.int32
    np.testing.assert_array_equal(samples, naive_sample(network, 3, grid, 5, given))


def test_samples_equal_those_of_the_naive_way_on_a_larger_grid():
    network = small(num_classes=3)
    given = conditions(network, 2, (9, 13))
    samples = network.sample(2, (9, 13), seed=2**40 + 1, **given)
    np.testing.assert_array_equal(samples, naive_sample(network, 2, (9, 13), 2**40 + 1, given))


def test_eager_graph_and_xla_draw_the_same():
    network = small(num_classes=3)
    label = np.array([0, 2, -1], "int32")
    graph = network.sample(3, (5, 6), seed=4, label=label)
    np.testing.assert_array_equal(
        network.sample(3, (5, 6), seed=4, label=label, jit_compile=True), graph
    )
    eager = sample_codes(
        network,
        lambda i: gumbel_noise(tf.constant(4, tf.uint64), 0, 3, i, 6, 1, K),
        (5, 6),
        3,
        label=label,
    )
    np.testing.assert_array_equal(eager[..., 0], graph)


@pytest.mark.parametrize("variant", ["plain", "slots"])
def test_log_probs_are_the_networks_whatever_is_drawn(variant):
    network = small(**VARIANTS[variant])
    grid, slots = (3, 4), len(network.logits)
    given = conditions(network, 2, grid)
    codes, log_prob = sample_codes(
        network,
        lambda i: gumbel_noise(tf.constant(6, tf.uint64), 0, 2, i, 4, slots, K),
        grid,
        2,
        temperature=1.7,
        top_k=4,
        with_log_prob=True,
        **given,
    )
    logits = network(codes if network.slots else codes[..., 0], **given)
    expected = -tf.nn.sparse_softmax_cross_entropy_with_logits(
        codes, tf.reshape(logits, [*codes.shape, K])
    )
    # Float32 sums in another order, as above.
    np.testing.assert_allclose(log_prob, expected, atol=1e-4)
    drawn = network.sample(2, grid, seed=6, temperature=1.7, top_k=4, **given)
    np.testing.assert_array_equal(codes, np.reshape(drawn, codes.shape))


def test_uniform_bits_are_the_same_whatever_the_batch_and_the_compiler():
    whole = row_noise(3, 0, 5, 2, 3, 1)
    np.testing.assert_array_equal(row_noise(3, 2, 3, 2, 3, 1), whole[:, 2:])
    compiled = tf.function(gumbel_noise, jit_compile=True)(
        tf.constant(3, tf.uint64), tf.constant(0), 5, tf.constant(2), 3, 1, K
    )
    # The bits are equal; XLA's logarithm differs from the kernel's in the last bits.
    np.testing.assert_allclose(compiled, whole, atol=2e-6)
    assert np.all(np.isfinite(whole))
    for other in (row_noise(4, 0, 5, 2, 3, 1), row_noise(3, 0, 5, 1, 3, 1)):
        assert np.mean(other == whole) < 0.1


def test_a_sample_does_not_depend_on_how_many_are_drawn():
    network = small(num_classes=3, spatial_channels=2)
    given = conditions(network, 7, (3, 4))
    seven = network.sample(7, (3, 4), seed=1, **given).numpy()
    np.testing.assert_array_equal(network.sample(7, (3, 4), seed=1, block=3, **given), seven)
    last = {name: value[4:] for name, value in given.items()}
    np.testing.assert_array_equal(
        network.sample(3, (3, 4), seed=1, first_sample=4, **last), seven[4:]
    )
    assert len(np.unique(seven.reshape(7, -1), axis=0)) == 7
    assert np.any(network.sample(7, (3, 4), seed=2, **given) != seven)


def test_the_largest_seed_is_a_seed():
    network = small()
    largest, one = (network.sample(2, (4, 4), seed=seed).numpy() for seed in (2**64 - 1, 1))
    assert np.any(largest != one)


def test_samples_follow_the_networks_probabilities():
    """Exact enumeration of the nine outcomes of a 1x2 grid of three codes."""
    network = PixelCNN(num_embeddings=3, channels=16, layers=1)
    network.build()
    network.set_output_bias(np.log([0.6, 0.3, 0.1]))
    network.logits[0].kernel.assign(network.logits[0].kernel * 3)
    pairs = np.array(list(itertools.product(range(3), repeat=2)), "int32")
    probabilities = tf.nn.softmax(network(pairs[:, None])).numpy()[:, 0]
    expected = probabilities[range(9), 0, pairs[:, 0]] * probabilities[range(9), 1, pairs[:, 1]]
    assert expected.sum() == pytest.approx(1, abs=1e-6) and expected.std() > 0.05
    count = 20_000
    samples = network.sample(count, (1, 2), block=count).numpy()[:, 0]
    observed = np.bincount(samples @ [3, 1], minlength=9) / count
    # Four standard deviations of a binomial share.
    assert np.all(np.abs(observed - expected) < 4 * np.sqrt(expected / count))


def test_temperature_zero_takes_the_likeliest_code_whatever_the_seed():
    network = small()
    greedy = network.sample(2, (4, 5), seed=1, temperature=0.0).numpy()
    np.testing.assert_array_equal(network.sample(2, (4, 5), seed=2, temperature=0.0), greedy)
    np.testing.assert_array_equal(np.argmax(network(greedy), axis=-1), greedy)
    np.testing.assert_array_equal(network.sample(2, (4, 5), seed=3, top_k=1), greedy)
    np.testing.assert_array_equal(network.sample(2, (4, 5), seed=3, top_p=1e-6), greedy)
    np.testing.assert_array_equal(
        network.sample(2, (4, 5), seed=3, temperature=0.0, top_p=0.9), greedy
    )


def test_temperature_multiplies_the_noise():
    network = small()
    np.testing.assert_array_equal(
        network.sample(2, (4, 5), seed=3, temperature=0.7),
        naive_sample(network, 2, (4, 5), 3, {}, temperature=0.7),
    )


def test_top_k_never_leaves_the_k_likeliest():
    network = small()
    samples = network.sample(16, (4, 5), seed=1, temperature=3.0, top_k=3).numpy()
    logits = network(samples).numpy()
    chosen = np.take_along_axis(logits, samples[..., None], axis=-1)
    rank = (logits > chosen + 1e-4).sum(-1)  # 1e-4: cached logits against the network's
    assert rank.max() == 2
    everything = network.sample(16, (4, 5), seed=1, temperature=3.0)
    np.testing.assert_array_equal(
        network.sample(16, (4, 5), seed=1, temperature=3.0, top_k=K), everything
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_top_p_keeps_the_smallest_set_that_has_the_probability(temperature):
    network = small()
    samples = network.sample(64, (4, 5), seed=1, temperature=temperature, top_p=0.6).numpy()
    probabilities = tf.nn.softmax(network(samples) / temperature).numpy()
    chosen = np.take_along_axis(probabilities, samples[..., None], axis=-1)
    likelier = np.where(probabilities > chosen + 1e-4, probabilities, 0).sum(-1)
    assert likelier.max() < 0.6
    # The last member of the set is drawn as well, not only those safely inside.
    reached = (np.where(probabilities >= chosen, probabilities, 0).sum(-1) >= 0.6).mean()
    assert reached > 0.05
    np.testing.assert_array_equal(
        network.sample(64, (4, 5), seed=1, top_p=1.0), network.sample(64, (4, 5), seed=1)
    )


@pytest.mark.parametrize("slots", [None, 2])
def test_given_codes_stay_and_the_others_follow_them(slots):
    network = small(slots=slots)
    given = random_codes(network, 3, (4, 5), seed=8)
    free = np.random.default_rng(0).random(given.shape) < 0.5
    prefix = np.where(free, -1, given)
    for arguments in ({}, {"temperature": 0.0}, {"top_k": 1}, {"top_p": 0.1}):
        samples = network.sample(3, (4, 5), seed=1, prefix=prefix, **arguments).numpy()
        np.testing.assert_array_equal(samples[~free], given[~free])
    # A prefix that a sample would have drawn anyway changes nothing.
    whole = network.sample(3, (4, 5), seed=1).numpy()
    half = np.where(np.arange(5)[:, None] < 3 if slots else np.arange(5) < 3, whole, -1)
    np.testing.assert_array_equal(network.sample(3, (4, 5), seed=1, prefix=half), whole)


def test_one_prefix_and_one_label_serve_all_samples():
    network = small(num_classes=3)
    prefix = np.full((1, 3, 4), -1)
    prefix[0, 0] = 2
    one = network.sample(3, (3, 4), prefix=prefix, label=1)
    each = network.sample(3, (3, 4), prefix=np.repeat(prefix, 3, 0), label=[1, 1, 1])
    np.testing.assert_array_equal(one, each)
    assert np.all(one[:, 0] == 2)


def test_weights_that_change_are_seen_by_the_compiled_sampler():
    network = small()
    before = network.sample(2, (3, 4), seed=1).numpy()
    network.set_output_bias([50.0] + [0.0] * (K - 1))
    assert np.any(before != 0) and np.all(network.sample(2, (3, 4), seed=1) == 0)


def test_sampling_is_float32_under_a_mixed_policy():
    exact = small(num_classes=2, code_dim=3)
    mixed = PixelCNN(K, channels=16, layers=3, num_classes=2, code_dim=3, dtype="mixed_bfloat16")
    mixed.build()
    mixed.set_weights(exact.get_weights())
    np.testing.assert_array_equal(
        mixed.sample(2, (3, 4), label=1), exact.sample(2, (3, 4), label=1)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be at least 1; received 0"),
        ({"grid": (3, 0)}, r"grid must be \(height, width\)"),
        ({"grid": (3,)}, r"grid must be \(height, width\)"),
        ({"temperature": -0.1}, "temperature must be at least 0 .* received -0.1"),
        ({"temperature": float("nan")}, "temperature must be at least 0 .* received nan"),
        ({"top_k": 0}, "top_k must lie between 1 and 7"),
        ({"top_k": 8}, "top_k must lie between 1 and 7"),
        ({"top_p": 0.0}, r"top_p must lie in \(0, 1\]"),
        ({"top_p": 1.1}, r"top_p must lie in \(0, 1\]"),
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
        ({"grid": "33"}, r"grid must be \(height, width\), each at least 1; received '33'"),
        ({"grid": None}, r"grid must be \(height, width\), each at least 1; received None"),
        ({"grid": (2**20, 2**20)}, "grid must hold at most 1048576 codes"),
        ({"count": 2**13, "grid": (2**10, 2**10)}, "draws at most 4294967296 codes; received cou"),
        ({"count": 10**4, "grid": (1, 2**18), "block": 10**4}, "numbers of noise .* lower block"),
        ({"prefix": [[[0, 1], [1]]]}, "prefix must have rows of one length"),
        ({"prefix": "abc"}, "prefix must hold real numbers"),
        ({"spatial": np.full((1, 3, 4, 2), 1j)}, "spatial must hold real numbers; .* complex"),
        ({"prefix": np.zeros((2, 4, 3), int)}, r"\(2, 3, 4\) or \(1, 3, 4\); received .*4, 3"),
        ({"prefix": np.zeros((2, 3, 4))}, "prefix must hold integers .* received float64"),
        ({"prefix": np.full((1, 3, 4), K)}, "codes from 0 to 6, or -1 .* received 7 to 7"),
        ({"prefix": np.full((1, 3, 4), -2)}, "received -2 to -2"),
        ({"label": 3}, "label must lie between 0 and 2, or be -1 for none; received 3 to 3"),
        ({"label": -2}, "received -2 to -2"),
        ({"label": [0, 1, 2]}, "one integer or 2 of them"),
        ({"label": 0.5}, "received float64"),
        ({"label": [[0], [0, 1]]}, "label must have rows of one length"),
        ({"spatial": np.zeros((2, 4, 3, 2))}, r"\(2, 3, 4, 2\) or .* received \(2, 4, 3, 2\)"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments, message):
    network = PixelCNN(K, channels=4, layers=1, num_classes=3, spatial_channels=2)
    with pytest.raises(UserError, match=message) as error:
        network.sample(**{"count": 2, "grid": (3, 4)} | arguments)
    assert "\n" not in str(error.value)


def test_conditions_need_a_network_made_for_them():
    network = PixelCNN(K, channels=4, layers=1)
    with pytest.raises(UserError, match="num_classes"):
        network.sample(1, (2, 2), label=0)
    with pytest.raises(UserError, match="spatial_channels"):
        network.sample(1, (2, 2), spatial=np.zeros((1, 2, 2, 1)))
