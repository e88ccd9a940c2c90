"""What a model may be told beside its data: a class, a speaker. One dictionary of it, by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from vqvae_tf.errors import UserError, nearest


class Condition(NamedTuple):
    """A number of a class for each example; -1 stands for none.

    Attributes:
        num_classes: how many there are.
        names: theirs, if they are known; a name then stands for its number.
    """

    num_classes: int
    names: tuple[str, ...] = ()


def resolve(conditions: Mapping[str, Condition], given: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """What a model is told, as int32 tensors; None is left out.

    Args:
        conditions: those that the model takes.
        given: by name: names or numbers, one for all examples or one for each.

    Raises:
        UserError: for a condition that the model does not take, an unknown name or a number out of
            range.

    >>> speaker = Condition(2, ("ann", "bob"))
    >>> resolve({"speaker": speaker}, {"speaker": "bob"})["speaker"].numpy().tolist()
    1
    """
    found = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in conditions:
            takes = f"it takes {', '.join(conditions)}" if conditions else "it takes none"
            raise UserError(f"this model is not conditioned on {name}; {takes}: leave {name} out")
        found[name] = _numbers(name, conditions[name], value)
    return found


def _numbers(name, condition, value):
    if not tf.is_tensor(value):
        value = np.asarray(value)
        if value.dtype.kind in "US":
            value = np.vectorize(lambda one: _number(name, condition, str(one)))(value)
    value = tf.convert_to_tensor(value)
    if not value.dtype.is_integer or value.shape.rank not in (0, 1, None):
        raise UserError(
            f"{name} must be an integer, or one for each example; received {value.dtype.name} of "
            f"shape {tuple(value.shape)}"
        )
    if hasattr(value, "numpy") and tf.size(value):
        low, high = value.numpy().min(), value.numpy().max()
        if low < -1 or high >= condition.num_classes:
            raise UserError(
                f"{name} must lie between 0 and {condition.num_classes - 1}, or be -1 for none; "
                f"received {low} to {high}"
            )
    return tf.cast(value, tf.int32)


def _number(name, condition, value):
    if value not in condition.names:
        raise UserError(f'unknown {name} "{value}"; {nearest(value, condition.names)}')
    return condition.names.index(value)
