"""Two grids of codes as one array, with five codes per place of the upper grid.

They are the upper code and the four codes of the lower grid at that place. Code for a single grid
therefore works for two levels.
"""

import tensorflow as tf


def split_levels(codes):
    """`(upper, lower)`: `[batch, height, width]` and `[batch, 2 height, 2 width]`.

    Args:
        codes: `[batch, height, width, 5]`.
    """
    batch, height, width = (tf.shape(codes)[axis] for axis in range(3))
    lower = tf.reshape(codes[..., 1:], [batch, height, width, 2, 2])
    lower = tf.transpose(lower, [0, 1, 3, 2, 4])
    return codes[..., 0], tf.reshape(lower, [batch, 2 * height, 2 * width])


def join_levels(upper, lower):
    """The two grids as one grid of five codes per place: the inverse of `split_levels`.

    Args:
        upper: `[batch, height, width, ...]`.
        lower: `[batch, 2 height, 2 width, ...]`.

    Returns:
        `[batch, height, width, 5, ...]`.

    >>> codes = tf.reshape(tf.range(30), [1, 2, 3, 5])
    >>> bool(tf.reduce_all(join_levels(*split_levels(codes)) == codes))
    True
    """
    batch, height, width = (tf.shape(upper)[axis] for axis in range(3))
    rest = tf.shape(upper)[3:]
    under = tf.reshape(lower, tf.concat([[batch, height, 2, width, 2], rest], 0))
    under = tf.transpose(under, [0, 1, 3, 2, 4, *range(5, under.shape.rank)])
    under = tf.reshape(under, tf.concat([[batch, height, width, 4], rest], 0))
    return tf.concat([upper[:, :, :, None], under], axis=3)
