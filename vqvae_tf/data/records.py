"""Writes and parses the records of pictures and of code maps (docs/formats.md)."""

import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf import arguments, files
from vqvae_tf.data import disk, images
from vqvae_tf.data.record_files import CLASSES_FILE, RecordFiles
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, listed, reason, shown

MAX_CODE = np.iinfo(np.int32).max
RANKS = (1, 2, 3)  # of a grid of codes: sounds, pictures, videos
_MAX_AXES = 32  # of a map: the limit of older versions of NumPy
_MAX_CLASSES = 2**20  # if no classes.txt limits the labels
_FEATURES = {"image", "codes", "shape", "rank", "name"}  # of the formats, besides the class


def write_images(
    path: str | os.PathLike,
    pictures: Iterable[Mapping[str, Any]],
    class_names: Iterable[str] = (),
) -> int:
    """Writes one TFRecord file of pictures, as PNG.

    The file appears under its name only when it is complete.

    Args:
        path: the file; any `tf.io.gfile` path.
        pictures: mappings with `image` (uint8 `[height, width, 3 or 1]`) and optionally `name` and
            `label`, as yielded by `Source.pictures()`.
        class_names: names of the labels, written to `classes.txt` in the same folder; a picture
            without a label then gets -1.

    Returns:
        The number of records.

    Raises:
        UserError: without `class_names`, only some have a label; `classes.txt` is there with other
            names; or it cannot be written.
    """
    return _write(path, pictures, image_example, class_names, "label")


def write_codes(
    path: str | os.PathLike,
    maps: Iterable[Mapping[str, Any]],
    class_names: Iterable[str] = (),
    condition: str = "label",
) -> int:
    """Writes one TFRecord file of code maps.

    The file appears under its name only when it is complete.

    Args:
        path: the file; any `tf.io.gfile` path.
        maps: mappings with `codes` (integers; the grid's axes and then further ones), `rank` (the
            number of axes of the grid: 1 for a sound, 2, the default, for a picture, 3 for a
            video) and optionally `name` and the number of a class under the name `condition`; of a
            video, one number for each frame, or floats `[time, dims]`.
        class_names: names of the classes, written to `classes.txt` in the same folder; a map
            without a class then gets -1.
        condition: name of the classes: `label`, `speaker`.

    Returns:
        The number of records.

    Raises:
        UserError: without `class_names`, only some have a class; `classes.txt` is there with other
            names; or it cannot be written.
    """
    return _write(path, maps, lambda item: codes_example(item, condition), class_names, condition)


def image_example(picture: Mapping[str, Any]) -> bytes:
    """The serialised `tf.train.Example` of one picture."""
    return _example(picture, "label", image=_bytes(images.encode(picture["image"])))


def codes_example(item: Mapping[str, Any], condition: str = "label") -> bytes:
    """The serialised `tf.train.Example` of one code map.

    Raises:
        UserError: the codes are not integers, empty, out of range, or have too few axes.
    """
    codes, rank = np.asarray(item["codes"]), item.get("rank", 2)
    if not np.issubdtype(codes.dtype, np.integer) or rank not in RANKS or codes.ndim < rank:
        raise UserError(
            "codes must be integers [height, width, ...], or of as many axes as their rank, 1 to "
            f"3; received {codes.dtype} {list(codes.shape)} of rank {rank}"
        )
    if not codes.size or codes.min() < 0 or codes.max() > MAX_CODE:
        found = f"{codes.min()} to {codes.max()}" if codes.size else "none"
        raise UserError(f"codes must lie between 0 and {MAX_CODE}; received {found}")
    return _example(
        item,
        condition,
        codes=_integers(codes.ravel().tolist()),
        shape=_integers(codes.shape),
        rank=_integers([rank]),
    )


def map_of(
    record: bytes, place: str, class_names: tuple[str, ...], condition: str = "label"
) -> dict[str, Any]:
    """The code map in the bytes of a record, as it was passed to `codes_example`.

    Args:
        record: the bytes.
        place: name of the record in errors, and of the map if it has no name.
        class_names: names of the classes of the source.
        condition: name of the classes.

    Returns:
        A mapping with `name`, `codes` (int32), `rank` and, under the name `condition`, the number
        of the class (or None); of a grid of rank 3, int32 `[time]` or float32 `[time, dims]`.

    Raises:
        UnreadableError: it does not hold a valid map.
    """
    features = Features(record, place)
    shape = tuple(features.integers("shape"))
    rank = tuple(features.integers("rank")) or (2,)
    codes = np.array(features.integers("codes"), np.int64)
    if len(rank) > 1 or rank[0] not in RANKS or not rank[0] <= len(shape) <= _MAX_AXES:
        raise UnreadableError(f"{place}: no grid of rank {_short(rank)} has shape {_short(shape)}")
    if not codes.size or min(shape) < 1 or codes.size != math.prod(shape):
        raise UnreadableError(f"{place}: {codes.size} codes do not fill the shape {_short(shape)}")
    if codes.min() < 0 or codes.max() > MAX_CODE:
        raise UnreadableError(
            f"{place}: codes must lie between 0 and {MAX_CODE}; received {codes.min()} to "
            f"{codes.max()}"
        )
    return {
        "name": features.text("name", place),
        "codes": codes.astype(np.int32).reshape(shape),
        "rank": rank[0],
        condition: features.class_number(condition, class_names)
        if rank[0] < 3
        else _of_frames(features, place, condition, class_names, shape[0]),
    }


