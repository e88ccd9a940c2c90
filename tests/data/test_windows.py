import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.data import windows as windows_lib
from vqvae_tf.data.windows import Windows

ARRAYS = [
    np.arange(5 * 4 * 2, dtype=np.int32).reshape(5, 4, 2),
    100 + np.arange(3 * 3 * 2, dtype=np.int32).reshape(3, 3, 2),
    200 + np.arange(3 * 6 * 2, dtype=np.int32).reshape(3, 6, 2),
]
EXPECTED = [  # every window, by slicing
    (number, array[y : y + 3, x : x + 3])
    for number, array in enumerate(ARRAYS)
    for y in range(array.shape[0] - 2)
    for x in range(array.shape[1] - 2)
]


def test_every_window_once_and_in_order():
    windows = Windows(ARRAYS, (3, 3))
    numbers = tf.range(windows.count, dtype=tf.int64)
    assert windows.count == len(EXPECTED) == 6 + 1 + 4
    assert [windows.first(array) for array in range(3)] == [0, 6, 7]
    assert windows.owner(numbers).numpy().tolist() == [number for number, _ in EXPECTED]
    assert np.array_equal(windows.cut(numbers), [window for _, window in EXPECTED])


def test_mirroring_is_by_row():
    windows = Windows(ARRAYS, (3, 3))
    cut = windows.cut(tf.constant([4, 4], tf.int64), tf.constant([False, True]))
    assert np.array_equal(cut[1], cut[0][:, ::-1])
    assert np.array_equal(cut[0], EXPECTED[4][1])


def test_arrays_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="at least 4 x 4"):
        Windows(ARRAYS, (4, 4))


@pytest.mark.parametrize("size", [(3,), (2, 3), (2, 1, 2)])
def test_grids_of_any_rank(size):
    rank = len(size)
    draws = np.random.default_rng(0)
    arrays = [draws.integers(0, 99, [side + extra for side in size] + [2]) for extra in (0, 1, 3)]
    expected = [
        array[tuple(slice(c, c + side) for c, side in zip(corner, size, strict=True))]
        for array in arrays
        for corner in np.ndindex(*np.array(array.shape[:rank]) - size + 1)
    ]
    windows = Windows(arrays, size)
    assert windows.count == len(expected)
    assert np.array_equal(windows.cut(tf.range(windows.count, dtype=tf.int64)), expected)


def test_a_generator_s_arrays_are_joined_part_by_part(monkeypatch):
    arrays = [np.arange(n * 3, dtype=np.int32).reshape(n, 3) for n in (5, 1, 2, 7)]
    whole = Windows(arrays, (1,))
    monkeypatch.setattr(windows_lib, "_PART", 40)
    parts = Windows((array for array in arrays), (1,))
    every = tf.range(15, dtype=tf.int64)
    assert parts.count == whole.count == 15
    np.testing.assert_array_equal(parts.cut(every), np.concatenate(arrays)[:, None])
    np.testing.assert_array_equal(whole.cut(every), parts.cut(every))
