"""Mean losses over the steps since the last row of the log."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class LossWindow:
    """Collects the losses of steps and computes their means, in float64.

    Losses stay on the device until `collect`, so that no step waits. They are always summed in the
    order of the steps, and `state` is saved and restored, so the means of a resumed run are those
    of an uninterrupted one.

    Attributes:
        terms: names of the losses, known once a step has been traced.
        means: means of the last complete window, by name.

    >>> window = LossWindow()
    >>> window.terms[:] = ["loss"]
    >>> for loss in (1.0, 2.0, 6.0):
    ...     window.add(tf.constant([loss]))
    >>> window.collect().tolist(), window.close()
    ([[1.0], [2.0], [6.0]], {'loss': 3.0})
    """

    def __init__(self):
        self.terms: list[str] = []
        self.means: dict[str, float] = {}
        self._waiting: list[tf.Tensor] = []
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, losses: tf.Tensor) -> None:
        """Adds the losses of a step, `[terms]`."""
        self._waiting.append(losses)

    def collect(self) -> np.ndarray:
        """Fetches the losses of the steps added since the last call, `[steps, terms]`."""
        losses = tf.stack(self._waiting).numpy()
        self._waiting.clear()
        self._count += len(losses)
        for row in losses.tolist():
            for name, value in zip(self.terms, row, strict=True):
                self._sums[name] = self._sums.get(name, 0.0) + value
        return losses

    def close(self) -> dict[str, float]:
        """Ends the window: sets `means` to the means of the collected losses and returns it."""
        self.means = {name: self._sums[name] / self._count for name in self.terms}
        self._sums, self._count = {}, 0
        return self.means

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint: arrays by name."""
        return {
            "window/count": np.int64(self._count),
            **{f"window/sums/{name}": np.float64(value) for name, value in self._sums.items()},
            **{f"window/means/{name}": np.float64(value) for name, value in self.means.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restores the result of `state`."""
        self._count = int(state.get("window/count", 0))
        self._sums, self.means = (
            {
                name.removeprefix(kind): float(value)
                for name, value in state.items()
                if name.startswith(kind)
            }
            for kind in ("window/sums/", "window/means/")
        )
