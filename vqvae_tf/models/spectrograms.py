"""Spectrograms as pictures, for training logs."""

from typing import Any

import tensorflow as tf

from vqvae_tf.networks.spectra import Spectra

_RANGE = (-11.5, 8.0)  # of ln power in a mel band: digital silence, and the loudest speech


def spectrograms(audio: Any, sample_rate: int) -> tf.Tensor:
    """Power in 80 mel bands over time, frames 10 ms apart: the louder, the lighter.

    Args:
        audio: float `[batch, time]` in [-1, 1].
        sample_rate: in Hz.

    Returns:
        uint8 `[batch, 80, frames, 1]`, low frequencies at the bottom.

    >>> spectrograms(tf.zeros([2, 1600]), sample_rate=16_000).shape
    TensorShape([2, 80, 10, 1])
    """
    hop = max(1, sample_rate // 100)
    padded = tf.pad(audio, [[0, 0], [0, -tf.shape(audio)[1] % hop]])
    frames = Spectra(sample_rate, hop=hop).frames(padded)
    shares = (frames - _RANGE[0]) / (_RANGE[1] - _RANGE[0])
    pictures = tf.saturate_cast(tf.round(255.0 * tf.clip_by_value(shares, 0.0, 1.0)), tf.uint8)
    return tf.reverse(tf.transpose(pictures, [0, 2, 1]), axis=[1])[..., None]
