"""Checks inside the graph, so that a wrong input is an error for its client only.

Without them, TensorFlow ends the whole process for a picture without a batch axis, and returns a
result for a class that does not exist. The operations that use an input depend on its check, since
otherwise they may run before it.
"""

from typing import Any

import tensorflow as tf

from vqvae_tf.export.signature import Input


def in_saved_model(name: str, value: Any, wanted: Input) -> Any:
    """`value`, or an error that names the expected values.

    >>> codes = Input(tf.TensorSpec([None, None], tf.int32), least=0, most=15)
    >>> in_saved_model("codes", tf.constant([[3, 15]]), codes).numpy().tolist()
    [[3, 15]]
    """
    # The graph assumes the declared rank here; only this op checks it again.
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
    """`value`, or an error of the interpreter, with TFLite's operations only.

    TFLite has no assertion. Its PACK refuses tensors of different shapes, its GATHER an index out
    of range.
    """
    shape = wanted.spec.shape
    known = tf.concat([tf.shape(value)[:1], shape[1:]], 0) if shape[0] is None else shape
    # A tensor of the declared shape for any input: the first value, repeated.
    declared = tf.broadcast_to(tf.reshape(value, [-1])[:1], known)
    value = tf.gather(tf.stack([value, declared]), 0)
    for condition in _conditions(value, wanted).values():
        wrong = tf.cast(tf.logical_not(condition), tf.int32)
        value += tf.gather(tf.zeros([1], value.dtype), wrong)
    return value


def _conditions(value, wanted):
    """Conditions by their words: whether all numbers fulfil them; NaN never does."""
    conditions = {}
    if wanted.least is not None:
        conditions[f"at least {wanted.least}"] = value >= wanted.least
    if wanted.most is not None:
        conditions[f"at most {wanted.most}"] = value <= wanted.most
    if wanted.spec.dtype.is_floating:
        conditions["finite"] = tf.abs(value) < float("inf")
    return {words: tf.reduce_all(holds) for words, holds in conditions.items()}
