"""How far decoded sounds are from those that were encoded; pure functions of waveforms."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from vqvae_tf.networks.spectra import Spectra

WINDOWS = (512, 1024, 2048)  # samples
_LEAST_POWER = 1e-7
_TINY = 1e-12


def mel_distance(reference: Any, decoded: Any, sample_rate: int, bands: int = 80) -> tf.Tensor:
    """Mean absolute difference of the power in mel bands, in decibels.

    Frames of 25 ms, 10 ms apart, as `Spectra` has them.

    Args:
        reference, decoded: float `[batch, time]` in [-1, 1].
        sample_rate: in Hz.
        bands: mel bands.

    Returns:
        float32 `[batch]`, at least 0.

    >>> noise = tf.random.stateless_normal([1, 8000], [0, 0])
    >>> round(float(mel_distance(noise, 2.0 * noise, 16_000)[0]), 2)
    6.02
    """
    hop = max(1, sample_rate // 100)
    spectra = Spectra(sample_rate, hop=hop, bands=bands)
    padding = [[0, 0], [0, -tf.shape(reference)[1] % hop]]
    frames = [spectra.frames(tf.pad(each, padding)) for each in (reference, decoded)]
    nats = tf.reduce_mean(tf.abs(frames[0] - frames[1]), axis=[1, 2])
    return nats * (10.0 / math.log(10.0))


def stft_distance(reference: Any, decoded: Any, windows: Sequence[int] = WINDOWS) -> tf.Tensor:
    """Distance of spectra at several resolutions (Yamamoto et al. 2020).

    The mean over the windows of the spectral convergence, |S - S'| / |S| of magnitudes, and of the
    mean absolute difference of their natural logarithms.

    Args:
        reference, decoded: float `[batch, time]`.
        windows: samples of each Hann window; frames are a quarter of a window apart.

    Returns:
        float32 `[batch]`, at least 0.

    >>> noise = tf.random.stateless_normal([1, 4096], [0, 0])
    >>> round(float(stft_distance(noise, 2.0 * noise)[0]), 3)  # 1 + ln 2
    1.693
    """
    distances = []
    for window in windows:
        real, found = (_magnitudes(each, window) for each in (reference, decoded))
        size = tf.norm(real, axis=[1, 2])
        convergence = tf.norm(real - found, axis=[1, 2]) / tf.maximum(size, _TINY)
        logarithms = tf.reduce_mean(tf.abs(tf.math.log(real) - tf.math.log(found)), axis=[1, 2])
        distances.append(convergence + logarithms)
    return tf.add_n(distances) / len(distances)


def si_sdr(reference: Any, decoded: Any) -> tf.Tensor:
    """Scale-invariant ratio of signal to distortion, in decibels (Le Roux et al. 2019).

    It compares samples, phases included: a decoder that draws its samples is far below 0 however
    good it sounds.

    Args:
        reference, decoded: float `[batch, time]`.

    Returns:
        float32 `[batch]`; more is better.

    >>> tone = tf.sin(tf.range(1000.0))[None]
    >>> bool(si_sdr(tone, 0.5 * tone) > 60.0)
    True
    """
    reference, decoded = tf.cast(reference, tf.float32), tf.cast(decoded, tf.float32)
    dot = tf.reduce_sum(reference * decoded, axis=1, keepdims=True)
    power = tf.reduce_sum(tf.square(reference), axis=1, keepdims=True)
    target = reference * dot / tf.maximum(power, _TINY)
    signal = tf.reduce_sum(tf.square(target), axis=1)
    distortion = tf.reduce_sum(tf.square(target - decoded), axis=1)
    ratio = tf.maximum(signal, _TINY) / tf.maximum(distortion, _TINY)
    return tf.math.log(ratio) * (10.0 / math.log(10.0))


def _magnitudes(audio, window):
    """`[batch, frames, bins]`."""
    frames = tf.signal.stft(tf.cast(audio, tf.float32), window, window // 4, pad_end=True)
    power = tf.square(tf.math.real(frames)) + tf.square(tf.math.imag(frames))
    return tf.sqrt(tf.maximum(power, _LEAST_POWER))
