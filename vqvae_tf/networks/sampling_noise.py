"""Gumbel noise that hangs on a seed and two counters alone, whatever is drawn beside it."""

from typing import Any

import tensorflow as tf


def gumbel_noise(seed: Any, first: Any, count: int, row: Any, draws: int) -> tf.Tensor:
    """Vectors `first` to `first + count` of a row of noise; each is the same in any such range.

    The uniform bits come from Philox's counter mode, keyed by the seed; its 128-bit counter holds
    the row and, below, the vector. They are equal in eager, graph and XLA, where the floats of
    `tf.random.stateless_uniform` are not; of the logarithms XLA's differ in the last bit.

    Args:
        seed: uint64 scalar.
        first: integer scalar: number of the first vector.
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
    # A counter gives four words. Whole vectors of 16 for each, so that no logarithm falls into the
    # remainder that the processor takes one by one, and rounds otherwise.
    words = -(-draws // 16) * 16
    start = tf.cast(first, tf.uint64) * tf.constant(words // 4, tf.uint64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[count, words],
        key=tf.reshape(seed, [1]),
        counter=tf.stack([start, tf.cast(row, tf.uint64)]),
        alg=1,  # Philox
        dtype=tf.uint32,
    )
    # 23 bits and a half: never 0 nor 1, exact in float32.
    bits = tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32))
    uniform = (tf.cast(bits, tf.float32) + 0.5) * 2.0**-23
    return -tf.math.log(-tf.math.log(uniform))[:, :draws]
