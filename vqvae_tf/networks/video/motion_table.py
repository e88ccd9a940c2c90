"""Where each place of a frame was in the frame before, on average, for every action."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

_MOST_PAIRS = 1_000  # of frames, for each action: enough for a mean at every place
_WORTH = 0.8  # a table that leaves more than this share of the error of no motion tells none
_BLOCK = 7  # side of the neighbourhoods whose motion is compared with the table's


@keras.saving.register_keras_serializable("vqvae_tf")
class MotionTable(keras.layers.Layer):
    """Offsets `[actions + 1, height, width, 2]`, in rows and columns, from a frame to the last one.

    What a frame shows at place p was at p + offset in the frame before. A rotation of the camera
    moves everything alike, whatever is seen, so that the table is exact; when it walks, the motion
    depends on the distance of things, and the table is a mean. The last row is for an unknown
    action, -1. Until `load` all offsets are 0.

    Args:
        actions: number of actions.
        grid: (height, width) of the frames in codes.

    Call arguments:
        action: int32 `[batch]`.

    >>> MotionTable(actions=4, grid=(2, 3))(np.array([0, -1])).shape
    TensorShape([2, 2, 3, 2])
    """

    def __init__(self, actions: int, grid: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.actions, self.grid = actions, (grid[0], grid[1])

    def build(self, input_shape=None):
        self.offsets = self.add_weight(
            shape=(self.actions + 1, *self.grid, 2),
            initializer="zeros",
            trainable=False,
            autocast=False,
            name="offsets",
        )
        self.free = self.add_weight(
            shape=(self.actions + 1,),
            initializer="ones",
            trainable=False,
            autocast=False,
            name="free",
        )

    def call(self, action):
        return ops.take(self.offsets, self.rows(action), axis=0)

    def rows(self, action: Any) -> Any:
        """The row of the table of each action."""
        known = (action >= 0) & (action < self.actions)  # in a graph it may be out of range
        return ops.where(known, action, self.actions)

    def freedom(self, action: Any) -> Any:
        """`[batch]`: 0 for the actions whose motion the table tells exactly, else 1."""
        return ops.take(self.free, self.rows(action), axis=0)

    def load(self, offsets: Any, free: Any) -> None:
        """Sets the table to what `best_offsets` found."""
        if not self.built:
            self.build()
        self.offsets.assign(offsets)
        self.free.assign(free)

    def get_config(self):
        return super().get_config() | {"actions": self.actions, "grid": list(self.grid)}


def best_offsets(
    codes: Iterable[np.ndarray],
    actions: Iterable[np.ndarray | None],
    distances: np.ndarray,
    number: int,
    reach: tuple[int, int],
    rigid: float = 0.85,
) -> tuple[np.ndarray, np.ndarray]:
    """The table of motions of some episodes.

    For each action and place it is the offset, within `reach`, at which the frame before has the
    nearest code on average. Beyond the border the outermost code continues. Among offsets that are
    equally good, as they are there, it is the one nearest to the action's most frequent. An action
    whose offsets hardly help, such as walking, has none: their mean fits no depth and no speed.

    Args:
        codes: of each episode, int `[time, height, width, slots]`.
        actions: of each episode, int `[time]`, -1 where unknown, or None; `actions[t]` leads from
            frame t to t + 1.
        distances: `[size, size]`, squared distances between the vectors of codes.
        number: number of actions.
        reach: largest offset, in rows and columns.
        rigid: an action is rigid if offsets chosen anew for each frame and neighbourhood leave more
            than this share of the table's error.

    Returns:
        `(offsets, free)`: float32 `[number + 1, height, width, 2]`, the last row over all actions;
        and float32 `[number + 1]`, 0 for rigid actions, else 1.
    """
    before, after, action = _pairs(codes, actions)
    height, width = before.shape[1:3]
    rows, columns = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    candidates = np.stack([rows.ravel(), columns.ravel()], axis=1)
    still = len(candidates) // 2
    offsets = np.zeros([number + 1, height, width, 2], np.float32)
    free = np.ones([number + 1], np.float32)
    for row in range(number + 1):
        chosen = np.flatnonzero(action == row) if row < number else np.arange(len(action))
        if not len(chosen):
            continue
        if len(chosen) > _MOST_PAIRS:
            chosen = chosen[np.linspace(0, len(chosen) - 1, _MOST_PAIRS).astype(int)]
        errors = np.stack(
            [_errors(before[chosen], after[chosen], offset, distances) for offset in candidates]
        )  # [candidates, pairs, height, width]
        best, table_error = _best(errors.mean(1), candidates)
        if table_error <= _WORTH * errors[still].mean():
            offsets[row] = best
        if row < number:
            blocks = _smoothed(errors).min(0).mean()
            free[row] = float(blocks < rigid * table_error)
    return offsets, free


def _pairs(codes, actions):
    """Frames, the frames after them, and the actions between: each `[pairs, ...]`."""
    before, after, between = [], [], []
    for episode, done in zip(codes, actions, strict=True):
        before.append(episode[:-1])
        after.append(episode[1:])
        between.append(np.full(len(episode) - 1, -1) if done is None else done[:-1])
    return tuple(np.concatenate(each) for each in (before, after, between))


def _errors(before, after, offset, distances):
    """Squared distance of each code to that at `offset` in the frame before, over the slots."""
    height, width = before.shape[1:3]
    y = np.clip(np.arange(height) + offset[0], 0, height - 1)
    x = np.clip(np.arange(width) + offset[1], 0, width - 1)
    moved = before[:, y][:, :, x]
    return distances[moved, after].sum(-1, dtype=np.float32)


def _best(mean, candidates):
    """The best candidate at each place, and its mean error over places; `mean` `[candidates, ...]`.

    Two passes: the first breaks ties towards no motion, the second towards the most frequent one.
    """
    least = mean.min(0)
    good = mean <= least * (1 + 1e-5) + 1e-9

    def nearest_to(centre):
        away = ((candidates - centre) ** 2).sum(1)[:, None, None]
        return np.where(good, away, np.inf).argmin(0)

    counts = np.bincount(nearest_to(np.zeros(2)).ravel(), minlength=len(candidates))
    return candidates[nearest_to(candidates[counts.argmax()])], least.mean()


def _smoothed(errors):
    """Means over 7x7 places, so that chance likenesses of a few codes count little."""
    padded = np.pad(errors, [(0, 0), (0, 0), (_BLOCK // 2,) * 2, (_BLOCK // 2,) * 2], mode="edge")
    height, width = errors.shape[2:]
    shifts = [(i, j) for i in range(_BLOCK) for j in range(_BLOCK)]
    total = sum(padded[..., i : i + height, j : j + width] for i, j in shifts)
    return total / len(shifts)
