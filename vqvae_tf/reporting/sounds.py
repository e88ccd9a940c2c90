"""Samples as the bytes of a WAV file."""

import io
import wave

import numpy as np


def pcm(audio: np.ndarray) -> bytes:
    """Samples as 16-bit PCM, little-endian; those beyond [-1, 1] are clipped.

    >>> pcm(np.array([0.0, 1.0, -2.0])).hex()
    '0000ff7f0180'
    """
    return np.rint(np.clip(audio, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes()


def encode_wav(audio: np.ndarray, sample_rate: int) -> bytes:
    """The sound as a WAV file: mono, 16 bits.

    Args:
        audio: float `[time]` in [-1, 1].
        sample_rate: in Hz.

    >>> len(encode_wav(np.zeros(100), 16_000))
    244
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 2, sample_rate, len(audio), "NONE", ""))
        sound.writeframes(pcm(audio))
    return buffer.getvalue()
