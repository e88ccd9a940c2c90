"""Reads and checks a file of given codes, which samples keep."""

import math
import zipfile
from collections.abc import Sequence

import numpy as np

from vqvae_tf.config.limits import LARGEST_GRID
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError, reason

_SHOWN = 40  # characters of a dtype or a shape in an error
_MEMBER = "codes.npy"  # NumPy's name for the array `codes` in an archive
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_GRIDS = {1: ["time"], 2: ["height", "width"], 3: ["time", "height", "width"]}


def read_prefix(path: str, count: int, grid_rank: int, code_sizes: Sequence[int]) -> np.ndarray:
    """The array `codes` of an `.npz` file, in the form that the prior takes.

    Args:
        path: the file; any `tf.io.gfile` path.
        count: number of samples.
        grid_rank: grid rank of the prior.
        code_sizes: number of values of each code of a place.

    Returns:
        int32 `[count or 1, *grid]`, with one more axis for several codes per place; -1 is free.

    Raises:
        UserError: if there is no such array in the file, or its codes cannot be the prior's.
    """
    name, slots = disk.printable(path), len(code_sizes)
    try:
        with disk.reading(path) as (file, _), zipfile.ZipFile(file) as archive:
            refusal = _refusal(*_header(archive), count, grid_rank, slots)
            codes = None if refusal else _array(archive)
    except Exception as error:  # a damaged archive may raise any error
        raise UserError(
            f"cannot read codes from {name} ({reason(error)}); give an .npz file that holds them "
            "under the name codes"
        ) from None
    if codes is None:
        raise UserError(f"{name} holds {refusal}")
    values = codes.reshape(-1, slots)
    if values.min() < -1 or (values.max(0) >= code_sizes).any():
        raise UserError(
            f"{name} holds codes from {codes.min()} to {codes.max()}; they must lie between 0 and "
            f"{max(code_sizes) - 1}, or be -1 where free"
        )
    return codes.astype(np.int32)


def _header(archive: zipfile.ZipFile) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(_MEMBER) as member:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
    return shape, dtype


def _array(archive: zipfile.ZipFile) -> np.ndarray:
    with archive.open(_MEMBER) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _refusal(shape, dtype, count, grid_rank, slots):
    """The problem of an array of this shape, before it is allocated, in words; None if valid."""
    wanted = ["count", *_GRIDS[grid_rank], *([str(slots)] if slots > 1 else [])]
    fits = len(shape) == len(wanted) and min(shape) > 0 and (slots == 1 or shape[-1] == slots)
    if dtype.kind not in "iu" or not fits:
        found = f"{str(dtype)[:_SHOWN]} of shape {str(shape)[:_SHOWN]}"
        return f"{found}; give integers [{', '.join(wanted)}]"
    if shape[0] not in (1, count):
        return f"{shape[0]} grids of given codes for {count} samples; give one, or {count}"
    if math.prod(shape[1:]) > LARGEST_GRID:
        return f"grids of {math.prod(shape[1:]):,} codes; give at most {LARGEST_GRID:,}"
    return None
