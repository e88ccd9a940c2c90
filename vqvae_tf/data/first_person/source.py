"""Which walks are in which split."""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vqvae_tf import arguments
from vqvae_tf.data.episodes import ActionSpace, Episode, EpisodeSource, Future
from vqvae_tf.data.first_person.doom import DoomEngine
from vqvae_tf.data.first_person.engine import ACTIONS, Engine
from vqvae_tf.data.first_person.maze import MazeEngine
from vqvae_tf.data.first_person.walks import Walk, record
from vqvae_tf.data.frames import to_channels
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, nearest

FIRST_SEED = {"train": 0, "validation": 50_000, "test": 100_000}
_HELD = 256  # walks in memory: all of a set


class World(NamedTuple):
    """What is walked through.

    Attributes:
        engine: makes its engine.
        usual: arguments of the engine for the splits of training.
        other: name of the split with another scene.
        changed: arguments of the engine for that split.
        least_step: how far a step forward leads at least where nothing is in the way.
    """

    engine: Callable[..., Engine]
    usual: tuple[str, ...]
    other: str
    changed: tuple[str, ...]
    least_step: float


class Size(NamedTuple):
    """How much is recorded, and how finely.

    Attributes:
        side: of a frame, in pixels.
        degrees: of a turn.
        steps: frames of an episode.
        train, held_out: episodes of the split "train", and of each other one.
    """

    side: int
    degrees: float
    steps: int
    train: int
    held_out: int


WORLDS = {
    "doom": World(
        engine=DoomEngine,
        usual=("my_way_home", "map01"),
        other="other_map",
        changed=("health_gathering_supreme", "map01"),
        least_step=5.0,
    ),
    "labmaze": World(
        engine=MazeEngine,
        usual=("style_01",),
        other="other_style",
        changed=("style_03",),
        least_step=0.1,
    ),
}
# A turn moves the middle of the picture by 4 pixels, which is a code where a code has 4 x 4 pixels;
# with 84 pixels, the paper's size, by 8: two codes.
SIZES = {
    "": Size(64, 5.38, 256, train=100, held_out=12),
    "_84": Size(84, 8.0, 256, train=100, held_out=12),
    "_small": Size(32, 10.62, 48, train=8, held_out=3),
}
NAMES = {world + size: (WORLDS[world], SIZES[size]) for world in WORLDS for size in SIZES}


class EmbeddedEpisodes(EpisodeSource):
    """`embedded:doom[/SPLIT]`, `embedded:labmaze[/SPLIT]`: walks that are recorded when read.

    Frames of 64 x 64 pixels, seen by someone who walks and turns; the actions are `noop`,
    `forward`, `turn_left` and `turn_right` (5.38 degrees). The splits:

    - `train` (the default): 100 episodes of 256 frames or, where one ends early, fewer;
    - `validation`, `test`: 12 other episodes each. In Doom these are other ways through the same
      nine rooms, with labmaze other mazes;
    - another scene than that of training: `other_map` of Doom, `other_style` of labmaze, 12
      episodes.

    `embedded:doom_84` and `embedded:labmaze_84` have frames of 84 x 84 pixels and turns of 8
    degrees. `embedded:doom_small` and `embedded:labmaze_small` have 32 x 32 pixels, turns of
    10.62 degrees, 48 frames an episode and 8 or 3 episodes a split.

    The same packages give the same frames, and any actions from any frame have a `true_future`.
    """

    has_futures = True

    def __init__(self, uri: str, split: str, name: str):
        super().__init__(uri, ActionSpace(number=len(ACTIONS), names=ACTIONS))
        self._world, self._size = NAMES[name]
        known = (*FIRST_SEED, self._world.other)
        if split not in known:
            raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, known)}')
        self._split, self.least_step = split, self._world.least_step
        other = split == self._world.other
        self._first = FIRST_SEED["test" if other else split]
        self._scene = self._world.changed if other else self._world.usual
        self._engine()  # a missing package is said at once

    def __len__(self) -> int:
        return self._size.train if self._split == "train" else self._size.held_out

    def name(self, index: int) -> str:
        return f"{self._split}_{index:03}"

    def read(self, index: int, channels: int = 3) -> Episode:
        walk = self.walk(index)
        return Episode(
            name=self.name(index),
            frames=to_channels(walk.frames, channels),
            actions=walk.actions,
        )

    def walk(self, index: int) -> Walk:
        """Episode `index` with its poses."""
        index = arguments.whole("index", index, 0, len(self) - 1)
        with _LOCK:
            return _walk(self._world.engine, self._scene, self._size, self._first + index)

    def true_future(self, index: int, start: int, actions: Sequence[int]) -> Future:
        """What episode `index` would have shown if `actions` had been taken from frame `start` on.

        Raises:
            UnreadableError: the episode would have ended earlier.
            UserError: there is no such episode, frame or action.
        """
        walk = self.walk(index)
        start = arguments.whole("start", start, 0, len(walk.actions) - 1)
        actions = arguments.wholes("actions", actions, least=0)
        if max(actions) >= len(ACTIONS):
            raise UserError(f"actions must lie below {len(ACTIONS)}; received {max(actions)}")
        with _LOCK:
            engine = self._engine()
            view = engine.replay(self._first + index, walk.actions[:start])
            frames, poses = [], [view.pose]
            for step, action in enumerate(actions):
                following = engine.act(action)
                if following is None:
                    raise UnreadableError(
                        f"{self.name(index)}: ends {step} steps after frame {start}, of "
                        f"{len(actions)} that were asked for"
                    )
                frames.append(following.frame)
                poses.append(following.pose)
        return Future(np.stack(frames), np.array(poses, np.float32))

    def _engine(self) -> Engine:
        return _engine(self._world.engine, self._scene, self._size)


_LOCK = threading.RLock()  # an engine is in one state at a time


@functools.lru_cache(maxsize=4)
def _engine(kind: Callable[..., Engine], scene: tuple[str, ...], size: Size) -> Engine:
    return kind(size.side, size.degrees, *scene)


@functools.lru_cache(maxsize=_HELD)  # training, evaluating and encoding ask for the same
def _walk(kind: Callable[..., Engine], scene: tuple[str, ...], size: Size, seed: int) -> Walk:
    return record(_engine(kind, scene, size), seed, size.steps)
