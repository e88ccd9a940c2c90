"""Sequences at another speed: against NumPy's interpolation."""

import numpy as np
import pytest

from vqvae_tf.networks.speed import at_speed


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.3, 3.0])
@pytest.mark.parametrize("trailing", [(), (2,)])
def test_it_is_linear_interpolation_and_ends_with_the_sequence(factor, trailing):
    values = np.random.default_rng(0).normal(size=(2, 20, *trailing)).astype(np.float32)
    found, there = at_speed(values, np.array([factor, 1.0], np.float32))
    np.testing.assert_allclose(found[1], values[1], rtol=1e-6)  # at its own speed
    places = (np.arange(20) + 0.5) * factor - 0.5
    inside = places <= 19.5
    np.testing.assert_array_equal(there[0], inside)
    columns = values[0].reshape(20, -1).T
    expected = np.stack([np.interp(places, np.arange(20), column) for column in columns], -1)
    expected = (expected * inside[:, None]).reshape(20, *trailing)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)  # float32 shares of numbers up to 3
