"""The base classes of data sources, and of the sources of pictures."""

import abc
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TypedDict, TypeVar

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.data.numpy_call import numpy_call
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.errors import UserError

Entry = TypeVar("Entry")


class UnreadableError(UserError):
    """A picture, sound or record that cannot be used; sources log it, skip it and count it."""


class Picture(TypedDict):
    """One whole picture.

    Attributes:
        name: unique within its source.
        image: uint8 `[height, width, channels]`.
        label: index into the source's `class_names`, or None.
    """

    name: str
    image: np.ndarray
    label: int | None


class BaseSource(abc.ABC):
    """Base of all sources: names, and the handling of unreadable entries.

    Attributes:
        uri: the data URI.
        class_names: names of the classes; empty if there are none.
        contents: name of the entries in messages.
        files: paths of the files it was told to read, wherever they are; empty if they all are in
            one folder that the URI names.
    """

    contents = "pictures"
    files: tuple[str, ...] = ()

    def __init__(self, uri: str, class_names: tuple[str, ...] = ()):
        self.uri = uri
        self.class_names = class_names
        self._unreadable: set[str] = set()

    @property
    def skipped(self) -> int:
        """Number of unreadable entries so far; each is logged once."""
        return len(self._unreadable)

    def skip(self, name: str, error: Exception) -> None:
        """Counts an entry that cannot be used, and logs it the first time."""
        if name not in self._unreadable:
            self._unreadable.add(name)
            logging.warning("skipped %s", error)

    def read_all(self, entries: Iterable[tuple[str, Callable[[], Entry]]]) -> Iterator[Entry]:
        """Yields the readable entries, in order; the others are skipped.

        The reason why the only entry cannot be read is in the error and not in the log.

        Args:
            entries: pairs of a name and a function that reads the entry or raises
                `UnreadableError`.

        Raises:
            UserError: none of them can be read.
        """
        none, reason = True, "; the log says why"
        for name, read in entries:
            try:
                entry = read()
            except UnreadableError as error:
                if len(self) == 1:
                    reason = f": {error}"
                else:
                    self.skip(name, error)
            else:
                none = False
                yield entry
        if none:
            raise UserError(
                f"{self.uri}: none of its {len(self)} {self.contents} can be read{reason}"
            )

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of entries, including unreadable ones that were not read yet."""


class Source(BaseSource):
    """Pictures of a data URI, as `open_source` opens them."""

    @property
    @abc.abstractmethod
    def stored_bytes(self) -> int:
        """Bytes of the encoded pictures, to detect early that a set does not fit in memory."""

    @abc.abstractmethod
    def pictures(self, channels: int = 3) -> Iterator[Picture]:
        """All whole pictures in the source's order; unreadable ones are skipped.

        Args:
            channels: 3 for colour, 1 for grey.

        Raises:
            UserError: none of them can be read.
        """

    @abc.abstractmethod
    def examples(self, seed: int, start: int, channels: int) -> tf.data.Dataset:
        """An endless sequence of whole pictures, reshuffled in every epoch.

        Args:
            seed: seed of the order.
            start: number of pictures to skip at the beginning.
            channels: 3 for colour, 1 for grey.

        Returns:
            Dataset of `(position, image, label)`: int64, uint8 `[height, width, channels]` and
            int32 (-1 without labels).
        """


class IndexedSource(Source):
    """A source that can read any of its pictures by number.

    Its shuffled order is a pure function of the seed and the position, so that a resumed run does
    not read the pictures that it skips.
    """

    @abc.abstractmethod
    def name(self, index: int) -> str:
        """Name of picture `index`."""

    @abc.abstractmethod
    def read(self, index: int, channels: int = 3) -> Picture:
        """Reads picture `index`.

        Raises:
            UnreadableError: it cannot be read.
        """

    def pictures(self, channels: int = 3) -> Iterator[Picture]:
        return self.read_all(
            (self.name(index), functools.partial(self.read, index, channels))
            for index in range(len(self))
        )

    def examples(self, seed: int, start: int, channels: int) -> tf.data.Dataset:
        count = len(self)

        idle: tuple[np.ndarray, np.int32] = np.zeros([1, 1, channels], np.uint8), np.int32(0)

        def load(index):
            picture = self._read_from(int(index), channels)
            return picture["image"], np.int32(-1 if picture["label"] is None else picture["label"])

        def example(position):
            image, label = numpy_call(load, [shuffled(position, seed, count)], idle)
            return position, tf.ensure_shape(image, [None, None, channels]), tf.reshape(label, [])

        return tf.data.Dataset.counter(start).map(example, tf.data.AUTOTUNE, deterministic=True)

    def _read_from(self, index: int, channels: int) -> Picture:
        # The next picture replaces an unreadable one, so that the order of all others is unchanged.
        for offset in range(len(self)):
            candidate = (index + offset) % len(self)
            try:
                return self.read(candidate, channels)
            except UnreadableError as error:
                self.skip(self.name(candidate), error)
        raise UserError(f"{self.uri}: none of its {len(self)} pictures can be read")
