"""Walks: which actions are taken, so that the episodes show motion rather than walls."""

from typing import NamedTuple

import numpy as np

from vqvae_tf.data.first_person.engine import FORWARD, TURN_LEFT, Engine, View

# The odds of the next run's action, where the way is free and before a wall.
FREE, BLOCKED = (0.04, 0.72, 0.12, 0.12), (0.0, 0.0, 0.5, 0.5)
RUNS = ((1, 3), (4, 16), (3, 14), (3, 14))  # fewest and most steps of a run, by action
FIRST_RUN = 4  # steps forward


class Walk(NamedTuple):
    """A recorded episode.

    Attributes:
        frames: uint8 `[time, side, side, 3]`.
        actions: int32 `[time]`.
        poses: float32 `[time, 3]`.
    """

    frames: np.ndarray
    actions: np.ndarray
    poses: np.ndarray


def record(engine: Engine, seed: int, steps: int) -> Walk:
    """Records an episode of at most `steps` frames.

    Actions come in runs. A run forward ends before a wall, where a turn begins that goes on the
    same way until the view is free: without that, episodes show a wall most of the time.
    """
    draws = np.random.default_rng(seed)
    frames, actions, poses = [], [], []
    action, left = FORWARD, FIRST_RUN
    view: View | None = engine.start(seed)
    while view is not None:
        if view.blocked and action == FORWARD:
            left = 0
        if left <= 0:
            last = action
            action = int(draws.choice(4, p=BLOCKED if view.blocked else FREE))
            if view.blocked and last >= TURN_LEFT:
                action = last
            fewest, most = RUNS[action]
            left = int(draws.integers(fewest, most + 1))
        frames.append(view.frame)
        actions.append(action)
        poses.append(view.pose)
        left -= 1
        view = engine.act(action) if len(frames) < steps else None
    return Walk(np.stack(frames), np.array(actions, np.int32), np.array(poses, np.float32))
