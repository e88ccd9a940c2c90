"""Numbers of classes of one set of data as those of another: matched by the names of classes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from vqvae_tf.errors import listed


class ClassesByName:
    """Numbers the classes of a source as a prior numbers its own.

    One line of the log says which labels are not used.

    Args:
        uri: of the source.
        given: names of its classes.
        known: names of the prior's; without any nothing is said, since it takes no labels.

    >>> classes = ClassesByName("folder:x", ("cat", "owl"), known=("ape", "cat"))
    >>> classes({"label": [0, 1, -1]})["label"].tolist()
    [1, -1, -1]
    """

    def __init__(self, uri: str, given: Sequence[str], known: Sequence[str]):
        places = {name: number for number, name in enumerate(known)}
        # The last is that of -1: no class.
        self._numbers = np.array([places.get(name, -1) for name in given] + [-1], np.int32)
        missing = [name for name in given if name not in places]
        if not known:
            return
        if not given:
            logging.warning("%s: has no classes; the prior is given no labels", uri)
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
        """Conditions by name, numbers of any shape, as the prior numbers them."""
        return {name: self._numbers[np.asarray(each)] for name, each in conditions.items()}

    def applied_to(self, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The same function of something and its conditions, but of those that the source has."""
        return lambda something, conditions: function(something, self(conditions))
