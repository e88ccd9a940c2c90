"""Videos as MP4 bytes, and as strips of pictures."""

import io
from collections.abc import Iterable

import numpy as np

from vqvae_tf.errors import UserError
from vqvae_tf.optional_packages import require
from vqvae_tf.reporting.pictures import enlarge, sheet, to_rgb

_SMALLEST = 256  # pixels: smaller videos are enlarged, which players do with a blur
_QUALITY = "12"  # of x264: 0 is lossless, 18 looks it


def encode_mp4(frames: Iterable[np.ndarray], rate: int = 10) -> bytes:
    """An MP4 file (H.264), of frames that are enlarged without interpolation if they are small.

    Args:
        frames: pictures of one size, uint8 `[height, width, 1 or 3]`: an array of them, or one
            after the other, of which only the file is held.
        rate: frames per second.

    Raises:
        UserError: for other frames or none, or without PyAV, which the extra `video` installs.

    >>> encode_mp4(np.zeros([3, 64, 64, 3], np.uint8))[4:8]
    b'ftyp'
    """
    av = require("av", "video", "videos")
    file = io.BytesIO()
    options = {"crf": _QUALITY}
    size: tuple[int, ...] = ()
    times = 1
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"  # the only one that every player knows
        for frame in frames:
            picture = to_rgb(frame)
            if not size:
                size = picture.shape
                times = max(1, _SMALLEST // max(size))
                stream.height, stream.width = _even(enlarge(picture, times)).shape[:2]
            elif picture.shape != size:
                raise UserError(
                    f"the frames of a video must have one size; received {list(size[:2])} and "
                    f"{list(picture.shape[:2])}"
                )
            picture = _even(enlarge(picture, times))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if not size:
            raise UserError("a video must have a frame; received none")
        container.mux(stream.encode())
    return file.getvalue()


def strip(*videos: np.ndarray, columns: int = 10, padding: int = 2) -> np.ndarray:
    """Frames of videos as one picture: a row for each video, time to the right.

    Args:
        *videos: uint8 `[time, height, width, 1 or 3]`, of the same length.
        columns: how many frames, spread over the whole time, at most.
        padding: grey pixels between them.

    >>> strip(np.zeros([30, 4, 6, 3], np.uint8), np.zeros([30, 4, 6, 3], np.uint8)).shape
    (10, 78, 3)
    """
    chosen = spread(len(videos[0]), columns)
    frames = [video[time] for video in videos for time in chosen]
    return sheet(frames, columns=len(chosen), padding=padding)


def spread(length: int, count: int) -> list[int]:
    """Numbers of at most `count` frames of `length`, the first and the last among them.

    >>> spread(30, 4)
    [0, 10, 19, 29]
    """
    return np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()


def _even(picture: np.ndarray) -> np.ndarray:
    """The picture with an even height and width, as the colours of MP4 need them."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))
