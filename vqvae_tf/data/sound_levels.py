"""Sounds without the silence around them, and at one loudness."""

import numpy as np

from vqvae_tf.config import SoundDataConfig

FRAME_SECONDS = 0.02  # how long a moment is
MARGIN_SECONDS = 0.04  # kept beyond the first and the last loud moment: soft beginnings and ends


def prepared(audio: np.ndarray, sample_rate: int, config: SoundDataConfig) -> np.ndarray:
    """The sound as training examples are cut from it.

    Args:
        audio: float32 `[time]`, in [-1, 1].
        sample_rate: in Hz.
        config: what is done to it.

    Returns:
        float32 `[time]`, in [-1, 1], shorter where silence is cut off.
    """
    if config.trim_db is not None:
        audio = trimmed(audio, sample_rate, config.trim_db)
    return audio if config.loudness is None else at_level(audio, config.loudness)


def trimmed(audio: np.ndarray, sample_rate: int, decibels: float) -> np.ndarray:
    """The sound without the silence at both ends, but for a margin of 40 ms.

    Silence is what is more than `decibels` below the loudest moment, in moments of 20 ms. A sound
    that is silent throughout stays as it is.

    >>> audio = np.concatenate([np.zeros(800), np.ones(160), np.zeros(800)])
    >>> trimmed(audio, 8_000, 40).shape
    (800,)
    """
    frame = max(round(FRAME_SECONDS * sample_rate), 1)
    squares = np.square(audio, dtype=np.float64)
    power = np.add.reduceat(squares, np.arange(0, len(audio), frame))
    (loud,) = np.nonzero(power > power.max() * 10 ** (-decibels / 10))
    if not len(loud):
        return audio
    margin = round(MARGIN_SECONDS * sample_rate)
    return audio[max(loud[0] * frame - margin, 0) : (loud[-1] + 1) * frame + margin]


def at_level(audio: np.ndarray, decibels: float) -> np.ndarray:
    """The sound at that root-mean-square level, or as near as it comes without clipping.

    >>> round(float(np.abs(at_level(np.float32([0.5, -0.5]), -20)).max()), 4)
    0.1
    >>> at_level(np.float32([0.5, 0.0, 0.0, 0.0]), 0).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    level = np.sqrt(np.mean(np.square(audio, dtype=np.float64)))
    peak = np.abs(audio).max()
    if peak == 0:
        return audio
    return audio * np.float32(min(10 ** (decibels / 20) / level, 1 / peak))
