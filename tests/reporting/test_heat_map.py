"""A table as a picture: dark where its numbers are large."""

import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.reporting import heat_map

pytest.importorskip("matplotlib")


def test_larger_numbers_are_darker():
    table = np.zeros((3, 4))
    dark = heat_map(np.ones_like(table), "abc", "wxyz")
    light = heat_map(table, "abc", "wxyz")
    assert dark.shape == light.shape and dark.dtype == np.uint8
    assert dark.mean() < light.mean() - 50
    np.testing.assert_array_equal(light, heat_map(table, "abc", "wxyz"))


def test_a_large_table_is_drawn_without_names():
    names = [str(number) for number in range(500)]
    assert heat_map(np.zeros((500, 41)), names, names[:41]).shape[0] < 4_000


def test_names_must_fit_the_table():
    with pytest.raises(UserError, match=r"3 rows and 2 columns needs as many .* \[3, 4\]"):
        heat_map(np.zeros((3, 4)), "abc", "xy")
