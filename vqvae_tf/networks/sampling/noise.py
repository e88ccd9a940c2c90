"""Gumbel noise that depends only on a seed and two counters."""

from typing import Any

import tensorflow as tf

from vqvae_tf.random import philox_uniform


def gumbel_noise(seed: Any, first: Any, count: int, row: Any, draws: int) -> tf.Tensor:
    """Vectors `first` to `first + count` of a row of noise; each is the same in any such range.

    The uniform numbers are those of `philox_uniform`, the same in eager mode, graphs and XLA; the
    logarithms of XLA differ in the last bit.

    Args:
        seed: uint64 scalar.
        first: integer scalar, number of the first vector.
        count: number of vectors.
        row: integer scalar.
        draws: length of a vector.

    Returns:
        float32 `[count, draws]`.

    >>> noise = gumbel_noise(tf.constant(1, tf.uint64), first=0, count=3, row=5, draws=7)
    >>> again = gumbel_noise(tf.constant(1, tf.uint64), first=2, count=1, row=5, draws=7)
    >>> bool(tf.reduce_all(noise[2:] == again))
    True
    """
    # Each vector is padded to a multiple of 16 numbers: the remainder of a vectorised loop is
    # computed one by one, and its logarithms are rounded differently.
    uniform = philox_uniform(seed, row, first, count, draws, words=16)
    return -tf.math.log(-tf.math.log(uniform))[:, :draws]