def _of_frames(features, place, condition, class_names, time):
    """The condition of each frame of a video's map; None if there is none."""
    if features.kind(condition) == "float_list":
        values = np.array(features.floats(condition), np.float32)
        if values.size % time or not np.isfinite(values).all():
            raise UnreadableError(
                f"{place}: {condition} must hold finite numbers for each of {time} frames; "
                f"received {values.size} numbers"
            )
        return values.reshape(time, -1)
    numbers = np.array(features.integers(condition), np.int64)
    if not numbers.size and not class_names:
        return None
    if numbers.size != time or numbers.min() < -1 or numbers.max() >= len(class_names):
        found = f"{numbers.min()} to {numbers.max()}" if numbers.size else "none"
        raise UnreadableError(
            f"{place}: {condition} must hold a number in [0, {len(class_names)}), or -1 for none, "
            f"for each of {time} frames; received {numbers.size} numbers, {found}"
        )
    return numbers.astype(np.int32)


class Features:
    """The features of one record, with the types of the format.

    Args:
        record: the bytes of a serialised `tf.train.Example`.
        place: name of the record in errors.

    Raises:
        UnreadableError: the bytes are not such a message. Every method raises it for a feature of
            another type.

    >>> features = Features(codes_example({"codes": np.zeros([2, 3], int), "name": "a"}), "x#0")
    >>> features.integers("shape"), features.text("name", "x#0"), features.encoded("image")
    ([2, 3], 'a', [])
    """

    def __init__(self, record: bytes, place: str):
        self._place = place
        try:
            features = tf.train.Example.FromString(record).features.feature
        except Exception as error:  # the class depends on protobuf's implementation
            raise UnreadableError(f"{place}: not a tf.train.Example") from error
        self._features = dict(features.items())

    def __contains__(self, key: str) -> bool:
        return bool(self._values(key))

    @property
    def names(self) -> list[str]:
        """The names of the features."""
        return sorted(self._features)

    def encoded(self, key: str) -> list[bytes]:
        """The values of a feature of bytes; empty if it is absent."""
        return self._values(key, "bytes_list")

    def integers(self, key: str) -> list[int]:
        """The values of a feature of integers; empty if it is absent."""
        return self._values(key, "int64_list")

    def floats(self, key: str) -> list[float]:
        """The values of a feature of floats; empty if it is absent."""
        return self._values(key, "float_list")

    def kind(self, key: str) -> str | None:
        """The type of a feature's values, such as "int64_list"; None if it is absent."""
        feature = self._features.get(key)
        return feature.WhichOneof("kind") if feature is not None else None

    def text(self, key: str, default: str) -> str:
        """The value of a feature of text; bytes that are not UTF-8 are escaped."""
        values = self.encoded(key)
        return values[0].decode(errors="backslashreplace") if values else default

    def class_number(self, key: str, class_names: tuple[str, ...]) -> int | None:
        """The value of a feature of class numbers, -1 if unknown; None without classes.

        Raises:
            UnreadableError: the number is absent, or no class has it.
        """
        number = self.integers(key)
        if not class_names and number in ([], [-1]):
            return None
        if len(number) != 1 or not -1 <= number[0] < len(class_names):
            raise UnreadableError(
                f"{self._place}: {key} must lie in [0, {len(class_names)}), or be -1 for none; "
                f"received {', '.join(map(str, number[:3])) or 'none'}"
            )
        return number[0]

    def _values(self, key: str, wanted: str | None = None) -> list[Any]:
        feature = self._features.get(key)
        found = feature and feature.WhichOneof("kind")
        if not found:
            return []
        if wanted and found != wanted:
            raise UnreadableError(
                f'{self._place}: feature "{key}" must be a {wanted}; it is a {found}'
            )
        return list(getattr(feature, found).value)


