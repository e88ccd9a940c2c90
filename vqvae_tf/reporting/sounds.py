"""Samples as the bytes of a WAV file."""

import struct

import numpy as np

MOST_SAMPLES = (2**32 - 1 - 36) // 2  # of a WAV file, whose sizes have 32 bits


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
    return wav_header(len(audio), sample_rate) + pcm(audio)


def wav_header(samples: int, sample_rate: int) -> bytes:
    """What precedes `pcm` in the WAV file of a sound of so many samples, at most `MOST_SAMPLES`.

    >>> len(wav_header(100, 16_000))
    44
    """
    size, rate = 2 * samples, 2 * sample_rate  # in bytes
    whole = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, rate, 2, 16)
    return whole + form + struct.pack("<4sI", b"data", size)
