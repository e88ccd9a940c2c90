"""Figures of pictures: how near they are to others, how sharp, and how far they moved.

All take uint8 pictures `[batch, height, width, channels]` and return a number for each, float64
`[batch]`.
"""

import numpy as np
import tensorflow as tf

from vqvae_tf.metrics import SSIM_WINDOW

MOST_PSNR = 60.0  # dB; equal pictures, which have an infinite one, count as this in means
CELL = 4  # pixels along a side of a code: the largest period of a decoder's stripes
_NOTHING = 1e-6  # of a correlation: that of pictures without any detail
FINENESS = 4  # parts of a pixel in which a shift is found


def psnr(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """PSNR in dB, at most `MOST_PSNR`.

    >>> psnr(np.zeros([1, 2, 2, 3], np.uint8), np.full([1, 2, 2, 3], 51, np.uint8)).round(2)
    array([13.98])
    """
    error = np.square(pictures.astype(np.float64) - others).mean((1, 2, 3)) / 255**2
    return -10 * np.log10(np.maximum(error, 10 ** (-MOST_PSNR / 10)))


def ssim(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """SSIM; NaN of pictures that are smaller than its window."""
    if min(pictures.shape[1:3]) < SSIM_WINDOW:
        return np.full(len(pictures), np.nan)
    return tf.image.ssim(pictures, others, 255).numpy().astype(np.float64)


def gradient(pictures: np.ndarray) -> np.ndarray:
    """Root of the mean squared difference of neighbouring pixels, in levels: gradient energy.

    The mean of the absolute difference would hardly change where an edge becomes a slope. Stripes
    raise both.

    >>> gradient(np.uint8([[[[0], [8]], [[0], [8]]]]))
    array([5.65685425])
    """
    return _gradient(_grey(pictures))


def edges(pictures: np.ndarray) -> np.ndarray:
    """`gradient` of the means over windows of 4 x 4 pixels.

    Stripes whose period divides 4, as transposed convolutions of stride 2 make them, have the same
    mean in every window and so count as nothing; edges of objects remain.

    >>> stripes = np.zeros([1, 16, 16, 1], np.uint8)
    >>> stripes[:, :, ::2] = 200
    >>> gradient(stripes), edges(stripes)
    (array([141.42135624]), array([0.]))
    """
    grey = _grey(pictures)
    for axis in (1, 2):
        if grey.shape[axis] >= CELL:
            grey = np.lib.stride_tricks.sliding_window_view(grey, CELL, axis).mean(-1)
    return _gradient(grey)


SHARPNESS = {"gradient": gradient, "edges": edges}


def shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far the middle of pictures moved to the right, in pixels, by phase correlation.

    Rows are weighted by a Hann window, so that what enters and leaves at the sides hardly counts.
    The phases of all rows are averaged before they are compared. Shifts of up to a third of the
    width are found, in quarters of a pixel.

    >>> draws = np.random.default_rng(0).integers(0, 256, [1, 16, 40, 3], np.uint8)
    >>> shift(draws[:, :, 4:36], draws[:, :, 1:33])
    array([3.])
    """
    width = before.shape[2]
    spectra = []
    for pictures in (before, after):
        grey = _grey(pictures)
        window = np.hanning(width + 2)[1:-1]
        level = (grey * window).sum(-1, keepdims=True) / window.sum()
        spectra.append(np.fft.rfft((grey - level) * window))
    cross = (np.conj(spectra[0]) * spectra[1]).sum(1)
    # Weighted by the square root of the magnitude: less noise than by none, sharper than by all.
    phases = cross / np.sqrt(np.maximum(np.abs(cross), 1e-9))
    found = np.fft.irfft(phases, FINENESS * width)
    most = FINENESS * (width // 3)
    places = np.concatenate([found[:, -most:], found[:, : most + 1]], axis=1)
    found = (places.argmax(1) - most) / FINENESS
    return np.where(places.max(1) > _NOTHING, found, 0.0)


def _gradient(grey):
    energies = [
        np.square(np.diff(grey, axis=axis)).mean((1, 2)) if grey.shape[axis] > 1 else 0.0
        for axis in (1, 2)
    ]
    return np.sqrt(sum(energies) / 2)


def _grey(pictures):
    return pictures.mean(-1, dtype=np.float64)
