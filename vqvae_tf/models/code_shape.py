"""One shape of codes: int32 `[batch, *grid, slots]` inside the library.

Public methods hand out and take `[batch, *grid]` where there is one slot: out by `without_slots`,
in by the check of `vqvae_tf.models.checks.codes`.
"""

from typing import Any


def without_slots(codes: Any) -> Any:
    """`[batch, *grid, slots, ...]` as public methods hand it out: one slot has no axis.

    >>> import tensorflow as tf
    >>> without_slots(tf.zeros([1, 2, 3, 1], tf.int32)).shape
    TensorShape([1, 2, 3])
    """
    return codes[..., 0] if codes.shape[-1] == 1 else codes
