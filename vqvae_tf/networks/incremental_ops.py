"""What the incremental networks share: layers' weights as float32 matrices, and the gate."""

from typing import Any

import tensorflow as tf


def float32(value: Any) -> tf.Tensor:
    """A weight or an input as a float32 tensor, read where this is called."""
    return tf.cast(tf.convert_to_tensor(value), tf.float32)


def dense_weights(layer: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel `[inputs, units]` and bias `[units]` of a dense layer."""
    return float32(layer.kernel), float32(layer.bias)


def one_hot_label(label: tf.Tensor, num_classes: int) -> tf.Tensor:
    """`[batch]` labels as `[batch, num_classes]`; zeros for -1, no label."""
    return tf.one_hot(label + 1, num_classes + 1)[:, 1:]


def gate(x: tf.Tensor) -> tf.Tensor:
    """`tanh(a) * sigmoid(b)` of the halves of the last axis."""
    a, b = tf.split(x, 2, axis=-1)
    return tf.tanh(a) * tf.sigmoid(b)
