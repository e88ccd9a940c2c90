"""Random windows of arrays held in memory: one gather per batch, for arrays of any sizes."""

import collections
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

_PART = 1 << 26  # bytes that are held twice while arrays are joined
_ALIGNMENT = 64  # bytes; what TensorFlow asks of a tensor's memory


class Windows:
    """All windows of one size of several arrays, numbered array by array, last axis fastest.

    A uniform draw of a window's number draws an array by the number of windows in it, as
    independent crops at any place should.

    Args:
        arrays: each `[*grid, ...]`, no side of the grid smaller than the window; dtype and trailing
            axes are the same for all. Those that a generator gives are held once.
        size: sides of the window, one for each axis of the grid: `(time,)`, `(height, width)`, ...

    >>> windows = Windows([np.arange(6).reshape(2, 3), np.full([2, 2], 9)], size=(2, 2))
    >>> windows.count, windows.first(1)
    (3, 2)
    >>> windows.cut(tf.constant([1], tf.int64)).numpy().tolist()
    [[[1, 2], [4, 5]]]
    """

    def __init__(self, arrays: Iterable[np.ndarray], size: tuple[int, ...]):
        rank = len(size)
        with tf.device("CPU:0"):  # where tf.data gathers, not in an accelerator's memory
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
        # Elements of the flattened grid from one place to the next along each axis.
        self._strides = np.cumprod(np.c_[shapes[:, 1:], np.ones(len(shapes), int)][:, ::-1], 1)
        self._strides = self._strides[:, ::-1].copy()
        self._offsets = np.cumsum(sizes) - sizes

    @property
    def count(self) -> int:
        """Number of windows."""
        return int(self._ends[-1])

    def first(self, array: int) -> int:
        """Number of the first window of that array."""
        return int(self._starts[array])

    def owner(self, window: tf.Tensor) -> tf.Tensor:
        """Which array each window is from: `[batch]` -> int32 `[batch]`."""
        return tf.searchsorted(self._ends, window, side="right")

    def cut(self, window: tf.Tensor, mirror: tf.Tensor | None = None) -> tf.Tensor:
        """The windows of these numbers.

        Args:
            window: int64 `[batch]`.
            mirror: bool `[batch]`: whether to mirror the window along the grid's last axis.

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
    """The same dataset, for one that cuts windows.

    By default tf.data rewrites a graph before it is run, and so copies all that its functions hold.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(options)


def _flattened(arrays: Iterable[np.ndarray], rank: int) -> tuple[np.ndarray, tf.Tensor]:
    """The arrays' grids, int64 `[arrays, rank]`, and their elements one after another."""
    shapes: list[tuple[int, ...]] = []
    joined = _joined(collections.deque(_parts(arrays, rank, shapes)))
    return np.array(shapes, np.int64), joined


def _parts(
    arrays: Iterable[np.ndarray], rank: int, shapes: list[tuple[int, ...]]
) -> Iterator[np.ndarray]:
    """The elements in parts of some size; notes the grid of each array in `shapes`."""
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
    """All parts as one tensor; each is let go as soon as it is copied."""
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
