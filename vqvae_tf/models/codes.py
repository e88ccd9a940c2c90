"""One shape of codes: int32 `[batch, *grid, slots]` inside the library.

Public methods hand out and take `[batch, *grid]` where there is one slot; both ways lead through
the functions here.
"""

import math
from typing import Any

import tensorflow as tf

from vqvae_tf.errors import UserError


def with_slots(codes: Any, rank: int, code_sizes: tuple[int, ...]) -> tf.Tensor:
    """Codes as users have them -> `[batch, *grid, slots]`, checked as far as they are known.

    Args:
        codes: integers `[batch, *grid, slots]`, or `[batch, *grid]` where there is one slot.
        rank: of the grid: 1 for sequences, 2 for pictures, 3 for videos.
        code_sizes: how many values each slot may take.

    Raises:
        UserError: for another dtype or shape, or for concrete codes out of range.

    >>> with_slots([[1, 2]], rank=1, code_sizes=(4,)).shape
    TensorShape([1, 2, 1])
    """
    codes = tf.convert_to_tensor(codes)
    slots = len(code_sizes)
    if not codes.dtype.is_integer:
        raise UserError(f"codes must be integers; received {codes.dtype.name}")
    if slots == 1 and codes.shape.rank == rank + 1:
        codes = codes[..., None]
    if codes.shape.rank != rank + 2 or codes.shape[-1] != slots:
        wanted = ["batch", *("time", "height", "width")[-rank if rank > 1 else 0 :][:rank]]
        raise UserError(
            f"codes must have the shape [{', '.join(wanted)}{f', {slots}' if slots > 1 else ''}]; "
            f"received {tuple(codes.shape)}"
        )
    if 0 in codes.shape:
        raise UserError(f"a batch must hold at least one code; received {tuple(codes.shape)}")
    if hasattr(codes, "numpy"):
        values = codes.numpy()
        for slot, size in enumerate(code_sizes):
            low, high = values[..., slot].min(), values[..., slot].max()
            if low < 0 or high >= size:
                where = f" in slot {slot}" if slots > 1 else ""
                raise UserError(
                    f"codes must lie between 0 and {size - 1}{where}; received {low} to {high}"
                )
    return tf.cast(codes, tf.int32)


def without_slots(codes: Any) -> Any:
    """`[batch, *grid, slots, ...]` as public methods hand it out: one slot has no axis.

    >>> without_slots(tf.zeros([1, 2, 3, 1], tf.int32)).shape
    TensorShape([1, 2, 3])
    """
    return codes[..., 0] if codes.shape[-1] == 1 else codes


def bits_per_place(code_sizes: tuple[int, ...]) -> float:
    """Bits of the codes of one place at fixed length."""
    return sum(math.log2(size) for size in code_sizes)


def spec(rank: int, code_sizes: tuple[int, ...]) -> tf.TensorSpec:
    """Of codes as public methods take them, of any batch and any grid."""
    slots = [len(code_sizes)] if len(code_sizes) > 1 else []
    return tf.TensorSpec([None] * (1 + rank) + slots, tf.int32, name="codes")
