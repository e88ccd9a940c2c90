"""Mean and deviation of each speaker's frames, gathered while a model trains."""

from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.backend import tensorflow_ops

_LEAST_DEVIATION = 1e-3
_LEAST_COUNT = 1e-3  # frames: fewer than one, as counts decay


@keras.saving.register_keras_serializable("vqvae_tf")
class SpeakerStatistics(keras.layers.Layer):
    """Mean and standard deviation of frames: of each speaker, and of all of them together.

    They are moving averages over training batches, summed over replicas, so that they need no pass
    over the data before training. Frames without them are about of mean 0 and deviation 1 in each
    channel; with `by_speaker` they also lack what tells the speakers apart most easily.

    Args:
        size: numbers in a frame.
        num_speakers: speakers; 0 if none are known.
        by_speaker: whether a speaker has statistics of his own. A frame whose speaker is not known
            then gets those of the sound that it belongs to.
        decay: of the averages, per step.

    >>> statistics = SpeakerStatistics(size=2, num_speakers=3)
    >>> frames = 5.0 + 2.0 * tf.random.stateless_normal([4, 100, 2], [0, 0])
    >>> statistics.update(frames, tf.constant([0, 0, 2, 2]))
    >>> mean, deviation = statistics.of(frames, tf.constant([0, 0, 2, -1]))
    >>> mean.shape, bool(tf.reduce_all(tf.abs(mean - 5.0) < 1.0))
    (TensorShape([4, 1, 2]), True)
    """

    def __init__(
        self,
        size: int,
        num_speakers: int = 0,
        by_speaker: bool = True,
        decay: float = 0.999,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = arguments.whole("size", size, 1)
        self.num_speakers = arguments.whole("num_speakers", num_speakers, 0)
        self.by_speaker = arguments.flag("by_speaker", by_speaker)
        self.decay = decay
        rows = self.num_speakers + 1  # the last one: frames of all
        self.count, self.total, self.squares = (
            self.add_weight(
                name=name,
                shape=shape,
                initializer="zeros",
                dtype="float32",
                autocast=False,
                trainable=False,
            )
            for name, shape in (
                ("count", (rows,)),
                ("total", (rows, self.size)),
                ("squares", (rows, self.size)),
            )
        )
        self.built = True

    def update(self, frames: Any, speaker: Any = None) -> None:
        """Takes in a training batch.

        Args:
            frames: float32 `[batch, time, size]`.
            speaker: int32 `[batch]`, -1 where it is not known; None for nowhere.
        """
        places = tf.cast(tf.shape(frames)[1], tf.float32)
        sums = (
            tf.fill(tf.shape(frames)[:1], places),
            tf.reduce_sum(frames, axis=1),
            tf.reduce_sum(tf.square(frames), axis=1),
        )
        everybody = tf.fill(tf.shape(frames)[:1], self.num_speakers)
        rows = everybody if speaker is None else tf.concat([speaker, everybody], 0)
        for average, values in zip((self.count, self.total, self.squares), sums, strict=True):
            if speaker is not None:
                values = tf.concat([values, values], 0)
            found = tensorflow_ops.segment_sum(values, rows, self.num_speakers + 1)
            found = tf.cast(tensorflow_ops.sum_over_replicas(found), tf.float32)
            average.assign(self.decay * average + found)

    def of(self, frames: Any, speaker: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and deviation for each example, `[batch, 1, size]`.

        Args:
            frames: float32 `[batch, time, size]`; None if no example lacks a speaker, as the mean
                and the deviation of all frames stand for those of his.
            speaker: as in `update`.
        """
        count = tf.convert_to_tensor(self.count)[:, None]
        mean = self.total / tf.maximum(count, _LEAST_COUNT)
        deviation = _deviation(self.squares / tf.maximum(count, _LEAST_COUNT), mean)
        deviation = tf.where(count > _LEAST_COUNT, deviation, 1.0)  # before the first batch
        if not self.by_speaker or (speaker is None and frames is None):
            return mean[None, -1:], deviation[None, -1:]
        if frames is None:
            own_mean, own_deviation = mean[None, -1:], deviation[None, -1:]
        else:
            own_mean = tf.reduce_mean(frames, axis=1, keepdims=True)
            own_squares = tf.reduce_mean(tf.square(frames), axis=1, keepdims=True)
            own_deviation = _deviation(own_squares, own_mean)
        if speaker is None:
            return own_mean, own_deviation
        row = tf.maximum(speaker, 0)
        known = (speaker >= 0) & (tf.gather(count[:, 0], row) > _LEAST_COUNT)
        known = known[:, None, None]
        return (
            tf.where(known, tf.gather(mean, row)[:, None], own_mean),
            tf.where(known, tf.gather(deviation, row)[:, None], own_deviation),
        )

    def get_config(self):
        return super().get_config() | {
            "size": self.size,
            "num_speakers": self.num_speakers,
            "by_speaker": self.by_speaker,
            "decay": self.decay,
        }


def _deviation(squares, mean):
    return tf.sqrt(tf.maximum(squares - tf.square(mean), _LEAST_DEVIATION**2))
