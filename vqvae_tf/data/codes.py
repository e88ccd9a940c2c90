"""Code maps, the training data of priors, in TFRecord files (docs/formats.md) or in memory."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.data import records
from vqvae_tf.data.record_files import RecordFiles
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.source import BaseSource, Source
from vqvae_tf.data.windows import Windows, uncopied
from vqvae_tf.errors import UserError


class CodeRecords(BaseSource):
    """`codes:GLOB`: the code maps of TFRecord files, in the order of the files' names.

    Args:
        uri: argument of `open_source`.
        paths: the files that match it.
        condition: name of the classes of the maps: `label`, `speaker`.

    Attributes:
        uri: as given.
        class_names: names of the classes, from `classes.txt` next to the files, else their numbers.
    """

    contents = "records"

    def __init__(self, uri: str, paths: list[str], condition: str = "label"):
        self._files = RecordFiles(uri, paths)
        self._condition = condition
        super().__init__(uri, records.class_names_of(self._files, condition))
        self._unreadable.update(self._files.truncated)

    def __len__(self) -> int:
        return len(self._files)

    def maps(self) -> Iterator[dict[str, Any]]:
        """All maps in order, as returned by `records.map_of`; unreadable ones are skipped.

        Raises:
            UserError: none of them can be read.
        """
        names = map(self._files.name, range(len(self)))
        return self.read_all(
            (name, functools.partial(self._map, index, name)) for index, name in enumerate(names)
        )

    def _map(self, index: int, name: str) -> dict[str, Any]:
        record = self._files.read(index)
        return records.map_of(record, name, self.class_names, self._condition)


def grid_of(item: Mapping[str, Any]) -> np.ndarray:
    """The codes of a map as int32 `[*grid, slots]`, also with one slot.

    Raises:
        UserError: the codes are not integers in range, or their shape does not fit the rank.

    >>> grid_of({"codes": np.arange(3), "rank": 1}).shape
    (3, 1)
    """
    codes, rank = np.asarray(item["codes"]), item.get("rank", 2)
    if not np.issubdtype(codes.dtype, np.integer) or codes.ndim not in (rank, rank + 1):
        raise UserError(
            f"code maps of rank {rank} must be integers with {rank} axes, and one more for "
            f"several codes per place; received {codes.dtype} {list(codes.shape)}"
        )
    if codes.size and (codes.min() < 0 or codes.max() > records.MAX_CODE):
        raise UserError(
            f"codes must lie between 0 and {records.MAX_CODE}; received {codes.min()} to "
            f"{codes.max()}"
        )
    return codes.astype(np.int32).reshape(*codes.shape[:rank], -1)


def code_batches(
    maps: CodeRecords | Iterable[Mapping[str, Any]],
    crop: tuple[int, ...],
    batch_size: int,
    seed: int,
    start_step: int = 0,
    condition: str = "label",
) -> tf.data.Dataset:
    """Endless training batches of random windows of code maps.

    All maps are held in memory. Every epoch contains every window of every map once; batch n
    is a pure function of the seed and n.

    Args:
        maps: a `codes:` source, or mappings with `codes` (integers `[*grid]` or `[*grid, slots]`),
            `rank` (of the grid, 2 by default) and, in all or in none, the number of a class; of
            videos, one for each frame, or floats `[time, dims]`.
        crop: sides of the window in codes, one for each axis of the grid. Of maps with a condition
            for each frame it is a window in time only: the other sides are those of the grid.
        batch_size: windows per batch.
        seed: seed of all draws.
        start_step: number of the first batch.
        condition: key of the class in maps and batches.

    Returns:
        Dataset of `{"codes": int32 [batch, *crop, slots], condition: int32 [batch]}`, without the
        latter if the maps have no classes; `[batch, time, ...]` for one for each frame.

    Raises:
        UserError: a map is smaller than the window or of another rank, only some have a class,
            the maps' slots differ, or frames and their conditions do.

    >>> maps = [{"codes": np.arange(12).reshape(3, 4), "label": 0}]
    >>> batch = next(iter(code_batches(maps, crop=(2, 2), batch_size=5, seed=0)))
    >>> batch["codes"].shape.as_list(), batch["label"].numpy().tolist()
    ([5, 2, 2, 1], [0, 0, 0, 0, 0])
    """
    if not crop or min(crop) < 1 or batch_size < 1 or start_step < 0:
        raise UserError(
            "code_batches needs crop >= 1, batch_size >= 1 and start_step >= 0; received "
            f"{crop}, {batch_size} and {start_step}"
        )
    if isinstance(maps, Source):
        raise UserError(f"{maps.uri}: holds no code maps; they come from codes:")
    items = list(maps.maps() if isinstance(maps, CodeRecords) else maps)
    arrays = [grid_of(item) for item in items]
    classes = [item.get(condition) for item in items]
    _check(arrays, crop)
    if len({each is None for each in classes}) > 1:
        raise UserError(
            f"some code maps have a {condition} and some have none; give one to all, or to none"
        )
    windows = Windows(arrays, crop)
    in_time = None
    if classes[0] is not None and np.ndim(classes[0]):
        _check_frames(arrays, classes, crop, condition)
        # As many windows as of the codes, in the same order.
        in_time = Windows(map(np.asarray, classes), crop[:1])

    def batch(step):
        position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        window = shuffled(position, seed, windows.count)
        codes = {"codes": windows.cut(window)}
        if classes[0] is None:
            return codes
        if in_time is not None:
            return codes | {condition: in_time.cut(window)}
        return codes | {condition: tf.gather(classes, windows.owner(window))}

    steps = tf.data.Dataset.counter(start_step)
    batches = steps.map(batch, tf.data.AUTOTUNE, deterministic=True)
    return uncopied(batches.prefetch(tf.data.AUTOTUNE))


def _check_frames(
    arrays: list[np.ndarray], values: list[Any], crop: tuple[int, ...], condition: str
) -> None:
    """Checks conditions of frames, and that windows move in time only."""
    for array, value in zip(arrays, values, strict=True):
        if len(value) != len(array):
            raise UserError(
                f"{condition} must be one for each frame; received {len(value)} for a map of "
                f"{len(array)} frames"
            )
        if array.shape[1:-1] != crop[1:]:
            sides, whole = (" x ".join(map(str, each)) for each in (crop[1:], array.shape[1:-1]))
            raise UserError(
                f"a window of code maps with {condition} for each frame spans the whole frame; "
                f"received {sides} for frames of {whole} codes"
            )
    if len({np.shape(value)[1:] for value in values}) > 1:
        raise UserError(f"the numbers of {condition} differ between code maps; give one kind")


def _check(arrays: list[np.ndarray], crop: tuple[int, ...]) -> None:
    if not arrays:
        raise UserError("there are no code maps to train on; give at least one")
    for array in arrays:
        if array.ndim != len(crop) + 1:
            raise UserError(
                f"a crop of {len(crop)} sides needs code maps of rank {len(crop)}; received one of "
                f"rank {array.ndim - 1}"
            )
    smallest = np.min([array.shape[:-1] for array in arrays], axis=0)
    if np.any(smallest < crop):
        sides, least = (" x ".join(map(str, each)) for each in (crop, smallest))
        raise UserError(
            f"a crop of {sides} codes does not fit all maps, whose smallest sides are {least}; use "
            "a crop of at most these"
        )
    if len({array.shape[-1] for array in arrays}) > 1:
        raise UserError("the code maps' slots differ; give maps of one model only")
