"""Random windows of arrays held in memory: one gather a batch, whatever the arrays' sizes."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


class Windows:
    """All windows of one size of several arrays, numbered array by array and row by row.

    A uniform draw of a window's number draws an array by the number of windows in it, as
    independent crops at any place should.

    Args:
        arrays: each `[height, width, ...]`, none smaller than the window; dtype and trailing axes
            are the same for all.
        size: (height, width) of the window, or its side.

    >>> windows = Windows([np.arange(6).reshape(2, 3), np.full([2, 2], 9)], size=2)
    >>> windows.count, windows.first(1)
    (3, 2)
    >>> windows.cut(tf.constant([1], tf.int64)).numpy().tolist()
    [[[1, 2], [4, 5]]]
    """

    def __init__(self, arrays: Sequence[np.ndarray], size: int | tuple[int, int]):
        size = (size, size) if isinstance(size, int) else size
        shapes = np.array([array.shape[:2] for array in arrays], np.int64)
        trailing = arrays[0].shape[2:]
        rows, columns = (shapes - size + 1).T  # places of a window's corner
        if min(rows.min(), columns.min()) < 1:
            raise ValueError(f"arrays must be at least {size[0]} x {size[1]}; received {shapes}")
        self._size = size
        self._ends = np.cumsum(rows * columns)
        self._starts = self._ends - rows * columns
        self._columns = columns
        self._widths = shapes[:, 1]
        self._offsets = np.cumsum(shapes.prod(1)) - shapes.prod(1)
        with tf.device("CPU:0"):  # where tf.data gathers, not in an accelerator's memory
            self._values = tf.constant(
                np.concatenate([array.reshape(-1, *trailing) for array in arrays])
            )

    @property
    def count(self) -> int:
        """Number of windows."""
        return int(self._ends[-1])

    def first(self, array: int) -> int:
        """Number of the first window of that array."""
        return int(self._starts[array])

    def owner(self, window: tf.Tensor) -> tf.Tensor:
        """Which array each window lies in: `[batch]` -> int32 `[batch]`."""
        return tf.searchsorted(self._ends, window, side="right")

    def cut(self, window: tf.Tensor, mirror: tf.Tensor | None = None) -> tf.Tensor:
        """The windows of these numbers.

        Args:
            window: int64 `[batch]`.
            mirror: bool `[batch]`: whether to mirror the window left to right.

        Returns:
            `[batch, height, width, ...]`.
        """
        owner = self.owner(window)
        place = window - tf.gather(self._starts, owner)
        columns = tf.gather(self._columns, owner)
        width = tf.gather(self._widths, owner)
        corner = tf.gather(self._offsets, owner) + place // columns * width + place % columns
        down, across = (tf.range(side, dtype=tf.int64) for side in self._size)
        down = corner[:, None] + down * width[:, None]  # [batch, height]
        if mirror is None:
            across = across[None]
        else:
            across = tf.where(mirror[:, None], across[::-1], across)  # [batch, width]
        return tf.gather(self._values, down[:, :, None] + across[:, None, :])
