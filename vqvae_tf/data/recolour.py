"""Random recolouring of tiles, which gives many palettes from few photographs."""

from typing import Any

import tensorflow as tf

# Standard deviations that improve unseen photographs and hardly worsen seen ones.
CONTRAST, GAIN, BRIGHTNESS = 0.3, 0.2, 0.16  # of natural logarithms
OFFSET = 24.0  # of 255


def recolour(
    tiles: tf.Tensor,
    share: float,
    seed: tf.Tensor,
    strength: float = 1.0,
    mean: Any = None,
) -> tf.Tensor:
    """Changes the colours of a share of the tiles, each at random.

    The channels are permuted, then each channel c becomes

        contrast * gain[c] * (x - mean) + brightness * mean + offset[c]

    with its mean over the tile, log-normal contrast, gain and brightness, and a normal offset. This
    is one affine map of colours per tile, which is the identity for unchanged tiles.

    Args:
        tiles: uint8 `[batch, height, width, channels]` of static shape.
        share: probability that a tile is recoloured.
        seed: `[2]` integers; the draws are a pure function of it and of the row.
        strength: factor of the deviations of contrast, gain, brightness and offset.
        mean: `[batch, channels]`, the mean over the whole picture if the tiles are parts that are
            recoloured in the same way; None means the mean of each tile.

    Returns:
        uint8 of the same shape.

    >>> tiles = tf.random.stateless_uniform([2, 4, 4, 3], [1, 2], 0, 256, tf.int32)
    >>> recolour(tf.cast(tiles, tf.uint8), 1.0, tf.constant([3, 4])).dtype
    tf.uint8
    """
    batch, height, width, channels = tiles.shape
    seeds = tf.unstack(tf.random.split(seed, 4))
    chosen = tf.random.stateless_uniform([batch, 1], seeds[0], alg="philox") < share
    order = tf.argsort(tf.random.stateless_uniform([batch, channels], seeds[1], alg="philox"))
    whole = strength * tf.random.stateless_normal([batch, 2], seeds[2], alg="philox")
    each = strength * tf.random.stateless_normal([batch, channels, 2], seeds[3], alg="philox")

    slope = tf.exp(CONTRAST * whole[:, :1] + GAIN * each[:, :, 0])  # [batch, channels]
    slope = tf.where(chosen, slope, 1.0)
    brightness = tf.where(chosen, tf.exp(BRIGHTNESS * whole[:, 1:]), 1.0)
    offset = tf.where(chosen, OFFSET * each[:, :, 1], 0.0)
    order = tf.where(chosen, order, tf.range(channels))

    pixels = tf.reshape(tf.cast(tiles, tf.float32), [batch, height * width, channels])
    mean = tf.reduce_mean(pixels, axis=1) if mean is None else tf.cast(mean, tf.float32)
    mean = tf.gather(mean, order, batch_dims=1)  # [batch, channels]
    matrix = tf.one_hot(order, channels, axis=1) * slope[:, None, :]  # [batch, from, to]
    pixels = pixels @ matrix + ((brightness - slope) * mean + offset)[:, None, :]
    pixels = tf.clip_by_value(tf.round(pixels), 0.0, 255.0)
    return tf.reshape(tf.cast(pixels, tf.uint8), tiles.shape)
