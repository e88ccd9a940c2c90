"""Sound files in a folder and the folders below it, and training batches cut from them."""

import os
from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.data import disk, sound_files
from vqvae_tf.data.folder import classes_of
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.data.windows import Windows, uncopied
from vqvae_tf.errors import UserError


class Sound(TypedDict):
    """One whole sound.

    Attributes:
        name: unique within its source.
        audio: float32 `[time]`, in [-1, 1].
        label: number of the speaker among the source's `class_names`, or None.
    """

    name: str
    audio: np.ndarray
    label: int | None


class SoundFolder:
    """`folder:PATH`: every sound file below PATH, ordered by path.

    If all of them lie in sub-folders, the names of the immediate sub-folders are the speakers.
    Hidden files and folders are left out. Files without an ending are taken if they begin as a
    sound does.

    Attributes:
        uri: what `open_sounds` was given.
        class_names: the speakers' names; empty where sounds have no speaker.
    """

    def __init__(self, uri: str, path: str):
        disk.check_folder(uri, path)
        self.uri = uri
        self._path = path
        self._unreadable: set[str] = set()
        self._held: dict[tuple[int, int], tuple[Windows, tf.Tensor]] = {}
        self._files = disk.files_below(
            path, sound_files.EXTENSIONS, self._skip, sound_files.is_sound
        )
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no sounds; files must end in "
                f"{', '.join(sound_files.EXTENSIONS)}"
            )
        self.class_names, self._labels = classes_of(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def skipped(self) -> int:
        """How many sounds were found unreadable so far; each is named once in the log."""
        return len(self._unreadable)

    def sounds(self, sample_rate: int) -> Iterator[Sound]:
        """All whole sounds in order, mono at `sample_rate` Hz; unreadable ones are skipped.

        Raises:
            UserError: none of them can be read.
        """
        readable = 0
        for file, label in zip(self._files, self._labels, strict=True):
            name = disk.printable(file)
            try:
                audio = sound_files.read(os.path.join(self._path, file), sample_rate)
            except UnreadableError as error:
                self._skip(name, error)
            else:
                readable += 1
                yield Sound(name=name, audio=audio, label=label)
        if not readable:
            raise UserError(
                f"{self.uri}: none of its {len(self)} sounds can be read; the log says why"
            )

    def windows(self, sample_rate: int, window: int) -> tuple[Windows, tf.Tensor]:
        """All windows of all sounds, and each sound's label, int32 (-1 without one).

        They stay in memory; asked for again, they are not read again. Sounds shorter than the
        window end in silence.

        Raises:
            UserError: none of the sounds can be read.
        """
        if (sample_rate, window) not in self._held:
            labels = []

            def arrays():
                for sound in self.sounds(sample_rate):
                    labels.append(-1 if sound["label"] is None else sound["label"])
                    short = window - len(sound["audio"])
                    yield np.pad(sound["audio"], (0, short)) if short > 0 else sound["audio"]

            self._held.clear()
            self._held[sample_rate, window] = Windows(arrays(), (window,)), tf.constant(labels)
        return self._held[sample_rate, window]

    def _skip(self, name: str, error: Exception) -> None:
        if name not in self._unreadable:
            self._unreadable.add(name)
            logging.warning("skipped %s", error)


def open_sounds(uri: str) -> SoundFolder:
    """Opens the sounds that a data URI names: `folder:PATH`.

    Raises:
        UserError: the scheme is another, or there is nothing to read.
    """
    scheme, _, rest = uri.partition(":")
    uri = disk.printable(uri)  # as messages show it
    if scheme != "folder" or not rest:
        raise UserError(f'"{uri}" names no sounds; they come from folder:PATH')
    return SoundFolder(uri, rest)


def sound_batches(
    source: SoundFolder,
    sample_rate: int,
    window: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Endless training batches of windows of sounds, all held in memory.

    Every place of a window is equally likely, and no epoch shows one twice; batch n is a function
    of the seed and n. Sounds shorter than the window end in silence.

    Args:
        source: where the sounds come from.
        sample_rate: in Hz.
        window: samples of an example.
        batch_size: windows a batch.
        seed: of every draw.
        start_step: number of the first batch.

    Returns:
        Dataset of `{"audio": float32 [batch, window], "speaker": int32 [batch]}`, without `speaker`
        if the source has no speakers.
    """
    windows, speakers = source.windows(sample_rate, window)
    examples = tf.range(batch_size, dtype=tf.int64)

    def batch(step):
        place = shuffled(step * batch_size + examples, seed, windows.count)
        audio = {"audio": windows.cut(place)}
        if not source.class_names:
            return audio
        return audio | {"speaker": tf.gather(speakers, windows.owner(place))}

    steps = tf.data.Dataset.counter(start_step)
    batches = steps.map(batch, tf.data.AUTOTUNE, deterministic=True)
    return uncopied(batches.prefetch(tf.data.AUTOTUNE))
