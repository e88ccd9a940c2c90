"""Video files by PyAV, an optional package that carries FFmpeg."""

from typing import Any

import numpy as np

from vqvae_tf.data import disk
from vqvae_tf.data.frames import check_bytes
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, reason

ENDINGS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")


def package() -> Any:
    """The module av.

    Raises:
        UserError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError(
            'video files need the package av; install it with: pip install "vqvae_tf[video]"'
        ) from error
    return av


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
                    frames.append(frame.to_ndarray(format="rgb24"))
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


def _frames_told(container, stream):
    """How many frames the file says that it shows; 0 where it does not say."""
    entries = getattr(stream, "index_entries", None)  # older versions of PyAV do not have it
    if not stream.frames or entries is None or "mp4" not in container.format.name:
        return stream.frames
    # What an editor cut off stays in an MP4 file, and is left out of the list of what is shown.
    return sum(not entry.is_discard for entry in entries)
