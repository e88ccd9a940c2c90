"""Video files by PyAV, an optional package that carries FFmpeg."""

from typing import Any

import numpy as np

from vqvae_tf.data import disk
from vqvae_tf.data.frames import check_bytes
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import reason
from vqvae_tf.optional_packages import require

ENDINGS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")


def package() -> Any:
    """The module av; a `UserError` if it cannot be imported."""
    return require("av", "video", "video files")


def read(path: str) -> np.ndarray:
    """The frames of the first video in a file, in colour: uint8 `[time, height, width, 3]`.

    Args:
        path: any `tf.io.gfile` path.

    Raises:
        UnreadableError: it holds no video, is damaged or cut off, or takes too much memory.
        UserError: PyAV is not installed.
    """
    av = package()
    where = disk.printable(path)
    frames: list[np.ndarray] = []
    with disk.reading(path) as (file, size):
        if not size:
            raise UnreadableError(f"{where}: is empty")
        try:
            with av.open(file) as container:
                if not container.streams.video:
                    raise UnreadableError(f"{where}: holds no video")
                stream = container.streams.video[0]
                told = _frames_told(container, stream)
                check_bytes(told, stream.height, stream.width, where)
                for frame in container.decode(stream):
                    check_bytes(len(frames) + 1, frame.height, frame.width, where)
                    frames.append(_upright(frame, where))
        except av.error.FFmpegError as error:
            text = error.strerror or reason(error)
            raise UnreadableError(
                f"{where}: not a readable video ({text}); write it again"
            ) from error
    if len(frames) < max(told, 1):
        raise UnreadableError(
            f"{where}: cut off or damaged, {len(frames)} of {max(told, 1)} frames can be decoded"
        )
    if len({frame.shape for frame in frames}) > 1:
        raise UnreadableError(f"{where}: its frames differ in size")
    return np.stack(frames)


def _upright(frame, where):
    """The pixels of a frame as players show them: phones turn no pixels, but say how to."""
    pixels = frame.to_ndarray(format="rgb24")
    told = [each for each in frame.side_data if each.type.name == "DISPLAYMATRIX"]
    if not told:
        return pixels
    # Where the axes x and y of what is stored lead to, as x and y, in units of 2^-16.
    axes = np.frombuffer(bytes(told[0]), np.int32).reshape(3, 3)[:2, :2] / 2**16
    if np.abs(axes).tolist() not in ([[1, 0], [0, 1]], [[0, 1], [1, 0]]):
        raise UnreadableError(
            f"{where}: its frames are to be shown by the axes {axes.round(2).tolist()}, neither "
            "quarter turns nor mirrors; write it again as it is to be seen"
        )
    if axes[0, 1]:
        pixels = pixels.transpose(1, 0, 2)
    right, down = axes.sum(0).astype(int)
    return pixels[::down, ::right]


def _frames_told(container, stream):
    """How many frames the file says that it shows; 0 where it does not say."""
    entries = getattr(stream, "index_entries", None)  # older versions of PyAV do not have it
    if not stream.frames or entries is None or "mp4" not in container.format.name:
        return stream.frames
    # What an editor cut off stays in an MP4 file, and is left out of the list of what is shown.
    return sum(not entry.is_discard for entry in entries)
