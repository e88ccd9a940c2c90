"""Signs as codes, and the entropies against sums over all codes."""

import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf.layers import LookupFreeQuantizer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def expected_losses(x, spherical=False, temperature=None, groups=None):
    """The three losses at weight 1, by brute force over all codes of each group of bits."""
    x, dim = np.float64(x), x.shape[1]
    size = dim**-0.5 if spherical else 1.0
    if spherical:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    if temperature is None:
        temperature = 1 / dim if spherical else 1.0
    codes = oracle.bit_codes(dim) * size
    each, _ = oracle.entropy_terms(x, codes, temperature)
    gap, start = dim * np.log(2), 0
    for bits in groups or [dim]:
        part = slice(start, start + bits)
        codes = oracle.bit_codes(bits) * size
        gap, start = gap - oracle.entropy_terms(x[:, part], codes, temperature)[1], start + bits
    commitment = np.square(x - np.where(x > 0, size, -size)).mean()
    return {"commitment": commitment, "entropy": each, "diversity": gap}


def unweighted(**kwargs):
    return LookupFreeQuantizer(commitment_cost=1.0, entropy_cost=1.0, diversity_cost=1.0, **kwargs)


@pytest.mark.parametrize("spherical", [False, True])
def test_codes_are_the_signs(spherical):
    layer, x = LookupFreeQuantizer(spherical=spherical), normal(200, 5)
    codes = (x > 0) @ (1 << np.arange(5))
    np.testing.assert_array_equal(layer.encode(x), codes)
    size = np.float32(5**-0.5) if spherical else np.float32(1)
    np.testing.assert_array_equal(layer(x), np.where(x > 0, size, -size))
    np.testing.assert_array_equal(layer.codebook, oracle.bit_codes(5).astype("float32") * size)
    np.testing.assert_array_equal(layer.encode(layer.codebook), np.arange(32))
    assert layer.code_sizes == (32,) and layer.bits_per_vector == 5
    assert not layer.variables


@pytest.mark.parametrize("spherical", [False, True])
def test_zero_and_nan_go_to_minus_one(spherical):
    layer = LookupFreeQuantizer(spherical=spherical)
    x = np.float32([[0.0, 1.0], [-0.0, -1.0], [np.nan, 1.0], [np.inf, -np.inf]])
    for encode in (layer.encode, tf.function(layer.encode, jit_compile=True)):
        np.testing.assert_array_equal(encode(x), [2, 0, 2, 1])
    assert np.isfinite(layer(x)).all()


@pytest.mark.parametrize("dim", [1, 2, 7])
@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize("temperature", [None, 0.05, 3.0])
def test_losses_are_sums_over_all_codes(dim, spherical, temperature):
    x = 0.7 * normal(60, dim) + 0.2
    losses = unweighted(spherical=spherical, temperature=temperature).quantize(x).losses
    expected = expected_losses(x, spherical, temperature)
    assert list(losses) == list(expected)
    for name, value in expected.items():  # float32; the gap is a difference of numbers near dim
        np.testing.assert_allclose(losses[name], value, rtol=2e-6, atol=2e-6, err_msg=name)


@pytest.mark.parametrize(
    "group_bits, groups", [(3, (2, 2, 3)), (4, (3, 4)), (6, (3, 4)), (7, (7,))]
)
def test_many_bits_are_taken_in_groups_of_near_equal_size(group_bits, groups):
    x = normal(50, 7) @ normal(7, 7, seed=1)  # dependent bits
    layer = unweighted(group_bits=group_bits)
    gap = float(layer.quantize(x).losses["diversity"])
    np.testing.assert_allclose(gap, expected_losses(x, groups=groups)["diversity"], rtol=1e-5)
    assert gap <= expected_losses(x)["diversity"] * (1 + 1e-5)


def test_costs_are_weights_and_a_cost_of_zero_leaves_a_loss_out():
    x = normal(30, 4)
    expected = expected_losses(x)
    layer = LookupFreeQuantizer(commitment_cost=0.5, entropy_cost=0.2, diversity_cost=0.3)
    losses = layer.quantize(x).losses
    for name, cost in (("commitment", 0.5), ("entropy", 0.2), ("diversity", 0.3)):
        np.testing.assert_allclose(losses[name], cost * expected[name], rtol=1e-5)
    bare = LookupFreeQuantizer(entropy_cost=0.0, diversity_cost=0.0)
    assert tuple(bare.quantize(x).losses) == bare.loss_names == ("commitment",)


