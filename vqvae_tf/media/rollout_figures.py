"""Figures of imagined futures beside those of simple guesses.

Blurring a picture raises its PSNR, and so does zooming into it where someone walks, so that a
future is judged next to guesses that know no more than the last frame.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vqvae_tf.media import picture_figures

BLUR = 4.0  # pixels: the deviation of the blurred copy
ZOOMS = np.concatenate([np.arange(0.8, 1.6, 0.05), np.geomspace(1.6, 8.0, 20)])
SLIDES = np.arange(-32, 32.5, 0.5)  # pixels to the right
_MOVES = 1.0  # pixels: shifts below it have no sign
_MOST = 0.5  # of the clips: fewer show no movement of the view, but noise


class Clips(NamedTuple):
    """What is known of some starts, uint8 `[clips, time, height, width, channels]`.

    Attributes:
        last: the last frame that was seen, `[clips, 1, ...]`.
        true: what followed.
        reconstruction: the same, encoded and decoded.
    """

    last: np.ndarray
    true: np.ndarray
    reconstruction: np.ndarray


Row = dict[str, list[float]]


def guesses(clips: Clips) -> dict[str, np.ndarray]:
    """Futures that know the last frame only, each as the true ones; and the reconstruction.

    `zoom` and `slide` are the last frame zoomed in on its middle, or moved sideways, for each step
    by the one amount that is best for all clips together: they are fitted on the futures that they
    are compared with, and so are more than a guess.
    """
    last, true = clips.last, clips.true
    top, left = (side // 2 - 2 for side in last.shape[2:4])
    middle = last[:, :, top : top + 4, left : left + 4].mean((2, 3), keepdims=True).round()
    return {
        "copy": _repeated(last, true),
        "blurred_copy": _repeated(_blurred(last), true),
        "uniform": _repeated(np.broadcast_to(middle, last.shape), true),
        "zoom": _best(last, true, ZOOMS, zoomed),
        "slide": _best(last, true, SLIDES, slid),
        "reconstruction": clips.reconstruction,
    }


def row(futures: np.ndarray, clips: Clips) -> Row:
    """Figures of futures at each step, means over the clips.

    Args:
        futures: uint8, as the true ones.
        clips: what was seen.

    Returns:
        `psnr` and `ssim` against the true futures; `gradient` and `edges`, of which what the true
        frames have is 1; and of the clips whose true picture moves sideways by a pixel or more
        (NaN unless at least half of them do) `sign`, the share in which the future moves the same
        way, `shift_error`, the median of the difference in pixels, and the median `shift` and
        `true_shift`.
    """
    found: Row = {}
    for step in range(futures.shape[1]):
        seen, true = futures[:, step], clips.true[:, step]
        before = futures[:, step - 1] if step else clips.last[:, 0]
        true_before = clips.true[:, step - 1] if step else clips.last[:, 0]
        figures = {
            "psnr": picture_figures.psnr(seen, true).mean(),
            "ssim": picture_figures.ssim(seen, true).mean(),
            **{
                name: figure(seen).mean() / max(figure(true).mean(), 1e-9)
                for name, figure in picture_figures.SHARPNESS.items()
            },
            **_movement(
                picture_figures.shift(before, seen), picture_figures.shift(true_before, true)
            ),
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(float(value))
    return found


def _movement(shift, true_shift):
    moves = np.abs(true_shift) >= _MOVES
    if moves.mean() < _MOST:
        return dict.fromkeys(("sign", "shift_error", "shift", "true_shift"), np.nan)
    shift, true_shift = shift[moves], true_shift[moves]
    return {
        "sign": (np.sign(shift) == np.sign(true_shift)).mean(),
        "shift_error": np.median(np.abs(shift - true_shift)),
        "shift": np.median(shift),
        "true_shift": np.median(true_shift),
    }


def zoomed(pictures: np.ndarray, factor: float) -> np.ndarray:
    """Pictures `[..., height, width, channels]` magnified about their middle, bilinearly.

    >>> zoomed(np.uint8([[[[0], [0], [8], [8]]]]), 2.0).ravel().tolist()
    [0, 2, 6, 8]
    """
    axes = pictures.ndim - 3, pictures.ndim - 2
    for axis in axes:
        size = pictures.shape[axis]
        places = (np.arange(size) - (size - 1) / 2) / factor + (size - 1) / 2
        pictures = _at(pictures, np.clip(places, 0, size - 1), axis)
    return np.rint(pictures).astype(np.uint8)


def slid(pictures: np.ndarray, pixels: float) -> np.ndarray:
    """Pictures moved to the right; their outermost column fills the gap.

    >>> slid(np.uint8([[[[1], [2], [3], [4]]]]), 1.5).ravel().tolist()
    [1, 1, 2, 2]
    """
    size = pictures.shape[-2]
    places = np.clip(np.arange(size) - pixels, 0, size - 1)
    return np.rint(_at(pictures, places, pictures.ndim - 2)).astype(np.uint8)


def _at(values, places, axis):
    """Values at places along an axis, interpolated."""
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    share = (places - low).reshape(shape)
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share


def _blurred(pictures):
    reach = int(3 * BLUR)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * BLUR**2))
    weights /= weights.sum()
    found = pictures.astype(np.float64)
    for axis in (pictures.ndim - 3, pictures.ndim - 2):
        margins = [(0, 0)] * found.ndim
        margins[axis] = (reach, reach)
        padded = np.pad(found, margins, "edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis)
        found = windows @ weights
    return np.rint(found).astype(np.uint8)


def _repeated(pictures, true):
    return np.broadcast_to(pictures, true.shape).astype(np.uint8)


def _best(
    last: np.ndarray,
    true: np.ndarray,
    amounts: np.ndarray,
    change: Callable[[np.ndarray, float], np.ndarray],
) -> np.ndarray:
    """The last frame changed by that amount which is best on average, chosen for each step."""
    best = np.full(true.shape[1], -np.inf)
    found = np.empty_like(true)
    for amount in amounts:
        changed = change(last[:, 0], amount)
        for step in range(true.shape[1]):
            score = picture_figures.psnr(changed, true[:, step]).mean()
            if score > best[step]:
                best[step], found[:, step] = score, changed
    return found
