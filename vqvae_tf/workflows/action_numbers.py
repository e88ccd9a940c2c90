"""Numbers of actions in a prior, of recorded ones and of commands."""

from collections.abc import Sequence

import numpy as np

from vqvae_tf import arguments, data
from vqvae_tf.data.episodes import UNKNOWN
from vqvae_tf.errors import UserError, nearest, shown
from vqvae_tf.text_numbers import whole_number


def numbers_for_prior(
    recorded: np.ndarray, source: data.EpisodeSource, names: Sequence[str]
) -> np.ndarray:
    """Recorded actions by their numbers in the prior; continuous ones are unchanged.

    Raises:
        UserError: they are continuous and those of training are not, or the other way round, or one
            of them has a name that the prior was not trained with.
    """
    if (recorded.ndim > 1) == bool(names):  # only discrete actions have names
        theirs, own = ("discrete", "continuous") if names else ("continuous", "discrete")
        raise UserError(
            f"{source.uri}: the actions are {own}, and the prior was trained with {theirs} ones; "
            f"take episodes with {theirs} actions"
        )
    if recorded.ndim > 1:
        return recorded
    for number in np.unique(recorded):
        if number != UNKNOWN and source.class_names[number] not in names:
            _refuse(source.class_names[number], names)
    known = [names.index(name) if name in names else UNKNOWN for name in source.class_names]
    return np.array([*known, UNKNOWN], np.int32)[recorded]


def commands_of(actions: Sequence[str], names: Sequence[str], frames: int) -> np.ndarray:
    """Numbers of commanded actions, int32 `[frames]`, of names or numbers.

    Raises:
        UserError: one is unknown, or they are as many as neither one nor `frames`.

    >>> commands_of(["left"], ["stay", "left"], 3).tolist()
    [1, 1, 1]
    """
    found = []
    for action in actions:
        action = arguments.text("actions", str(action))
        number = names.index(action) if action in names else whole_number(action)
        if number is None or number >= len(names):
            _refuse(action, names)
        found.append(number)
    if len(found) not in (1, frames):
        raise UserError(
            f"actions must be one for all {frames} frames, or one for each; received {len(found)}"
        )
    return np.broadcast_to(np.array(found, np.int32), [frames])


def _refuse(action, names):
    raise UserError(
        f"the prior was not trained with the action {shown(action)}; {nearest(str(action), names)}"
    )
