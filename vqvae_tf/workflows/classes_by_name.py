"""Maps class numbers of a data source to those of a prior, by the names of the classes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from vqvae_tf.errors import listed


class ClassesByName:
    """Maps class numbers of a source to those of a prior.

    Labels that are not used are logged in one line.

    Args:
        uri: URI of the source.
        given: names of its classes.
        known: names of the prior's classes; if empty, the prior takes no labels and nothing is
            logged.

    >>> classes = ClassesByName("folder:x", ("cat", "owl"), known=("ape", "cat"))
    >>> classes({"label": [0, 1, -1]})["label"].tolist()
    [1, -1, -1]
    """

    def __init__(self, uri: str, given: Sequence[str], known: Sequence[str]):
        places = {name: number for number, name in enumerate(known)}
        # The last entry is for -1: no class.
        self._numbers = np.array([places.get(name, -1) for name in given] + [-1], np.int32)
        missing = [name for name in given if name not in places]
        if not known:
            return
        if not given:
            logging.warning("%s: has no classes; the prior gets no labels", uri)
        elif missing:
            logging.warning(
                "%s: no labels for %d of its %d classes, which the prior does not know: %s; it "
                "knows %s",
                uri,
                len(missing),
                len(given),
                listed(missing),
                listed(known),
            )

    def __call__(self, conditions: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The prior's class numbers for conditions by name, which may have any shape.

        Conditions of floats, such as continuous actions, are no classes and unchanged.
        """
        given = {name: np.asarray(each) for name, each in conditions.items()}
        return {
            name: each if each.dtype.kind == "f" else self._numbers[each]
            for name, each in given.items()
        }

    def applied_to(self, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Wraps a function of codes and the prior's conditions to take the source's conditions."""
        return lambda something, conditions: function(something, self(conditions))
