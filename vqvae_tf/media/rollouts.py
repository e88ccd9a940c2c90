"""Futures of videos, imagined as codes by a prior and drawn at the end."""

from typing import Any, NamedTuple

import numpy as np
import tqdm

from vqvae_tf import data, models
from vqvae_tf.data.episodes import UNKNOWN

BLOCK = 16  # futures that are imagined together: a step of the progress bar


class Imagined(NamedTuple):
    """Imagined futures.

    Attributes:
        codes: int32 `[futures, context + frames, *grid]`, those of the context first.
        frames: uint8 `[futures, frames, height, width, channels]`.
    """

    codes: np.ndarray
    frames: np.ndarray


def imagine(
    model: models.VideoVQVAE,
    prior: models.Prior,
    context: np.ndarray,
    actions: np.ndarray | None,
    frames: int,
    *,
    count: int,
    shown: bool = False,
    **controls: Any,
) -> Imagined:
    """Futures of a context: it is encoded once, all frames are drawn as codes, decoded once.

    Args:
        model: the autoencoder.
        prior: the prior over its codes.
        context: uint8 `[count or 1, time, height, width, channels]`.
        actions: `[count or 1, time + frames, ...]`, as the prior takes them; None for none.
        frames: how many are imagined.
        count: number of futures.
        shown: whether there is a progress bar.
        **controls: of `prior.sample`: `seed`, `temperature`, `top_k`, `top_p`.
    """
    given = model.encode(context).numpy()
    grid = (given.shape[1] + frames, *given.shape[2:4])
    told = {} if actions is None else {"actions": actions}
    codes, drawn = [], []
    size = -(-count // -(-count // BLOCK))  # blocks of near-equal size
    with tqdm.tqdm(
        total=count, desc="imagining", unit="future", disable=None if shown else True, leave=False
    ) as bar:
        for first in range(0, count, size):
            # The last block may be short: it is drawn at full size and cut off below, as another
            # size would be compiled again.
            members = np.minimum(np.arange(first, first + size), count - 1)

            def own(values, members=members):
                return values if len(values) == 1 else values[members]

            block = prior.sample(
                size,
                grid=grid,
                prefix=own(given),
                first_sample=first,
                **{name: own(value) for name, value in told.items()},
                **controls,
            )
            codes.append(np.asarray(block)[: count - first])
            drawn.append(model.decode(codes[-1]).numpy()[:, -frames:])
            bar.update(len(codes[-1]))
    height, width = context.shape[2:4]
    return Imagined(np.concatenate(codes), np.concatenate(drawn)[:, :, :height, :width])


def commanded(
    recorded: np.ndarray | None, commands: np.ndarray, context: int, frames: int
) -> np.ndarray:
    """The actions of a context and of the frames that follow, `[context + frames]`.

    The first command is given at the last frame of the context, since `frames[t + 1]` is the result
    of `actions[t]`. The action of the last frame shows no effect, and is not told.

    Args:
        recorded: int32, those of the context, at least `context - 1`; None where not known.
        commands: int32 `[frames]`.
        context, frames: how many frames there are.

    >>> commanded(np.array([1, 1, 2, 2]), np.array([3, 0]), context=3, frames=2).tolist()
    [1, 1, 3, 0, -1]
    """
    before = np.full(context - 1, UNKNOWN) if recorded is None else recorded[: context - 1]
    return np.concatenate([before, commands, [UNKNOWN]]).astype(np.int32)


def true_future(
    source: data.EpisodeSource, index: int, last: int, commands: np.ndarray, stride: int
) -> data.Future:
    """What would have been seen, of every `stride`-th frame.

    Args:
        source: one that `has_futures`.
        index: number of the episode.
        last: number of the last frame of the context, among those that are kept.
        commands: int32 `[frames]`.
        stride: the model's `data.frame_stride`.
    """
    whole = source.true_future(index, last * stride, np.repeat(commands, stride).tolist())
    return data.Future(whole.frames[stride - 1 :: stride], whole.poses[::stride])
