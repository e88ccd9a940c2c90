"""Frames of episodes: checked, converted to colour or grey, and fitted to a size."""

from typing import Any

import numpy as np

from vqvae_tf.data import images
from vqvae_tf.data.source import UnreadableError

MOST_BYTES = 2**31  # of the frames of an episode, which are held in memory
_LUMA = np.array([19_595, 38_470, 7_471], np.uint32)  # of 2^16: ITU-R 601, as Pillow has it


def checked(frames: Any, name: str) -> np.ndarray:
    """Frames that were read, if they are such.

    Args:
        frames: an array.
        name: of the episode, for messages.

    Raises:
        UnreadableError: it is not uint8 `[time, height, width, 3 or 1]`, or empty.
    """
    check_form(frames.dtype, frames.shape, name)
    return frames


def check_form(dtype: np.dtype, shape: tuple[int, ...], name: str) -> None:
    """Refuses an array that cannot be frames, by what its header says.

    Raises:
        UnreadableError: as `checked`.
    """
    if dtype != np.uint8 or len(shape) != 4 or shape[-1] not in (1, 3) or min(shape) < 1:
        raise UnreadableError(
            f"{name}: frames must be uint8 [time, height, width, 3 or 1]; received {dtype} "
            f"{list(shape)}"
        )


def check_bytes(count: int, height: int, width: int, name: str) -> None:
    """Refuses an episode that would take too much memory, by what its header says.

    Raises:
        UnreadableError: more than `MOST_BYTES` of colour frames.
    """
    if 3 * count * height * width > MOST_BYTES:
        raise UnreadableError(
            f"{name}: {count:,} frames of {width} x {height} pixels take more than "
            f"{MOST_BYTES:,} bytes; cut it into shorter episodes or make it smaller"
        )


def to_channels(frames: np.ndarray, channels: int) -> np.ndarray:
    """Colour frames (`channels` 3) or grey ones (1) of either.

    >>> to_channels(np.uint8([[[[255, 0, 0]]]]), 1).ravel().tolist()
    [76]
    """
    if frames.shape[-1] == channels:
        return frames
    if channels == 3:
        return np.repeat(frames, 3, axis=-1)
    return (((frames @ _LUMA) + 2**15) >> 16).astype(np.uint8)[..., None]


def resized(frames: np.ndarray, side: int) -> np.ndarray:
    """The middle square of each frame, resized to `side` x `side` pixels.

    >>> resized(np.zeros([2, 6, 8, 3], np.uint8), 4).shape
    (2, 4, 4, 3)
    """
    height, width = frames.shape[1:3]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    middle = frames[:, top : top + square, left : left + square]
    if square == side:
        return middle
    return np.stack([images.resize(frame, side, side) for frame in middle])