def class_names_of(files: RecordFiles, condition: str = "label") -> tuple[str, ...]:
    """The lines of `classes.txt` next to the first file; else all numbers of classes.

    If no record has a class, one line of the log names the features that are not used.

    Raises:
        UserError: `classes.txt` is not text, or names no class, a blank one or one twice.
    """
    beside = os.path.join(os.path.dirname(files.paths[0]), CLASSES_FILE)
    if tf.io.gfile.exists(beside):
        try:
            with tf.io.gfile.GFile(beside) as file:
                lines = file.read().split("\n")
        except (UnicodeDecodeError, tf.errors.OpError) as error:
            raise UserError(
                f"{beside} cannot be read ({reason(error)}); give UTF-8 text, a class on each line"
            ) from None
        names = tuple(line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1]))
        _check_names(names, f"{beside} must name a class on each line")
        return names
    largest = -1
    unused: set[str] = set()
    for index in range(len(files)):
        try:
            features = Features(files.read(index), files.name(index))
            unused.update(features.names)
            numbers = features.integers(condition)
        except UnreadableError:
            continue  # it is logged when the pictures or maps are read
        # An invalid number counts as the first class, so that its record is refused later by name.
        largest = max([largest, *(n if -1 <= n < _MAX_CLASSES else 0 for n in numbers)])
    unused -= {*_FEATURES, condition}
    if largest < 0 and unused:
        logging.warning(
            "%s: no record has a %s; features that are not used: %s",
            files.paths[0],
            condition,
            disk.printable(listed(sorted(unused))),
        )
    return tuple(map(str, range(largest + 1)))


def _write(
    path: str | os.PathLike,
    items: Iterable[Mapping[str, Any]],
    example_of: Callable[[Mapping[str, Any]], bytes],
    class_names: Iterable[str],
    condition: str,
) -> int:
    path, class_names = arguments.path("path", path), tuple(class_names)
    if class_names:
        _check_names(class_names, "the name of a class must be one line, and of one class only")
    folder = os.path.dirname(path)
    beside = os.path.join(folder, CLASSES_FILE)
    names = _encoded("".join(f"{name}\n" for name in class_names))
    if names:
        _refuse_other_names(beside, names)
    tf.io.gfile.makedirs(folder or ".")
    known = set()
    count = 0
    with files.replacing(path) as partial, tf.io.TFRecordWriter(partial) as writer:
        for item in items:
            if class_names and item.get(condition) is None:
                unknown = np.full(len(item["codes"]), -1) if item.get("rank") == 3 else -1
                item = {**item, condition: unknown}
            known.add(item.get(condition) is not None)
            if len(known) > 1:
                raise UserError(
                    f"some records have a {condition} and some have none; give -1 to those without"
                )
            writer.write(example_of(item))
            count += 1
    if names:
        files.write_bytes(beside, names)
    return count


def _refuse_other_names(path: str, names: bytes) -> None:
    """Refuses an existing `classes.txt` with other names, which other files in the folder have."""
    if not tf.io.gfile.exists(path):
        return
    with disk.reading(path) as (file, _):
        found = file.read().replace(b"\r\n", b"\n")
    if found.removesuffix(b"\n") != names.removesuffix(b"\n"):
        raise UserError(
            f"{path} names other classes; write the records to another folder, or remove that file"
        )


def _check_names(names: Sequence[str], wanted: str) -> None:
    """Refuses no names at all, a blank one, one of several lines, and one that is there twice."""
    if not names:
        raise UserError(f"{wanted}; received none")
    seen: set[str] = set()
    for number, name in enumerate(names):
        if not name.strip() or "\n" in name or name in seen:
            again = " again" if name in seen else ""
            raise UserError(f"{wanted}; received {shown(name)}{again} as class {number}")
        seen.add(name)


def _example(item: Mapping[str, Any], condition: str, **features: tf.train.Feature) -> bytes:
    if item.get("name") is not None:
        features["name"] = _bytes(_encoded(item["name"]))
    if item.get(condition) is not None:
        try:
            features[condition] = _numbers(item[condition])
        except (TypeError, ValueError):
            raise UserError(
                f"{condition} must be an integer of 64 bits; received {item[condition]!r}"
            ) from None
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
        deterministic=True
    )


def _numbers(value: Any) -> tf.train.Feature:
    """The feature of a class, of one for each frame, or of numbers for each frame."""
    if np.ndim(value) == 0:
        return _integers([operator.index(value)])
    values = np.asarray(value)
    if values.dtype.kind == "f":
        numbers = values.astype(np.float32).ravel()
        return tf.train.Feature(float_list=tf.train.FloatList(value=numbers))
    return _integers([operator.index(each) for each in values])


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")  # for names of files that are not UTF-8


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integers(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _short(numbers: Sequence[int]) -> str:
    return f"[{', '.join(map(str, numbers[:4]))}{', ...' if len(numbers) > 4 else ''}]"
