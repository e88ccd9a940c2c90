"""The shape of codes: int32 `[batch, *grid, slots]` inside the library.

Public methods return and take `[batch, *grid]` if there is one slot: `without_slots` removes the
axis of slots, and the check of `vqvae_tf.models.checks.codes` adds it.
"""

from typing import Any


def without_slots(codes: Any) -> Any:
    """`[batch, *grid, slots, ...]` as public methods return it, without the axis for one slot.

    >>> import tensorflow as tf
    >>> without_slots(tf.zeros([1, 2, 3, 1], tf.int32)).shape
    TensorShape([1, 2, 3])
    """
    return codes[..., 0] if codes.shape[-1] == 1 else codes
