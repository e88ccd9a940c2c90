"""Conditions of models, such as a class or a speaker: one dictionary, by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.models import checks


class Condition(NamedTuple):
    """What a model is told of each example, or of each of its frames.

    A class number, -1 for none; or, with `dims`, so many numbers.

    Attributes:
        num_classes: number of classes.
        names: names of the classes, if known; a name may then be given instead of its number.
        dims: how many numbers it has, in place of a class.
        per_frame: whether there is one for each frame: `[batch, time]`, or `[batch, time, dims]`.
    """

    num_classes: int = 0
    names: tuple[str, ...] = ()
    dims: int = 0
    per_frame: bool = False

    def input(self, name: str) -> checks.Input:
        """The input of a batch under this name."""
        if self.dims:
            return checks.numbers(name, self.dims, self.per_frame)
        return checks.classes(name, self.num_classes, self.names, self.per_frame)

    def hidden(self, value: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
        """`value`, but -1, or NaN of numbers, for the examples `where` (bool `[batch]`).

        NaN exists only inside of models; `told` finds it.
        """
        where = tf.reshape(where, [-1] + [1] * (value.shape.rank - 1))
        return tf.where(where, tf.constant(float("nan") if self.dims else -1, value.dtype), value)

    def told(self, value: tf.Tensor) -> tf.Tensor:
        """What networks take: float32 `[..., num_classes or dims]`, zeros where it is not known.

        A class is one-hot.
        """
        if self.dims:
            return tf.where(tf.math.is_nan(value), 0.0, value)
        # Not an index out of range, which TFLite refuses.
        return tf.one_hot(value + 1, self.num_classes + 1)[..., 1:]


def resolve(
    conditions: Mapping[str, Condition], given: Mapping[str, Any], data: Any = None
) -> dict[str, tf.Tensor]:
    """The given conditions as tensors; those that are None are left out.

    Args:
        conditions: those that the model takes.
        given: their values by name, such as names or numbers of classes, one for all examples or
            one for each.
        data: the examples, a checked tensor; a single value for all is then repeated for each.

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
        found[name] = checks.one_for_each(conditions[name].input(name), value, data)
    return found
