"""Sound files in a folder and the folders below it, and training batches cut from them."""

import io
import os
from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.data.folder import classes_of, files_below
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.data.windows import Windows
from vqvae_tf.errors import UserError

EXTENSIONS = (".aif", ".aiff", ".flac", ".mp3", ".ogg", ".wav")


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
    Hidden files and folders are left out.

    Attributes:
        uri: what `open_sounds` was given.
        class_names: the speakers' names; empty where sounds have no speaker.
    """

    def __init__(self, uri: str, path: str):
        if not tf.io.gfile.isdir(path):
            raise UserError(f'{uri}: there is no folder "{path}"; give the path of an existing one')
        self.uri = uri
        self._path = path
        self._files = files_below(path, EXTENSIONS)
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no sounds; files must end in {', '.join(EXTENSIONS)}"
            )
        self.class_names, self._labels = classes_of(self._files)
        self._unreadable: set[str] = set()

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
            try:
                audio = read(os.path.join(self._path, file), sample_rate)
            except UnreadableError as error:
                if file not in self._unreadable:
                    self._unreadable.add(file)
                    logging.warning("skipped %s", error)
            else:
                readable += 1
                yield Sound(name=file, audio=audio, label=label)
        if not readable:
            raise UserError(
                f"{self.uri}: none of its {len(self)} sounds can be read; the log says why"
            )


def open_sounds(uri: str) -> SoundFolder:
    """Opens the sounds that a data URI names: `folder:PATH`.

    Raises:
        UserError: the scheme is another, or there is nothing to read.
    """
    scheme, _, rest = uri.partition(":")
    if scheme != "folder" or not rest:
        raise UserError(f'"{uri}" names no sounds; they come from folder:PATH')
    return SoundFolder(uri, rest)


def read(path: str, sample_rate: int) -> np.ndarray:
    """Decodes the sound file at any `tf.io.gfile` path: float32 `[time]`, mono at `sample_rate`.

    Channels are averaged; another rate is resampled.

    Raises:
        UnreadableError: the file is damaged, empty, or no sound.
        UserError: the packages that decode sound are not installed.
    """
    try:
        import soundfile
        import soxr
    except ImportError as error:
        raise UserError(
            f'sounds need the package {error.name}; install it with: pip install "vqvae_tf[audio]"'
        ) from None
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            samples, rate = soundfile.read(io.BytesIO(file.read()), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, tf.errors.OpError) as error:
        raise UnreadableError(f"{path}: not a readable sound ({error})") from error
    if not len(samples):
        raise UnreadableError(f"{path}: holds no samples")
    mono = samples.mean(axis=1)
    return mono if rate == sample_rate else soxr.resample(mono, rate, sample_rate)


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
    sounds = list(source.sounds(sample_rate))
    rows = [np.pad(sound["audio"], (0, max(window - len(sound["audio"]), 0))) for sound in sounds]
    windows = Windows(rows, (window,))
    speakers = tf.constant([-1 if each["label"] is None else each["label"] for each in sounds])
    examples = tf.range(batch_size, dtype=tf.int64)

    def batch(step):
        place = shuffled(step * batch_size + examples, seed, windows.count)
        audio = {"audio": windows.cut(place)}
        if not source.class_names:
            return audio
        return audio | {"speaker": tf.gather(speakers, windows.owner(place))}

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(batch, tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
