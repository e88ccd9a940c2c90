"""Videos as MP4 bytes, and as strips of pictures."""

import io

import numpy as np

from vqvae_tf.errors import UserError
from vqvae_tf.optional_packages import require
from vqvae_tf.reporting.pictures import enlarge, sheet, to_rgb

_SMALLEST = 256  # pixels: smaller videos are enlarged, which players do with a blur
_QUALITY = "12"  # of x264: 0 is lossless, 18 looks it


def encode_mp4(frames: np.ndarray, rate: int = 10) -> bytes:
    """An MP4 file (H.264), of frames that are enlarged without interpolation if they are small.

    Args:
        frames: uint8 `[time, height, width, 1 or 3]`.
        rate: frames per second.

    Raises:
        UserError: for other frames, or without PyAV, which the extra `video` installs.

    >>> encode_mp4(np.zeros([3, 64, 64, 3], np.uint8))[4:8]
    b'ftyp'
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or not len(frames):
        raise UserError(
            f"a video must be uint8 [time, height, width, 1 or 3]; received {frames.dtype} of "
            f"{list(frames.shape)}"
        )
    av = require("av", "video", "videos")
    times = max(1, _SMALLEST // max(frames.shape[1:3]))
    file = io.BytesIO()
    options = {"crf": _QUALITY}
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"  # the only one that every player knows
        pictures = [_even(enlarge(to_rgb(frame), times)) for frame in frames]
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
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
    times = len(videos[0])
    chosen = np.unique(np.linspace(0, times - 1, min(columns, times)).round().astype(int))
    frames = [video[time] for video in videos for time in chosen]
    return sheet(frames, columns=len(chosen), padding=padding)


def _even(picture: np.ndarray) -> np.ndarray:
    """The picture with an even height and width, as the colours of MP4 need them."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))
