"""Frames of sound, log-mel bands or cepstra: of waveforms, and back to waveforms."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.random import philox_uniform

_FLOOR = 1e-5  # of the power in a mel band: digital silence has the logarithm of this
_LOWEST = 20.0  # Hz, where the first mel band begins
_TINY = 1e-12
_MOMENTUM = 0.99  # of the fast Griffin-Lim algorithm (Perraudin et al. 2013)
_POWER_STEPS = 20  # of the search for a spectrum that has the given mel bands


@dataclasses.dataclass(frozen=True)
class Spectra:
    """Frames of waveforms: the logarithm of the power in mel bands, or its cepstra.

    Frame i is centred on sample `(i + 0.5) * hop`, so that a waveform of n hops has n frames and
    frame i stands for its samples from `i * hop` on; beyond its ends a waveform is silent. All
    arithmetic is float32, and everything can be compiled, by XLA as well, and exported.

    Args:
        sample_rate: of the waveforms, in Hz.
        hop: samples from frame to frame.
        bands: mel bands, from 20 Hz to half the sample rate.
        coefficients: of the bands' cosine transform, the first so many; None for the bands.

    >>> spectra = Spectra(sample_rate=16_000, hop=160, bands=80, coefficients=20)
    >>> frames = spectra.frames(tf.zeros([2, 1600]))
    >>> frames.shape, spectra.waveform(frames).shape
    (TensorShape([2, 10, 20]), TensorShape([2, 1600]))
    """

    sample_rate: int = 16_000
    hop: int = 160
    bands: int = 80
    coefficients: int | None = None

    @property
    def size(self) -> int:
        """Numbers in a frame."""
        return self.coefficients or self.bands

    @property
    def length(self) -> int:
        """Samples that a frame sees, by a Hann window: 25 ms, or the hop where that is more."""
        return max(round(0.025 * self.sample_rate), self.hop)

    @property
    def transform(self) -> int:
        """Samples that the Fourier transform of a frame takes, zeros behind the frame's own."""
        return 2 ** math.ceil(math.log2(max(self.length, 2)))

    def frames(self, audio: Any, factor: Any = None) -> tf.Tensor:
        """Frames of waveforms.

        Args:
            audio: `[batch, time]`, time a multiple of `hop`.
            factor: None, or for each example a number above 0 by which its mel axis is warped: band
                b takes the value at `b * factor`, between bands interpolated, beyond the last one
                that of the last. So formants move as they do from voice to voice, up for a factor
                below 1.

        Returns:
            float32 `[batch, time / hop, size]`.
        """
        log_mel = self._log_mel(audio)
        if factor is not None:
            log_mel = log_mel @ self._warp_matrix(factor)
        return log_mel if self.coefficients is None else log_mel @ self._cosines

    def waveform(self, frames: Any, iterations: int = 32) -> tf.Tensor:
        """A waveform with these frames, by the fast Griffin-Lim algorithm.

        Its phases are a guess that each iteration improves: good enough to hear what a model of
        frames says.

        Args:
            frames: `[batch, frames, size]`; cepstra give the smoothest bands that have them.
            iterations: how many; more sound cleaner, up to about 100.

        Returns:
            float32 `[batch, frames * hop]` in [-1, 1].
        """
        log_mel = tf.cast(frames, tf.float32)
        if self.coefficients is not None:
            log_mel = log_mel @ self._cosines.T
        size = self._magnitudes(log_mel)
        shape = tf.shape(size)
        noise = philox_uniform(tf.constant(0, tf.uint64), 0, 0, shape[1], size.shape[2])
        angles = 2.0 * math.pi * noise[None, :, : size.shape[2]]  # the same for every example
        start = tf.complex(size, 0.0) * tf.exp(tf.complex(0.0, angles))

        def body(step, spectrum, before):
            consistent = self._transformed(self._joined(spectrum))
            ahead = consistent + tf.cast(_MOMENTUM, tf.complex64) * (consistent - before)
            phase = ahead / tf.complex(tf.maximum(tf.abs(ahead), _TINY), 0.0)
            return step + 1, tf.complex(size, 0.0) * phase, consistent

        _, spectrum, _ = tf.while_loop(
            lambda step, *_: step < iterations, body, (0, start, tf.zeros_like(start))
        )
        return tf.clip_by_value(self._joined(spectrum), -1.0, 1.0)

    @functools.cached_property
    def _hann(self) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.length) / self.length)

    @functools.cached_property
    def _mel_matrix(self) -> np.ndarray:
        """Triangles that overlap by half, on the mel axis: `[bins, bands]`."""

        def mel(hertz):
            return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)

        bins = mel(np.arange(self.transform // 2 + 1) * self.sample_rate / self.transform)
        edges = np.linspace(mel(_LOWEST), mel(self.sample_rate / 2), self.bands + 2)
        rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
        return np.maximum(np.minimum(rising, falling), 0.0).astype(np.float32)

    @functools.cached_property
    def _cosines(self) -> np.ndarray:
        """The orthonormal cosine transform (DCT-II), `[bands, size]`."""
        band, order = np.arange(self.bands)[:, None], np.arange(self.size)
        cosines = np.cos(np.pi / self.bands * (band + 0.5) * order) * math.sqrt(2.0 / self.bands)
        cosines[:, 0] /= math.sqrt(2.0)
        return cosines.astype(np.float32)

    def _log_mel(self, audio) -> tf.Tensor:
        spectrum = self._transformed(audio)
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        return tf.math.log(power @ self._mel_matrix + _FLOOR)

    def _warp_matrix(self, factor) -> tf.Tensor:
        """`[batch, bands, bands]`, whose columns interpolate between two bands."""
        places = tf.range(self.bands, dtype=tf.float32) * tf.cast(factor, tf.float32)[:, None]
        places = tf.minimum(places, self.bands - 1.0)[:, None, :]
        return tf.nn.relu(1.0 - tf.abs(tf.range(self.bands, dtype=tf.float32)[:, None] - places))

    def _transformed(self, audio) -> tf.Tensor:
        """complex64 `[batch, frames, bins]` of `[batch, time]`."""
        before = (self.length - self.hop) // 2
        padded = tf.pad(
            tf.cast(audio, tf.float32), [[0, 0], [before, self.length - self.hop - before]]
        )
        frames = tf.signal.frame(padded, self.length, self.hop)
        return tf.signal.rfft(frames * self._hann.astype(np.float32), [self.transform])

    def _joined(self, spectrum) -> tf.Tensor:
        """The waveform `[batch, time]` whose frames are nearest to these, by least squares."""
        window = self._hann.astype(np.float32)
        frames = tf.signal.irfft(spectrum, [self.transform])[..., : self.length]
        joined = tf.signal.overlap_and_add(frames * window, self.hop)
        weight = tf.signal.overlap_and_add(
            tf.broadcast_to(tf.square(window), tf.shape(frames)[1:]), self.hop
        )
        before = (self.length - self.hop) // 2
        time = tf.shape(spectrum)[1] * self.hop
        return (joined / tf.maximum(weight, 1e-3))[:, before : before + time]

    def _magnitudes(self, log_mel) -> tf.Tensor:
        """Sizes of spectra `[batch, frames, bins]`, none negative, that have these mel bands."""
        power = tf.maximum(tf.exp(log_mel) - _FLOOR, 0.0)
        mel = self._mel_matrix
        # Non-negative least squares by Lee and Seung's multiplicative steps.
        spread = power @ np.linalg.pinv(mel).astype(np.float32)
        found = tf.maximum(spread, 1e-3 * tf.reduce_mean(tf.abs(spread), -1, keepdims=True) + _TINY)
        for _ in range(_POWER_STEPS):
            found *= (power @ mel.T) / tf.maximum((found @ mel) @ mel.T, _TINY)
        return tf.sqrt(found)
