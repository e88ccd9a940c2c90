"""Random numbers that depend only on a seed and two counters."""

from typing import Any

import tensorflow as tf


def philox_uniform(
    seed: Any, high: Any, first: Any, count: Any, width: int, words: int = 4
) -> tf.Tensor:
    """Vectors `first` to `first + count` of uniform numbers; each is the same in any such range.

    It uses Philox in counter mode, keyed by the seed. The 128-bit counter holds `high` and, in the
    low bits, the vector's number. The bits are the same in eager mode, graphs and XLA; those of
    the floats of `tf.random.stateless_uniform` are not.

    Args:
        seed: uint64 scalar.
        high: integer scalar, such as a step or a row.
        first: integer scalar, number of the first vector.
        count: number of vectors.
        width: length of a vector.
        words: a vector takes a multiple of this many of the generator's words; at least 4, since
            each counter gives 4.

    Returns:
        float32 `[count, width rounded up to a multiple of words]` in (0, 1): 23 bits plus one half,
        exact in float32, never 0 or 1.

    >>> seed = tf.constant(1, tf.uint64)
    >>> numbers = philox_uniform(seed, high=5, first=0, count=3, width=7)
    >>> bool(tf.reduce_all(numbers[2:] == philox_uniform(seed, 5, first=2, count=1, width=7)))
    True
    """
    taken = -(-width // words) * words
    start = tf.cast(first, tf.uint64) * tf.constant(taken // 4, tf.uint64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[count, taken],
        key=tf.reshape(seed, [1]),
        counter=tf.stack([start, tf.cast(high, tf.uint64)]),
        alg=1,  # Philox
        dtype=tf.uint32,
    )
    bits = tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32))
    return (tf.cast(bits, tf.float32) + 0.5) * 2.0**-23
