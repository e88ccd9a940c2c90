"""Checks inside the graph: a wrong input is an error for its client, and the server lives.

Without them TensorFlow ends the whole process on a picture without its batch axis, and answers a
class that does not exist. A check is on the way from the input to what uses it, since whatever does
not depend on a check may run before it.
"""

from typing import Any

import tensorflow as tf

from vqvae_tf.export.signature import Input


def in_saved_model(name: str, value: Any, wanted: Input) -> Any:
    """`value`, or an error that says what was wanted.

    >>> codes = Input(tf.TensorSpec([None, None], tf.int32), least=0, most=15)
    >>> in_saved_model("codes", tf.constant([[3, 15]]), codes).numpy().tolist()
    [[3, 15]]
    """
    # Of the declared rank by now, as far as the graph knows: nothing but this op looks again.
    value = tf.ensure_shape(value, wanted.spec.shape)
    shape = tf.shape(value)
    filled = tf.Assert(
        tf.reduce_all(shape > 0),
        [f"{name} must hold at least one value; received shape", shape],
        summarize=8,
    )
    with tf.control_dependencies([filled]):
        value = tf.identity(value)
    conditions = _conditions(value, wanted)
    if not conditions:
        return value
    words = " and ".join(conditions)
    inside = tf.Assert(
        tf.reduce_all(list(conditions.values())),
        [f"{name} must be {words}; received", tf.reduce_min(value), "to", tf.reduce_max(value)],
    )
    with tf.control_dependencies([inside]):
        return tf.identity(value)


def in_tflite(name: str, value: Any, wanted: Input) -> Any:
    """`value`, or an error of the interpreter, by operations of TFLite's own.

    TFLite has no assertion. Its PACK refuses tensors of different shapes, its GATHER an index out
    of range.
    """
    shape = wanted.spec.shape
    known = tf.concat([tf.shape(value)[:1], shape[1:]], 0) if shape[0] is None else shape
    # A tensor of the declared shape, whatever was given: the first value, repeated.
    declared = tf.broadcast_to(tf.reshape(value, [-1])[:1], known)
    value = tf.gather(tf.stack([value, declared]), 0)
    for condition in _conditions(value, wanted).values():
        wrong = tf.cast(tf.logical_not(condition), tf.int32)
        value += tf.gather(tf.zeros([1], value.dtype), wrong)
    return value


def _conditions(value, wanted):
    """What all numbers must be, in words, and whether they are; NaN never is."""
    conditions = {}
    if wanted.least is not None:
        conditions[f"at least {wanted.least}"] = value >= wanted.least
    if wanted.most is not None:
        conditions[f"at most {wanted.most}"] = value <= wanted.most
    if wanted.spec.dtype.is_floating:
        conditions["finite"] = tf.abs(value) < float("inf")
    return {words: tf.reduce_all(holds) for words, holds in conditions.items()}
