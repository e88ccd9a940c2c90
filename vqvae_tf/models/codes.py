"""One shape of codes: int32 `[batch, *grid, slots]` inside the library.

Public methods hand out and take `[batch, *grid]` where there is one slot; both ways lead through
the functions here.
"""

import math
from typing import Any

import tensorflow as tf

from vqvae_tf.models import checks


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
    return checks.codes(rank, code_sizes).check(codes)


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
    return checks.codes(rank, code_sizes).spec
