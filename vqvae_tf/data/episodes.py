"""What a source of episodes is: frames, and what was done at each of them."""

import abc
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from vqvae_tf.data.source import BaseSource, UnreadableError
from vqvae_tf.errors import UserError

UNKNOWN = -1  # a discrete action that is not known


class ActionSpace(NamedTuple):
    """What the actions of episodes are.

    Attributes:
        number: of discrete actions; 0 if actions are not discrete.
        dims: numbers that make a continuous action; 0 if actions are not continuous.
        names: of discrete actions, by their number.

    If `number` and `dims` are 0, there are no actions.
    """

    number: int = 0
    dims: int = 0
    names: tuple[str, ...] = ()


class Episode(TypedDict):
    """One whole episode.

    `frames[t]` is seen before `actions[t]`, and `frames[t + 1]` is its result, so that the last
    action shows no effect.

    Attributes:
        name: unique within its source.
        frames: uint8 `[time, height, width, channels]`.
        actions: int32 `[time]` of discrete actions, -1 where unknown; float32 `[time, dims]` of
            continuous ones; None if there are none.
    """

    name: str
    frames: np.ndarray
    actions: np.ndarray | None


class Future(NamedTuple):
    """What would have been seen.

    Attributes:
        frames: uint8 `[time, height, width, channels]`, the result of each action.
        poses: float32 `[time + 1, 3]`, x, y and the angle in degrees (counter-clockwise) before the
            first action and after each.
    """

    frames: np.ndarray
    poses: np.ndarray


class EpisodeSource(BaseSource):
    """Episodes of a data URI, as `open_episodes` opens them.

    Attributes:
        action_space: what their actions are.
        class_names: names of discrete actions.
        has_futures: whether `true_future` gives the result of any actions.
    """

    contents = "episodes"
    has_futures = False

    def __init__(self, uri: str, action_space: ActionSpace):
        super().__init__(uri, action_space.names)
        self.action_space = action_space

    @abc.abstractmethod
    def name(self, index: int) -> str:
        """Name of episode `index`."""

    @abc.abstractmethod
    def read(self, index: int, channels: int = 3) -> Episode:
        """Reads episode `index`.

        Args:
            index: its number.
            channels: 3 for colour, 1 for grey.

        Raises:
            UnreadableError: it cannot be used.
        """

    def episodes(self, channels: int = 3) -> Iterator[Episode]:
        """All episodes in order; unreadable ones are skipped.

        Raises:
            UserError: none of them can be read.
        """
        return self.read_all(
            (self.name(index), functools.partial(self.read, index, channels))
            for index in range(len(self))
        )

    def true_future(self, index: int, start: int, actions: Sequence[int]) -> Future:
        """What episode `index` would have shown if `actions` had been taken from frame `start` on.

        Raises:
            UserError: the source does not know.
        """
        raise UserError(
            f"{self.uri}: only what was recorded is known, not the result of other actions; take "
            "embedded:doom or embedded:labmaze"
        )


def every(episode: Episode, stride: int) -> Episode:
    """Every `stride`-th frame of an episode, and what was done from one to the next.

    A discrete action stands for `stride` actions of that number; where they differ, it is -1,
    unknown: numbers are never averaged. Continuous actions are put one behind the other, which
    gives `stride * dims` numbers. Frames whose actions are not all in the episode are left out.

    Raises:
        UnreadableError: the episode is shorter than the stride.

    >>> frames = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    >>> found = every({"name": "a", "frames": frames, "actions": np.array([3, 3, 1, 2, 2])}, 2)
    >>> found["frames"].ravel().tolist(), found["actions"].tolist()
    ([0, 2], [3, -1])
    """
    if stride == 1:
        return episode
    frames, actions = episode["frames"], episode["actions"]
    kept = len(frames) // stride
    if not kept:
        raise UnreadableError(
            f"{episode['name']}: {len(frames)} frames are fewer than the frame_stride of {stride}; "
            "lower frame_stride"
        )
    if actions is not None:
        steps = actions[: kept * stride].reshape(kept, stride, *actions.shape[1:])
        if actions.ndim > 1:
            actions = steps.reshape(kept, -1)
        else:
            same = (steps == steps[:, :1]).all(1)
            actions = np.where(same, steps[:, 0], UNKNOWN).astype(np.int32)
    return Episode(name=episode["name"], frames=frames[: kept * stride : stride], actions=actions)