@pytest.mark.parametrize("spherical", [False, True])
def test_gradients_of_the_losses_are_those_of_the_sums_over_all_codes(spherical):
    x = normal(6, 4)
    layer, inputs = unweighted(spherical=spherical), tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        losses = layer.quantize(inputs).losses
    step = 1e-5
    for name in layer.loss_names:
        expected = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            shift = np.zeros(x.shape)
            shift[place] = step
            high, low = (
                expected_losses(np.float64(x) + s, spherical)[name] for s in (shift, -shift)
            )
            expected[place] = (high - low) / (2 * step)
        # central differences keep 1e-9; the gradients are float32
        np.testing.assert_allclose(
            tape.gradient(losses[name], inputs), expected, rtol=2e-5, atol=2e-7, err_msg=name
        )


def test_on_the_sphere_the_gradient_goes_through_the_norm():
    layer, x, weights = LookupFreeQuantizer(spherical=True), normal(20, 6), normal(20, 6, seed=1)
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs) * weights)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    along = (weights * x).sum(1, keepdims=True) / norm**2
    np.testing.assert_allclose(
        tape.gradient(loss, inputs), (weights - along * x) / norm, rtol=1e-5, atol=1e-6
    )


def test_a_decided_bit_has_no_entropy_and_a_finite_gradient():
    x = tf.constant(np.float32([[1e4, -1e4, 0.0]]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = unweighted().quantize(x).losses
        loss = losses["entropy"] + losses["diversity"]
    np.testing.assert_allclose(losses["entropy"], np.log(2), rtol=1e-6)
    assert np.isfinite(tape.gradient(loss, x)).all()


def test_a_batch_that_is_masked_whole_costs_nothing():
    losses = unweighted().quantize(normal(5, 4), mask=np.zeros(5, bool), training=True).losses
    assert [float(loss) for loss in losses.values()] == [0.0, 0.0, 0.0]


def test_thirty_bits_fit():
    layer = LookupFreeQuantizer()
    x = normal(20, 30)
    codes = array(layer.encode(x))
    np.testing.assert_array_equal(codes, (x > 0) @ (1 << np.arange(30)))
    np.testing.assert_array_equal(layer.decode(codes), np.where(x > 0, 1.0, -1.0))
    np.testing.assert_array_equal(layer.decode([0, 2**30 - 1]), [[-1.0] * 30, [1.0] * 30])
    np.testing.assert_allclose(
        float(layer.quantize(x).losses["diversity"]),
        0.1 * expected_gap_of_tens(x),
        rtol=1e-4,
    )


def expected_gap_of_tens(x):
    """log K - H(E[q]) with three groups of ten bits."""
    gap = 30 * np.log(2)
    for part in np.split(x, 3, axis=1):
        gap -= oracle.entropy_terms(part, oracle.bit_codes(10), 1.0)[1]
    return gap


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda: LookupFreeQuantizer()(normal(3, 31)), r"1 to 30 numbers.* \(3, 31\). A Projected"),
        (lambda: LookupFreeQuantizer().build((None, None)), "1 to 30 numbers"),
        (lambda: LookupFreeQuantizer().bits_per_vector, "as many codes as its input has bits"),
        (lambda: LookupFreeQuantizer(temperature=0), "temperature must be above 0; received 0"),
        (lambda: LookupFreeQuantizer(group_bits=21), "group_bits must be at most 20; received 21"),
        (lambda: LookupFreeQuantizer(entropy_cost=-1), "entropy_cost must not be negative"),
    ],
)
def test_mistakes_end_in_one_clear_line(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_the_configuration_keeps_all_arguments():
    arguments = {
        "spherical": True,
        "commitment_cost": 0.5,
        "entropy_cost": 0.2,
        "diversity_cost": 0.3,
        "temperature": 0.01,
        "group_bits": 8,
    }
    config = LookupFreeQuantizer(**arguments).get_config()
    again = LookupFreeQuantizer.from_config(config).get_config()
    assert {name: again[name] for name in arguments} == arguments
