"""The order of training examples, a function of the seed and the position only."""

import tensorflow as tf

# Rounds of the cipher that permutes the numbers. With 4 the first positions of small seeds ascend
# in equal steps or crowd near the end; from 16 on their mean and correlation are those of uniform
# draws.
ROUNDS = 24


def shuffled(position: tf.Tensor, seed: int, count: int | tf.Tensor) -> tf.Tensor:
    """The item at `position` of an endless sequence that contains all `count` items in each epoch.

    Each epoch has another order; the result is a pure function of the arguments.

    Args:
        position: int64, `[batch]` or `[]`.
        seed: seed of the order.
        count: int64, number of items; of the shape of `position`, or `[]`.

    Returns:
        int64 of the shape of `position`, in `[0, count)`.

    >>> shuffled(tf.range(4, dtype=tf.int64), 7, 2).numpy().reshape(2, 2).sum(1).tolist()
    [1, 1]
    """
    count = tf.broadcast_to(tf.convert_to_tensor(count, tf.int64), tf.shape(position))
    epoch = position // count
    seed = tf.fill(tf.shape(position), tf.convert_to_tensor(seed, tf.int64))
    seeds = tf.stack([tf.zeros_like(seed), seed, epoch], axis=-1)
    # The raw op, since tf.random.experimental.index_shuffle has a fixed number of 4 rounds.
    return tf.raw_ops.RandomIndexShuffle(
        index=position % count, seed=seeds, max_index=count - 1, rounds=ROUNDS
    )
