"""What a source of episodes is, and training batches cut from one."""

import abc
import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypedDict

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf import arguments
from vqvae_tf.config import VideoDataConfig, limits
from vqvae_tf.data.frames import resized
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.source import BaseSource, UnreadableError
from vqvae_tf.data.windows import Windows, uncopied
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


class Footage(NamedTuple):
    """All windows of all episodes, in memory.

    Attributes:
        frames: windows of frames.
        actions: the windows of the same numbers of their actions; None if there are none.
    """

    frames: Windows
    actions: Windows | None


class EpisodeSource(BaseSource):
    """Episodes of a data URI, as `open_episodes` opens them.

    Attributes:
        action_space: what their actions are.
        class_names: names of discrete actions.
        has_futures: whether `true_future` gives the result of any actions.
        least_step: of a source with futures, how far a step forward leads at least where nothing
            is in the way, as poses have it.
    """

    contents = "episodes"
    has_futures: bool = False
    least_step: float = 0.0

    def __init__(self, uri: str, action_space: ActionSpace):
        super().__init__(uri, action_space.names)
        self.action_space = action_space
        self._held: dict[Any, Footage] = {}

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

    def fitted(self, index: int, config: VideoDataConfig, least: int = 1) -> Episode:
        """Episode `index` as a model takes it: with the frames that are kept, in its size.

        Args:
            index: its number.
            config: how it is prepared.
            least: frames that it must have then.

        Raises:
            UnreadableError: it is shorter, of another size and not to be resized, or unreadable.
        """
        episode = every(self.read(index, config.channels), config.frame_stride)
        frames, side = episode["frames"], config.image_size
        if len(frames) < least:
            raise UnreadableError(
                f"{episode['name']}: {len(frames)} frames are fewer than the {least} that are "
                "taken at once; leave it out or take fewer"
            )
        if frames.shape[1:3] == (side, side):
            return episode
        if not config.resize:
            raise UnreadableError(
                f"{episode['name']}: frames of {frames.shape[2]} x {frames.shape[1]} pixels, the "
                f"model takes {side} x {side}; resize them, or train with another "
                "data.image_size or with data.resize=True"
            )
        return Episode(
            name=episode["name"], frames=resized(frames, side), actions=episode["actions"]
        )

    def prepared(self, config: VideoDataConfig, least: int = 1) -> Iterator[Episode]:
        """All episodes that can be used, `fitted`; the others are skipped.

        Raises:
            UserError: there are none.
        """
        return self.read_all(
            (self.name(index), functools.partial(self.fitted, index, config, least))
            for index in range(len(self))
        )

    def footage(self, config: VideoDataConfig, window: int) -> Footage:
        """All windows of all episodes; asked for again, the episodes are not read again.

        Args:
            config: how the episodes are prepared.
            window: frames of each.

        Raises:
            UserError: no episode can be used.
        """
        key = config, window
        if key not in self._held:
            actions = []

            def frames():
                for episode in self._shown(config, window):
                    actions.append(episode["actions"])
                    yield episode["frames"]

            self._held.clear()
            seen = Windows(frames(), (window,))
            done = None if actions[0] is None else Windows(actions, (window,))
            self._held[key] = Footage(seen, done)
        return self._held[key]

    def _shown(self, config, window):
        """The prepared episodes, with a progress bar."""
        return tqdm.tqdm(
            self.prepared(config, window),
            "reading",
            len(self),
            unit="episode",
            disable=None,
            leave=False,
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


def episode_batches(
    source: EpisodeSource,
    window: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    config: VideoDataConfig | None = None,
) -> tf.data.Dataset:
    """Endless training batches of windows of episodes, all held in memory.

    Every window is equally likely, and no epoch shows one twice; batch n is a function of the seed
    and n.

    Args:
        source: where the episodes come from.
        window: frames of an example.
        batch_size: windows per batch.
        seed: of every draw.
        start_step: number of the first batch.
        config: how episodes are prepared; None for colour frames of 64 x 64 pixels, all of them.

    Returns:
        Dataset of `{"frames": uint8 [batch, window, side, side, channels], "actions": int32 [batch,
        window] or float32 [batch, window, dims]}`, without `actions` if there are none.

    Raises:
        UserError: no episode can be used, or a number is out of range.
    """
    window = arguments.whole("window", window, 1, limits.LONGEST_WINDOW)
    batch_size = arguments.whole("batch_size", batch_size, 1, limits.LARGEST_BATCH)
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SEED)
    start_step = arguments.whole("start_step", start_step, 0)
    footage = source.footage(config or VideoDataConfig(), window)
    examples = tf.range(batch_size, dtype=tf.int64)

    def batch(step):
        place = shuffled(step * batch_size + examples, seed, footage.frames.count)
        windows = {"frames": footage.frames, "actions": footage.actions}
        return {name: each.cut(place) for name, each in windows.items() if each is not None}

    steps = tf.data.Dataset.counter(start_step)
    batches = steps.map(batch, tf.data.AUTOTUNE, deterministic=True)
    return uncopied(batches.prefetch(tf.data.AUTOTUNE))


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
