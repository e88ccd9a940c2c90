"""Sounds and their frames at another speed."""

from typing import Any

import tensorflow as tf


def at_speed(values: Any, factor: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Sequences played faster or slower, by linear interpolation.

    Place i of the result is place `(i + 0.5) * factor - 0.5` of the values. Of a waveform this
    changes pitch and formants together, as a tape does.

    Args:
        values: float `[batch, time, ...]`.
        factor: float `[batch]`, above 0; 2 is twice as fast.

    Returns:
        The sequences, of the same shape, zeros behind the end of a faster one; and float32
        `[batch, time]`, 1 for places that are there and 0 for those behind the end.

    >>> sequence, there = at_speed(tf.constant([[1.0, 2.0, 3.0, 4.0]]), tf.constant([2.0]))
    >>> sequence.numpy().tolist(), there.numpy().tolist()
    ([[1.5, 3.5, 0.0, 0.0]], [[1.0, 1.0, 0.0, 0.0]])
    """
    values = tf.convert_to_tensor(values)
    time = tf.shape(values)[1]
    last = tf.cast(time, tf.float32) - 1.0
    places = (tf.range(time, dtype=tf.float32)[None] + 0.5) * factor[:, None] - 0.5
    there = tf.cast(places <= last + 0.5, tf.float32)
    places = tf.clip_by_value(places, 0.0, last)
    before = tf.floor(places)
    share = places - before
    index = tf.cast(before, tf.int32)
    rows = [tf.gather(values, index, batch_dims=1)]
    rows.append(tf.gather(values, tf.minimum(index + 1, time - 1), batch_dims=1))
    shape = tf.concat([tf.shape(share), tf.ones([values.shape.rank - 2], tf.int32)], 0)
    share, kept = tf.reshape(share, shape), tf.reshape(there, shape)
    return (rows[0] + share * (rows[1] - rows[0])) * kept, there
