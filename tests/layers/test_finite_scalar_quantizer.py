"""Finite scalar quantization against its formula in float64."""

import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf.layers import FiniteScalarQuantizer

LEVELS = (8, 5, 2, 3)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(levels):
    layer = FiniteScalarQuantizer(levels)
    layer.build((None, len(levels)))
    return layer


def before_rounding(digits, levels):
    """The number that f takes to each digit exactly."""
    levels = np.array(levels)
    width, offset = (levels - 1) * 1.001 / 2, np.where(levels % 2, 0.0, 0.5)
    return np.arctanh((digits - levels // 2 + offset) / width) - np.arctanh(offset / width)


def test_codes_and_vectors_are_the_formula():
    layer, x = built(LEVELS), 2 * normal(5000, 4)
    bounded, codes = oracle.finite_scalar(x, LEVELS)
    # float32 may round the other way within 1e-5 of the middle of two levels
    clear = (np.abs(bounded - np.floor(bounded) - 0.5) > 1e-5).all(1)
    assert clear.mean() > 0.999
    output = layer.quantize(x)
    np.testing.assert_array_equal(array(output.codes)[clear], codes[clear])
    expected = np.round(bounded) / (np.array(LEVELS) // 2)
    np.testing.assert_array_equal(array(output.vectors)[clear], expected[clear].astype("float32"))
    assert output.losses == {} and not layer.variables


@pytest.mark.parametrize("number", [*range(2, 10), 100, 1501])
def test_all_levels_are_reached_and_nothing_beyond(number):
    layer = built((number,))
    x = before_rounding(np.arange(number), (number,))[:, None]
    np.testing.assert_array_equal(layer.encode(x), np.arange(number))
    far = np.float32([[-1e30], [-50.0], [50.0], [1e30], [-np.inf], [np.inf]])
    np.testing.assert_array_equal(layer.encode(far), np.array([0, 0, 1, 1, 0, 1]) * (number - 1))
    assert float(layer(np.zeros((1, 1), "float32"))[0, 0]) == 0.0


def test_every_code_comes_back_from_the_middle_of_its_cell():
    layer = built(LEVELS)
    number = layer.code_sizes[0]
    assert number == 240 and layer.codebook.shape == (240, 4)
    digits = np.round(array(layer.codebook) * (np.array(LEVELS) // 2)) + np.array(LEVELS) // 2
    np.testing.assert_array_equal(
        digits, np.stack(np.unravel_index(np.arange(number), LEVELS[::-1])[::-1], 1)
    )
    x = before_rounding(digits, LEVELS)
    np.testing.assert_array_equal(layer.encode(x), np.arange(number))
    np.testing.assert_array_equal(layer(x), layer.codebook)
    assert layer.bits_per_vector == np.log2(240)


def test_the_gradient_is_that_of_the_bound_alone():
    layer, x, weights = built(LEVELS), tf.constant(normal(50, 4)), normal(50, 4, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * weights)
    step = 1e-5
    low, high = (oracle.finite_scalar(np.float64(x) + d, LEVELS)[0] for d in (-step, step))
    expected = weights * (high - low) / (2 * step) / (np.array(LEVELS) // 2)
    # float32 tanh near 1 keeps five digits of 1 - tanh^2
    np.testing.assert_allclose(tape.gradient(loss, x), expected, rtol=1e-4, atol=1e-5)


def test_nan_gets_the_level_of_zero():
    layer = built((5, 4))
    x = np.float32([[np.nan, 9.0], [0.3, np.nan]])
    np.testing.assert_array_equal(layer(x), layer(np.nan_to_num(x)))
    for encode in (layer.encode, tf.function(layer.encode, jit_compile=True)):
        np.testing.assert_array_equal(encode(x), layer.encode(np.nan_to_num(x)))


def test_compiled_vectors_have_the_bits_of_decode():
    layer = built((255, 99, 83, 7))  # where 1 / 49 is not what a division rounds to
    x = normal(300, 4)
    compiled = tf.function(lambda x: layer(x), jit_compile=True)(x)
    np.testing.assert_array_equal(compiled, layer.decode(layer.encode(x)))


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda: FiniteScalarQuantizer(()), r"levels must name one number or more; received \(\)"),
        (lambda: FiniteScalarQuantizer((8, 1)), "each of levels must be at least 2; received 1"),
        (lambda: FiniteScalarQuantizer((2**24 + 1,)), "at most 16777216, .* received 16777217"),
        (lambda: FiniteScalarQuantizer((8,) * 11), "8589934592 codes, more than int32 holds"),
        (
            lambda: FiniteScalarQuantizer((8, 5))(normal(3, 64)),
            r"takes vectors of 2 numbers.* \(3, 64\). A ProjectedQuantizer",
        ),
    ],
)
def test_mistakes_end_in_one_clear_line(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_the_configuration_keeps_the_levels():
    config = FiniteScalarQuantizer([7, 5, 5]).get_config()
    assert FiniteScalarQuantizer.from_config(config).levels == (7, 5, 5)
