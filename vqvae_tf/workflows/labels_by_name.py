"""Labels of one set of data as those of another: classes are matched by their names."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from vqvae_tf.errors import listed


class LabelsByName:
    """Numbers the labels of a source as a prior numbers its classes.

    One line of the log says which labels are not used.

    Args:
        uri: of the source.
        given: names of its classes.
        known: names of the prior's; without any nothing is said, since it takes no labels.

    >>> labels = LabelsByName("folder:x", ("cat", "owl"), known=("ape", "cat"))
    >>> labels(np.array([0, 1, -1])).tolist(), labels(None)
    ([1, -1, -1], None)
    """

    def __init__(self, uri: str, given: Sequence[str], known: Sequence[str]):
        places = {name: number for number, name in enumerate(known)}
        # The last is that of label -1: no class.
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

    def __call__(self, labels: Any) -> np.ndarray | None:
        """Labels of any shape, or None where there are none."""
        return None if labels is None else self._numbers[np.asarray(labels)]

    def applied_to(self, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The same function of something and of its labels, but of labels as the source has."""
        return lambda something, labels: function(something, self(labels))
