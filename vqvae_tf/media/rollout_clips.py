"""Starts from which futures are imagined, and what truly follows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vqvae_tf import data, models
from vqvae_tf.data.frames import to_channels
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError
from vqvae_tf.media import rollouts

FORWARD, RECORDED = "forward", "recorded"
COMMANDS = (FORWARD, "turn_left", "turn_right")
STRAIGHT = 0.97  # cosine of the angle between where one looks and where one moves
MOST_TRIED = 1_500  # starts, for one command
_SETTLED = 1  # steps after which someone who turned before walks straight


class Group(NamedTuple):
    """Clips with one command, or with the recorded actions.

    Attributes:
        context: uint8 `[clips, context, height, width, channels]`.
        true: uint8 `[clips, frames, ...]`, what follows.
        actions: int32 `[clips, context + frames]`, or float32 `[..., dims]`, as in the source; None
            if there are none.
        places: the episode's number and the first frame of each clip.
    """

    context: np.ndarray
    true: np.ndarray
    actions: np.ndarray | None
    places: list[tuple[int, int]]


class _Clips(NamedTuple):
    """The clips of a group that were found so far."""

    contexts: list[np.ndarray]
    futures: list[np.ndarray]
    actions: list[np.ndarray]
    places: list[tuple[int, int]]

    def group(self) -> Group:
        actions = np.stack(self.actions) if self.actions else None
        return Group(np.stack(self.contexts), np.stack(self.futures), actions, self.places)


def commanded(
    source: data.EpisodeSource,
    config: models.VideoConfig,
    command: str,
    context: int,
    frames: int,
    count: int,
    seed: int = 0,
) -> Group:
    """Clips in which one action is taken again and again, with their true futures.

    The starts are drawn from all frames of all episodes. A start counts for `forward` only if the
    way is free: each step leads far enough, and straight on.

    Args:
        source: one that `has_futures`.
        config: of the autoencoder.
        command: name of the action.
        context: frames that are given.
        frames: frames that follow.
        count: clips at most.
        seed: of the starts.

    Raises:
        UserError: there is no such clip.
    """
    number = source.class_names.index(command)
    commands = np.full(frames, number, np.int32)
    stride = config.data.frame_stride
    found = _Clips([], [], [], [])
    for index, start in _starts(source, config, context, 0, seed):
        if len(found.places) == count:
            break
        try:
            future = rollouts.true_future(source, index, start + context - 1, commands, stride)
        except UnreadableError:  # the episode would have ended
            continue
        if command == FORWARD and not is_free(future.poses, source.least_step * stride):
            continue
        episode = source.fitted(index, config.data)
        whole = slice(start, start + context)
        done = episode["actions"]
        before = None if done is None else done[whole]
        found.contexts.append(episode["frames"][whole])
        found.futures.append(to_channels(future.frames, config.data.channels))
        found.actions.append(rollouts.commanded(before, commands, context, frames))
        found.places.append((index, start))
    if not found.places:
        raise UserError(f"{source.uri}: no start from which {command} is possible; take another")
    return found.group()


def recorded(
    source: data.EpisodeSource,
    config: models.VideoConfig,
    context: int,
    frames: int,
    count: int,
    seed: int = 0,
) -> Group:
    """Clips of what was recorded; arguments as of `commanded`.

    Raises:
        UserError: no episode is long enough.
    """
    found = _Clips([], [], [], [])
    for index, start in _starts(source, config, context, frames, seed):
        if len(found.places) == count:
            break
        episode = source.fitted(index, config.data)
        whole = slice(start, start + context + frames)
        found.contexts.append(episode["frames"][whole][:context])
        found.futures.append(episode["frames"][whole][context:])
        if episode["actions"] is not None:
            found.actions.append(episode["actions"][whole])
        found.places.append((index, start))
    if not found.places:
        bad = f" ({source.skipped} cannot be used; the log says why)" if source.skipped else ""
        raise UserError(
            f"{source.uri}: no episode has {context + frames} frames{bad}; take fewer frames"
        )
    return found.group()


def is_free(poses: np.ndarray, least: float) -> bool:
    """Whether someone walks straight on, by the poses `[time + 1, 3]`: x, y, angle in degrees.

    >>> is_free(np.array([[0, 0, 90], [0, 1, 90], [0, 2, 90]]), least=0.5)
    True
    >>> is_free(np.array([[0, 0, 90], [0, 1, 90], [1, 1, 90]]), least=0.5)  # along a wall
    False
    """
    steps = np.diff(poses[:, :2], axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    if (lengths < least).any():
        return False
    angles = np.radians(poses[:-1, 2])
    straight = (steps[:, 0] * np.cos(angles) + steps[:, 1] * np.sin(angles)) / lengths
    return bool((straight[_SETTLED:] > STRAIGHT).all())


def _starts(
    source: data.EpisodeSource, config: models.VideoConfig, context: int, frames: int, seed: int
) -> Iterator[tuple[int, int]]:
    """Episodes and frames at which a clip may begin, in random order, at most `MOST_TRIED`."""
    pairs: list[tuple[int, int]] = []
    for index in range(len(source)):
        try:
            length = len(source.fitted(index, config.data)["frames"])
        except UnreadableError as error:
            source.skip(source.name(index), error)
            continue
        pairs += [(index, start) for start in range(length - context - frames + 1)]
    order = np.random.default_rng(seed).permutation(len(pairs))
    for place in order[:MOST_TRIED]:
        yield pairs[place]


def bit_windows(group: Group, context: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Frames of the context and the one behind it, and the actions up to there."""
    frames = np.concatenate([group.context, group.true[:, :1]], axis=1)
    return frames, None if group.actions is None else group.actions[:, : context + 1]


def exchanged(actions: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Actions with left and right exchanged.

    >>> exchanged(np.array([0, 1, 2]), ("forward", "turn_left", "turn_right")).tolist()
    [0, 2, 1]
    """
    order = np.arange(len(names) + 1)
    left, right = names.index("turn_left"), names.index("turn_right")
    order[[left, right]] = right, left
    order[-1] = -1
    return order[actions].astype(actions.dtype)
