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


def before_gate(weight: tf.Tensor, factor: float = 1.0) -> tf.Tensor:
    """A kernel or a bias that leads to a gate, for `twice_gated`: the half for b halved.

    Args:
        weight: `[..., units]`.
        factor: applied to all of it: 0.5 for a kernel that reads what `twice_gated` gives.
    """
    half = weight.shape[-1] // 2
    return weight * tf.constant([factor] * half + [factor / 2] * half)


def twice_gated(x: tf.Tensor) -> tf.Tensor:
    """`2 tanh(a) sigmoid(b)` of `[a, b / 2]`, the halves of the last axis.

    A sigmoid is a tanh, `2 sigmoid(b) = 1 + tanh(b / 2)`: so one tanh does for both, which saves
    XLA up to a fifth of a sampler's loop. The factors of two go into the weights around it, where
    they cost nothing and round nothing.
    """
    a, b = tf.split(tf.tanh(x), 2, axis=-1)
    return a * b + a


def likeliest(scores: tf.Tensor, xla: bool = False) -> tf.Tensor:
    """The index of the largest of each row, the first of equals; int32 `[batch]`.

    Args:
        scores: `[batch, K]`.
        xla: whether XLA will compile this. Its argmax takes the numbers one by one, a tenth of
            the time of a small network's step; maxima of one half and the other are vectors'. In
            a plain graph each halving would be an operation more.

    >>> likeliest(tf.constant([[1.0, 3.0, 2.0, 3.0]]), xla=True).numpy().tolist()
    [1]
    """
    if not xla:
        return tf.argmax(scores, -1, output_type=tf.int32)
    size = scores.shape[-1]
    largest = _over_halves(tf.maximum, tf.reduce_max, scores)
    index = tf.where(scores == largest[:, None], tf.range(size), size - 1)
    return _over_halves(tf.minimum, tf.reduce_min, index)


def _over_halves(of_two, of_all, x):
    """A reduction of the last axis: of two halves as long as it can be halved, then of the rest."""
    while x.shape[-1] % 2 == 0:
        of_halves = tf.split(x, 2, axis=-1)
        x = of_two(*of_halves)
    return of_all(x, axis=-1)
