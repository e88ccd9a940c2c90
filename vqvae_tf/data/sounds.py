"""What a source of sounds is, and training batches cut from one."""

import abc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypedDict

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import SoundDataConfig, limits
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.sound_levels import prepared
from vqvae_tf.data.source import BaseSource
from vqvae_tf.data.windows import Windows, uncopied
from vqvae_tf.errors import UserError, shown


class Phone(NamedTuple):
    """A speech sound and when it is heard.

    Attributes:
        phone: its name in the source's set of phones.
        start, end: in seconds from the beginning of the sound.
    """

    phone: str
    start: float
    end: float


class Sound(TypedDict):
    """One whole sound.

    Attributes:
        name: unique within its source.
        audio: float32 `[time]`, in [-1, 1].
        speaker: number of the speaker among the source's `class_names`, or None.
        phones: what is heard when, in order and without overlaps; None where it is not known.
        text: what is said, or None.
    """

    name: str
    audio: np.ndarray
    speaker: int | None
    phones: tuple[Phone, ...] | None
    text: str | None


class SoundSource(BaseSource):
    """Sounds of a data URI, as `open_sounds` opens them; the classes are the speakers."""

    contents = "sounds"

    def __init__(self, uri: str, class_names: tuple[str, ...] = ()):
        super().__init__(uri, class_names)
        self._held: dict[Any, tuple[Windows, tf.Tensor]] = {}

    @abc.abstractmethod
    def entries(self, sample_rate: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
        """All sounds in order: the name of each, and what reads it.

        The latter raises `UnreadableError` for a sound that cannot be used.

        Args:
            sample_rate: of the sounds that are read, in Hz.
        """

    def sounds(self, sample_rate: int) -> Iterator[Sound]:
        """All whole sounds in order, mono at `sample_rate` Hz; unreadable ones are skipped.

        Args:
            sample_rate: of the sounds, in Hz.

        Raises:
            UserError: none of them can be read, or the rate is no number of Hz.
        """
        sample_rate = arguments.whole("sample_rate", sample_rate, 1, limits.LARGEST_CODEBOOK)
        return self.read_all(self.entries(sample_rate))

    def windows(
        self, sample_rate: int, window: int, config: SoundDataConfig
    ) -> tuple[Windows, tf.Tensor]:
        """All windows of all sounds, and each sound's speaker, int32 (-1 without one).

        They stay in memory; asked for again, they are not read again. Sounds shorter than the
        window end in silence.

        Args:
            sample_rate: in Hz.
            window: samples of each.
            config: how the sounds are prepared first.

        Raises:
            UserError: none of the sounds can be read.
        """
        key = sample_rate, window, config
        if key not in self._held:
            speakers = []

            def arrays():
                for sound in self.sounds(sample_rate):
                    speakers.append(-1 if sound["speaker"] is None else sound["speaker"])
                    audio = prepared(sound["audio"], sample_rate, config)
                    short = window - len(audio)
                    yield np.pad(audio, (0, short)) if short > 0 else audio

            self._held.clear()
            self._held[key] = Windows(arrays(), (window,)), tf.constant(speakers)
        return self._held[key]


def sound_batches(
    source: SoundSource,
    sample_rate: int,
    window: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    config: SoundDataConfig | None = None,
) -> tf.data.Dataset:
    """Endless training batches of windows of sounds, all held in memory.

    Every place of a window is equally likely, and no epoch shows one twice; batch n is a function
    of the seed and n. Sounds shorter than the window end in silence.

    Args:
        source: where the sounds come from.
        sample_rate: in Hz.
        window: samples of an example.
        batch_size: windows per batch.
        seed: of every draw.
        start_step: number of the first batch.
        config: how the sounds are prepared before the windows are cut; None changes nothing.

    Returns:
        Dataset of `{"audio": float32 [batch, window], "speaker": int32 [batch]}`, without `speaker`
        if the source has no speakers.

    Raises:
        UserError: none of the sounds can be read, or a number is out of range.
    """
    if not isinstance(source, SoundSource):
        raise UserError(
            f"{getattr(source, 'uri', shown(source))}: holds no sounds; give those of open_sounds"
        )
    window = arguments.whole("window", window, 1, limits.LONGEST_WINDOW)
    batch_size = arguments.whole("batch_size", batch_size, 1, limits.LARGEST_BATCH // window)
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SEED)
    start_step = arguments.whole("start_step", start_step, 0)
    windows, speakers = source.windows(sample_rate, window, config or SoundDataConfig())
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
