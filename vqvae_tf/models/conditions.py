"""Conditions of models, such as a class or a speaker: one dictionary, by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.models import checks


class Condition(NamedTuple):
    """A class number for each example; -1 means none.

    Attributes:
        num_classes: number of classes.
        names: names of the classes, if known; a name may then be given instead of its number.
    """

    num_classes: int
    names: tuple[str, ...] = ()

    def input(self, name: str) -> checks.Input:
        """The input of a batch under this name."""
        return checks.classes(name, self.num_classes, self.names)


def resolve(
    conditions: Mapping[str, Condition], given: Mapping[str, Any], data: Any = None
) -> dict[str, tf.Tensor]:
    """The given conditions as int32 tensors; those that are None are left out.

    Args:
        conditions: those that the model takes.
        given: names or numbers of classes, by condition, one for all examples or one for each.
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
