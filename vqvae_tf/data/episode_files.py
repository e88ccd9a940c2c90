"""One episode in an NPZ file or as pictures; `video_files` reads videos."""

import os
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from vqvae_tf.data import action_files, disk, images
from vqvae_tf.data.frames import check_bytes, check_form
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import reason

NPZ = ".npz"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_actions(path: str, names: Sequence[str] = ()) -> np.ndarray | None:
    """The array `actions` of an NPZ file, or None if it has none.

    Raises:
        UnreadableError: the file or the actions cannot be used.
    """
    where = disk.printable(path)
    with disk.reading(path) as (file, _):
        try:
            with zipfile.ZipFile(file) as archive:
                if "actions.npy" not in archive.namelist():
                    return None
                actions = _member(archive, "actions")
        except Exception as error:  # a damaged archive may raise any error
            raise _no_archive(where, error) from error
    return action_files.checked(actions, where, names)


def arrays_in(path: str) -> list[str]:
    """The names of the arrays in an NPZ file; none if it is damaged, which `read_npz` says."""
    try:
        with disk.reading(path) as (file, _), zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception:  # a damaged archive may raise any error
        return []


def read_npz(path: str) -> np.ndarray:
    """The array `frames` of an NPZ file: uint8 `[time, height, width, 3 or 1]`.

    Raises:
        UnreadableError: there is no such array, or it takes too much memory.
    """
    where = disk.printable(path)
    with disk.reading(path) as (file, _):
        try:
            with zipfile.ZipFile(file) as archive, archive.open("frames.npy") as member:
                shape, _, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
            check_form(dtype, shape, where)
            count, height, width = shape[:3]
            check_bytes(count, height, width, where)
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                return _member(archive, "frames")
        except UnreadableError:
            raise
        except Exception as error:  # a damaged archive may raise any error
            raise _no_archive(where, error) from error


def read_pictures(paths: Sequence[str], name: str) -> np.ndarray:
    """Pictures of one size, in order: uint8 `[time, height, width, 3]`.

    Raises:
        UnreadableError: one of them cannot be read, or they differ in size.
    """
    frames: list[np.ndarray] = []
    for path in paths:
        frame = images.read(path)
        if frames and frame.shape != frames[0].shape:
            raise UnreadableError(
                f"{name}: {disk.printable(os.path.basename(path))} has {frame.shape[1]} x "
                f"{frame.shape[0]} pixels, the frames before it {frames[0].shape[1]} x "
                f"{frames[0].shape[0]}"
            )
        check_bytes(len(frames) + 1, frame.shape[0], frame.shape[1], name)
        frames.append(frame)
    return np.stack(frames)


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _no_archive(where: str, error: Exception) -> UnreadableError:
    return UnreadableError(
        f"{where}: not an NPZ file with frames, and actions or none ({reason(error)})"
    )
