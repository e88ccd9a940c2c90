"""Parts shared by the incremental networks: layers' weights as float32 matrices, and the gate."""

from typing import Any

import tensorflow as tf


def float32(value: Any) -> tf.Tensor:
    """A weight or an input as a float32 tensor; a variable is read when this is called."""
    return tf.cast(tf.convert_to_tensor(value), tf.float32)


def dense_weights(layer: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel `[inputs, units]` and bias `[units]` of a dense layer."""
    return float32(layer.kernel), float32(layer.bias)


def one_hot_label(label: tf.Tensor, num_classes: int) -> tf.Tensor:
    """Labels `[batch]` as `[batch, num_classes]`; a row of zeros for -1, no label."""
    return tf.one_hot(label + 1, num_classes + 1)[:, 1:]


def before_gate(weight: tf.Tensor, factor: float = 1.0) -> tf.Tensor:
    """A kernel or a bias that leads to a gate, for `twice_gated`: the half for b is halved.

    Args:
        weight: `[..., units]`.
        factor: multiplies all of it: 0.5 for a kernel that reads the output of `twice_gated`.
    """
    half = weight.shape[-1] // 2
    return weight * tf.constant([factor] * half + [factor / 2] * half)


def twice_gated(x: tf.Tensor) -> tf.Tensor:
    """`2 tanh(a) sigmoid(b)` of `[a, b / 2]`, the halves of the last axis.

    As `2 sigmoid(b) = 1 + tanh(b / 2)`, a single tanh computes both, which saves up to a fifth of
    a sampler's loop under XLA. The factors of two go into the neighbouring weights, where they
    take no time and cause no rounding.
    """
    a, b = tf.split(tf.tanh(x), 2, axis=-1)
    return a * b + a


def log_prob_of(logits: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Log probability of codes `[batch]` under logits `[batch, K]`."""
    return tf.gather(tf.nn.log_softmax(logits), codes, batch_dims=1)


def likeliest(scores: tf.Tensor, xla: bool = False) -> tf.Tensor:
    """The index of the largest score of each row, the first of equals; int32 `[batch]`.

    Args:
        scores: `[batch, K]`.
        xla: whether XLA will compile this. Its argmax is not vectorised and takes a tenth of the
            time of a small network's step; element-wise maxima of two halves are vectorised. In
            a plain graph each halving would be one more operation.

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
    """Reduces the last axis: by halves while its length is even, then the rest at once."""
    while x.shape[-1] % 2 == 0:
        of_halves = tf.split(x, 2, axis=-1)
        x = of_two(*of_halves)
    return of_all(x, axis=-1)
