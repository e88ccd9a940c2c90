"""Random windows of arrays held in memory: one gather per batch, for arrays of any sizes."""

import collections
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

_PART = 1 << 26  # bytes that are held twice while arrays are joined
_ALIGNMENT = 64  # bytes; TensorFlow's alignment of the memory of tensors


class Windows:
    """All windows of one size of several arrays, numbered array by array, last axis fastest.

    If the number of a window is drawn uniformly, each array is drawn in proportion to its number of
    windows.

    Args:
        arrays: each `[*grid, ...]`, no side of the grid smaller than the window; dtype and trailing
            axes are the same for all. Arrays of a generator are held in memory once.
        size: sides of the window, one for each axis of the grid: `(time,)`, `(height, width)`, ...

    >>> windows = Windows([np.arange(6).reshape(2, 3), np.full([2, 2], 9)], size=(2, 2))
    >>> windows.count, windows.first(1)
    (3, 2)
    >>> windows.cut(tf.constant([1], tf.int64)).numpy().tolist()
    [[[1, 2], [4, 5]]]
    """

    def __init__(self, arrays: Iterable[np.ndarray], size: tuple[int, ...]):
        rank = len(size)
        with tf.device("CPU:0"):  # tf.data gathers on the CPU, not in an accelerator's memory
            shapes, self._values = _flattened(arrays, rank)
        places = shapes - size + 1  # of a window's corner, along each axis
        if places.min() < 1:
            sides = " x ".join(map(str, size))
            raise ValueError(f"arrays must be at least {sides}; received {shapes.tolist()}")
        counts, sizes = places.prod(1), shapes.prod(1)
        self._size = size
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._places = places
        # Strides, in elements of the flattened grid, along each axis.
        self._strides = np.cumprod(np.c_[shapes[:, 1:], np.ones(len(shapes), int)][:, ::-1], 1)
        self._strides = self._strides[:, ::-1].copy()
        self._offsets = np.cumsum(sizes) - sizes

    @property
    def count(self) -> int:
        """Number of windows."""
        return int(self._ends[-1])

    def first(self, array: int) -> int:
        """Number of the first window of array `array`."""
        return int(self._starts[array])

    def owner(self, window: tf.Tensor) -> tf.Tensor:
        """Index of the array of each window: `[batch]` -> int32 `[batch]`."""
        return tf.searchsorted(self._ends, window, side="right")

    def cut(self, window: tf.Tensor, mirror: tf.Tensor | None = None) -> tf.Tensor:
        """The windows with these numbers.

        Args:
            window: int64 `[batch]`.
            mirror: bool `[batch]`, whether to mirror the window along the grid's last axis.

        Returns:
            `[batch, *size, ...]`.
        """
        owner = self.owner(window)
        place = window - tf.gather(self._starts, owner)
        index = tf.gather(self._offsets, owner)
        places, strides = tf.gather(self._places, owner), tf.gather(self._strides, owner)
        rank = len(self._size)
        for axis in reversed(range(rank)):  # place in mixed radix, last axis fastest
            index += place % places[:, axis] * strides[:, axis]
            place //= places[:, axis]
        for axis, side in enumerate(self._size):
            steps = tf.range(side, dtype=tf.int64)[None]
            if mirror is not None and axis == rank - 1:
                steps = tf.where(mirror[:, None], steps[:, ::-1], steps)
            index = index[..., None] + tf.reshape(
                steps * strides[:, axis, None], [-1, *[1] * axis, side]
            )
        return tf.gather(self._values, index)


def uncopied(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same dataset without graph rewrites, for a dataset that cuts windows.

    By default tf.data rewrites a graph before it is run, and copies all arrays that its functions
    hold.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(options)


def _flattened(arrays: Iterable[np.ndarray], rank: int) -> tuple[np.ndarray, tf.Tensor]:
    """The arrays' grids, int64 `[arrays, rank]`, and their concatenated elements."""
    shapes: list[tuple[int, ...]] = []
    joined = _joined(collections.deque(_parts(arrays, rank, shapes)))
    return np.array(shapes, np.int64), joined


def _parts(
    arrays: Iterable[np.ndarray], rank: int, shapes: list[tuple[int, ...]]
) -> Iterator[np.ndarray]:
    """Yields the elements in parts of limited size; appends the grid of each array to `shapes`."""
    pending, size = [], 0
    for array in arrays:
        shapes.append(array.shape[:rank])
        pending.append(array.reshape(-1, *array.shape[rank:]))
        size += array.nbytes
        if size >= _PART:
            yield np.concatenate(pending)
            pending, size = [], 0
    if pending:
        yield np.concatenate(pending)


def _joined(parts: collections.deque[np.ndarray]) -> tf.Tensor:
    """All parts as one tensor; each is freed as soon as it is copied."""
    count, trailing, dtype = sum(map(len, parts)), parts[0].shape[1:], parts[0].dtype
    memory = np.empty(sum(part.nbytes for part in parts) + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    joined = memory[start : start + memory.size - _ALIGNMENT].view(dtype).reshape(count, *trailing)
    place = 0
    while parts:
        part = parts.popleft()
        joined[place : place + len(part)] = part
        place += len(part)
    # tf.constant would copy it twice.
    return tf.experimental.dlpack.from_dlpack(joined.__dlpack__())
