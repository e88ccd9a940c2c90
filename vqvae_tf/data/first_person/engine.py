"""What a world is in which one walks and looks around."""

import abc
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

ACTIONS = ("noop", "forward", "turn_left", "turn_right")
NOOP, FORWARD, TURN_LEFT, TURN_RIGHT = range(4)


UNDRAWN = np.zeros([0, 0, 3], np.uint8)


class View(NamedTuple):
    """What is seen at a moment.

    Attributes:
        frame: uint8 `[side, side, 3]`; `UNDRAWN` if it was not asked for.
        pose: x, y and the angle in degrees, counter-clockwise.
        blocked: whether a wall is close ahead.
    """

    frame: np.ndarray
    pose: tuple[float, float, float]
    blocked: bool


class Engine(abc.ABC):
    """A world. The same seed and the same actions give the same views, bit for bit."""

    @abc.abstractmethod
    def start(self, seed: int, drawn: bool = True) -> View:
        """The first view of an episode.

        Args:
            seed: which episode.
            drawn: whether the frame is wanted.
        """

    @abc.abstractmethod
    def act(self, action: int, drawn: bool = True) -> View | None:
        """The view after an action, one of `ACTIONS`; None if the episode has ended."""

    def replay(self, seed: int, actions: Iterable[int]) -> View:
        """The view after these actions from the start of an episode; its frame is not drawn.

        Raises:
            ValueError: the episode ends before.
        """
        view: View | None = self.start(seed, drawn=False)
        for action in actions:
            view = self.act(action, drawn=False)
            if view is None:
                break
        if view is None:
            raise ValueError(f"episode {seed} ends before the last action")
        return view
