"""Random access to the records of TFRecord files, each checked against its checksums."""

import os
import struct

import google_crc32c
import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.data.disk import printable, reading
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, reason

CLASSES_FILE = "classes.txt"  # next to the shards: the names of the labels, one per line
MOST_BYTES = 2**31 - 1  # that a message of Protocol Buffers can have
_HEADER, _FOOTER = 12, 4  # bytes: the length and its checksum, the checksum of the data
_MASK_DELTA = 0xA282EAD8


def shards(uri: str, pattern: str) -> list[str]:
    """The files that a glob matches, in order; no hidden ones, no `classes.txt`.

    What names a file as it is, such as `run[1]/a.tfrecord`, is that file.

    Raises:
        UserError: there are none.
    """
    try:
        if pattern and tf.io.gfile.exists(pattern):
            found = [pattern]
        else:
            found = tf.io.gfile.glob(pattern) if pattern else []
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(f"{uri}: cannot look for files ({reason(error)})") from None
    paths = sorted(path for path in found if _may_be_shard(path))
    if not paths:
        raise UserError(
            f'{uri}: no file matches "{printable(pattern)}"; give the path or glob of shards'
        )
    return paths


class RecordFiles:
    """The records of several TFRecord files, each readable by its number.

    The length of each record is written before it, so that one pass over the lengths alone finds
    where every record begins. The checksum of a length is compared in that pass, that of a record
    when it is read.

    Args:
        uri: what to call the files in an error.
        paths: the files; any `tf.io.gfile` paths.
        most_bytes: longer records are not read.

    Attributes:
        paths: as given.
        stored_bytes: bytes of all records.
        truncated: names of the files that end before they should or cannot be read on, each
            counted up to the damage.
    """

    def __init__(self, uri: str, paths: list[str], most_bytes: int = MOST_BYTES):
        self.paths = paths
        self._most_bytes = most_bytes
        self.truncated: list[str] = []
        places = [self._places_in(number, path) for number, path in enumerate(paths)]
        self._places = np.concatenate(places)  # [records, 3]: file, offset, length
        if not len(self):
            raise UserError(f"{uri}: the {len(paths)} files that match hold no record")
        self.stored_bytes = int(self._places[:, 2].sum())

    def __len__(self) -> int:
        return len(self._places)

    def name(self, index: int) -> str:
        """File and number of the record, as it is called where it has no name of its own."""
        file = self._places[index, 0]
        first = np.searchsorted(self._places[:, 0], file)
        return f"{os.path.basename(self.paths[file])}#{index - first}"

    def read(self, index: int) -> bytes:
        """The bytes of record `index`.

        Raises:
            UnreadableError: they are not those that were written, or too many.
        """
        file, offset, length = map(int, self._places[index])
        if length > self._most_bytes:
            raise UnreadableError(
                f"{self.name(index)}: a record of {length:,} bytes; at most {self._most_bytes:,} "
                "are read"
            )
        with reading(self.paths[file]) as (records, _):
            records.seek(offset)
            stored = records.read(length + _FOOTER)
        data, checksum = stored[:length], stored[length:]
        if checksum != _checksum(data):
            raise UnreadableError(f"{self.name(index)}: damaged, its checksum differs")
        return data

    def _places_in(self, number: int, path: str) -> np.ndarray:
        places: list[tuple[int, int, int]] = []
        offset = 0
        try:
            with reading(path) as (file, size):
                while offset < size:
                    file.seek(offset)
                    header = file.read(_HEADER)
                    whole = len(header) == _HEADER and header[8:] == _checksum(header[:8])
                    # A record of 35,615 bytes begins with the same two bytes as a gzip file.
                    if not whole and not offset and header.startswith(b"\x1f\x8b"):
                        raise UserError(f"{path}: compressed; write TFRecords without compression")
                    length = struct.unpack("<Q", header[:8])[0] if whole else size
                    if offset + _HEADER + length + _FOOTER > size:
                        self._note(path, f"{path}: damaged after record {len(places)}")
                        break
                    places.append((number, offset + _HEADER, length))
                    offset += _HEADER + length + _FOOTER
        except UnreadableError as error:
            self._note(path, str(error))
        return np.array(places, np.int64).reshape(-1, 3)

    def _note(self, path: str, words: str) -> None:
        self.truncated.append(os.path.basename(path))
        logging.warning("%s", words)


def _may_be_shard(path: str) -> bool:
    name = os.path.basename(path)
    if name.startswith(".") or name == CLASSES_FILE or tf.io.gfile.isdir(path):
        return False
    return os.path.isfile(path) or not os.path.lexists(path)  # local: no pipe, no dangling link


def _checksum(data: bytes) -> bytes:
    """The masked CRC-32C that the format keeps of `data`."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF)
