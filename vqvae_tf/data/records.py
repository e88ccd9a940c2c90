"""The TFRecord files of pictures and of code maps (docs/formats.md): writing, and random access."""

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf import files
from vqvae_tf.data import images
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError

CLASSES_FILE = "classes.txt"  # beside the shards: the names of the labels, one a line


def write_images(
    path: str | os.PathLike,
    pictures: Iterable[Mapping[str, Any]],
    class_names: Iterable[str] = (),
) -> int:
    """Writes one TFRecord file of pictures, as PNG.

    The file appears under its name only when it is complete.

    Args:
        path: the file; any `tf.io.gfile` path.
        pictures: mappings with `image` (uint8 `[height, width, 3 or 1]`) and, if there are such,
            `name` and `label`; what `Source.pictures()` gives.
        class_names: names of the labels, written to `classes.txt` in the same folder.

    Returns:
        The number of records.
    """
    return _write(path, map(image_example, pictures), class_names)


def write_codes(
    path: str | os.PathLike,
    maps: Iterable[Mapping[str, Any]],
    class_names: Iterable[str] = (),
) -> int:
    """Writes one TFRecord file of code maps.

    The file appears under its name only when it is complete.

    Args:
        path: the file; any `tf.io.gfile` path.
        maps: mappings with `codes` (integers `[height, width, ...]`) and, if there are such,
            `name` and `label`.
        class_names: names of the labels, written to `classes.txt` in the same folder.

    Returns:
        The number of records.
    """
    return _write(path, map(codes_example, maps), class_names)


def image_example(picture: Mapping[str, Any]) -> bytes:
    """The serialised `tf.train.Example` of one picture."""
    return _example(picture, image=_bytes(images.encode(picture["image"])))


def codes_example(item: Mapping[str, Any]) -> bytes:
    """The serialised `tf.train.Example` of one code map."""
    codes = np.asarray(item["codes"])
    if not np.issubdtype(codes.dtype, np.integer) or codes.ndim < 2:
        raise UserError(
            f"codes must be integers [height, width, ...]; received {codes.dtype} "
            f"{list(codes.shape)}"
        )
    return _example(item, codes=_integers(codes.ravel()), shape=_integers(codes.shape))


def parse(record: bytes, name: str) -> dict[str, Any]:
    """The features of a serialised `tf.train.Example`, as lists by key.

    Raises:
        UnreadableError: the bytes are no such message.
    """
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's implementations each raise their own class
        raise UnreadableError(f"{name}: not a tf.train.Example") from error
    return {
        key: getattr(feature, feature.WhichOneof("kind")).value
        for key, feature in features.items()
        if feature.WhichOneof("kind")
    }


def label_of(features: Mapping[str, Any], name: str, class_names: tuple[str, ...]) -> int | None:
    """The label among parsed features, -1 for none known; None where the source has no classes.

    Raises:
        UnreadableError: the label is absent, or no class has its number.
    """
    if not class_names:
        return None
    label = features.get("label")
    if not label or not -1 <= label[0] < len(class_names):
        raise UnreadableError(
            f"{name}: label must lie in [0, {len(class_names)}), or be -1 for none; received "
            f"{label[0] if label else 'none'}"
        )
    return int(label[0])


class RecordFiles:
    """The records of several TFRecord files, each readable by its number.

    The length of each record stands before it, so that one pass over the lengths alone finds
    where every record begins. Checksums are not verified.

    Attributes:
        stored_bytes: bytes of all records.
        truncated: names of the files that end before they should, each counted up to the damage.
    """

    def __init__(self, uri: str, pattern: str):
        found = tf.io.gfile.glob(pattern) if pattern else []
        self.paths = sorted(
            path
            for path in found
            if not os.path.basename(path).startswith(".")
            and os.path.basename(path) != CLASSES_FILE
            and not tf.io.gfile.isdir(path)
        )
        if not self.paths:
            raise UserError(f'{uri}: no file matches "{pattern}"; give the path or glob of shards')
        self.truncated: list[str] = []
        places = [self._places(uri, number, path) for number, path in enumerate(self.paths)]
        self._places_of_all = np.concatenate(places)  # [records, 3]: file, offset, length
        if not len(self):
            raise UserError(f"{uri}: the {len(self.paths)} files that match hold no record")
        self.stored_bytes = int(self._places_of_all[:, 2].sum())

    def __len__(self) -> int:
        return len(self._places_of_all)

    def name(self, index: int) -> str:
        """File and number of the record, as it is called where it has no name of its own."""
        file = self._places_of_all[index, 0]
        first = np.searchsorted(self._places_of_all[:, 0], file)
        return f"{os.path.basename(self.paths[file])}#{index - first}"

    def read(self, index: int) -> bytes:
        """The bytes of record `index`."""
        file, offset, length = map(int, self._places_of_all[index])
        with tf.io.gfile.GFile(self.paths[file], "rb") as records:
            records.seek(offset)
            return records.read(length)

    def class_names(self) -> tuple[str, ...]:
        """The lines of `classes.txt` beside the first file; else the numbers of all labels."""
        beside = os.path.join(os.path.dirname(self.paths[0]), CLASSES_FILE)
        if tf.io.gfile.exists(beside):
            with tf.io.gfile.GFile(beside) as file:
                return tuple(file.read().splitlines())
        largest = -1
        for index in range(len(self)):
            try:
                features = parse(self.read(index), self.name(index))
            except UnreadableError:
                continue  # whoever reads the pictures or maps will name it
            if largest < 0 and "label" not in features:
                return ()  # labels are in all records or in none
            largest = max([largest, *features.get("label", ())])
        return tuple(str(label) for label in range(largest + 1))

    def _places(self, uri: str, number: int, path: str) -> np.ndarray:
        places = []
        size = tf.io.gfile.stat(path).length
        offset = 0
        with tf.io.gfile.GFile(path, "rb") as file:
            while offset < size:
                file.seek(offset)
                header = file.read(12)  # length as uint64, then its checksum
                if header.startswith(b"\x1f\x8b"):
                    raise UserError(f"{path}: compressed; write TFRecords without compression")
                length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else size
                if offset + 12 + length + 4 > size:
                    self.truncated.append(os.path.basename(path))
                    logging.warning("%s: damaged after record %d", path, len(places))
                    break
                places.append((number, offset + 12, length))
                offset += 12 + length + 4  # the record's own checksum
        return np.array(places, np.int64).reshape(-1, 3)


def _write(path: str | os.PathLike, examples: Iterator[bytes], class_names: Iterable[str]) -> int:
    path = os.fspath(path)
    folder = os.path.dirname(path)
    tf.io.gfile.makedirs(folder or ".")
    count = 0
    with files.replacing(path) as partial, tf.io.TFRecordWriter(partial) as writer:
        for example in examples:
            writer.write(example)
            count += 1
    class_names = tuple(class_names)
    if class_names:
        text = "".join(f"{name}\n" for name in class_names)
        files.write_text(os.path.join(folder, CLASSES_FILE), text)
    return count


def _example(item: Mapping[str, Any], **features: tf.train.Feature) -> bytes:
    if item.get("name") is not None:
        features["name"] = _bytes(item["name"].encode())
    if item.get("label") is not None:
        features["label"] = _integers([item["label"]])
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integers(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value) for value in values]))
