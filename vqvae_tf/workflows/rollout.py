"""Imagines how an episode goes on: in the space of codes, drawn once at the end."""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from vqvae_tf import arguments, data, written_files
from vqvae_tf.config.limits import MOST_IMAGINED, MOST_SAMPLES
from vqvae_tf.data import disk
from vqvae_tf.data.frames import to_channels
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.files import names_in
from vqvae_tf.media import VideoMedium, medium_of, rollouts
from vqvae_tf.text_numbers import whole_number
from vqvae_tf.workflows.action_numbers import commands_of, numbers_for_prior
from vqvae_tf.workflows.load import class_names, load_pair
from vqvae_tf.workflows.open_data import open_data
from vqvae_tf.workflows.output_folder import refuse_folder_of_data

_RESULT = re.compile(r"(codes\.npz|real\.mp4|strip\.png|future_\d+\.mp4)")


def rollout(
    path: str,
    data_uri: str,
    output: str,
    *,
    episode: str | int = 0,
    start: int = 0,
    context: int | None = None,
    frames: int = 10,
    actions: Sequence[str] | None = None,
    count: int = 1,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> list[str]:
    """Imagines futures of an episode's beginning and writes them.

    `strip.png` shows the context and what follows: in the first row what is real, where it is
    known (the actions are those recorded, or the source has true futures), and a row for each
    future. `future_000.mp4`, ... and `real.mp4` show the same as videos. `codes.npz` holds `codes`
    `[count, context + frames, ...]` and, if the prior takes actions, `actions`.

    Args:
        path: the prior's workdir.
        data_uri: the episodes.
        output: folder for the results.
        episode: number or name of the episode.
        start: its frame at which the context begins, among those that are kept.
        context: number of frames that are given; None for as many as the prior was trained with.
        frames: number of frames that are imagined.
        actions: names or numbers of discrete actions, one for each imagined frame, or one for all;
            None for those recorded.
        count: number of futures.
        seed: of the draws; future 3 of a seed is the same whatever `count` is.
        temperature, top_k, top_p: see `vqvae_tf.networks.PixelCNN.sample`.

    Returns:
        The paths of the written files, the strip first.

    Raises:
        UserError: for bad input, an action that the prior was not trained with, or if `output`
            holds a file of the name of a result that the library did not write.
    """
    output = arguments.path("output", output)
    start = arguments.whole("start", start, least=0)
    frames = arguments.whole("frames", frames, 1, MOST_IMAGINED)
    count = arguments.whole("count", count, 1, MOST_SAMPLES)
    refuse_folder_of_data(output, data_uri)
    for name in names_in(output):
        if _RESULT.fullmatch(name):
            written_files.check(os.path.join(output, name))
    prior, model = load_pair(path)
    medium = medium_of(model)
    if not isinstance(medium, VideoMedium):
        raise UserError(f"{path} holds a prior of {model.data_key}; take one of videos")
    least = prior.config.context
    context = least if context is None else arguments.whole("context", context, least=least)
    source = open_data(medium, data_uri)
    number = episode_number(source, episode)
    seen = source.fitted(number, model.config.data)
    if len(seen["frames"]) < start + context:
        raise UserError(
            f"{seen['name']}: of its {len(seen['frames'])} frames there are not {context} from "
            f"number {start} on, the context; take an earlier start or a shorter context"
        )
    names = class_names(path)
    recorded = None
    if prior.conditions and seen["actions"] is not None:
        recorded = numbers_for_prior(seen["actions"], source, names)
    told, commands = _told(prior, recorded, actions, names, start, context, frames)
    given = seen["frames"][start : start + context]
    imagined = rollouts.imagine(
        model,
        prior,
        given[None],
        None if told is None else told[None],
        frames,
        count=count,
        shown=True,
        seed=seed,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    real = _real(source, number, seen, model, start + context, commands, frames, names)
    with written_files.results(output, "rollouts"):
        return medium.write_rollouts(given, real, imagined, told, output)


def episode_number(source: data.EpisodeSource, episode: str | int) -> int:
    """The number of an episode that is given by it or by its name.

    Raises:
        UserError: there is none.
    """
    names = [source.name(index) for index in range(len(source))]
    if episode in names:
        return names.index(str(episode))
    number = whole_number(str(episode))
    if number is None:
        given = disk.printable(str(episode)[:80])
        raise UserError(f'{source.uri}: no episode "{given}"; {nearest(given, names)}')
    if number >= len(names):
        raise UserError(
            f"{source.uri}: there is no episode {number}; they are 0 to {len(names) - 1}"
        )
    return number


def _told(prior, recorded, actions, names, start, context, frames):
    """What the prior is told, `[context + frames, ...]` or None; the commands or None."""
    if not prior.conditions:
        if actions is not None:
            raise UserError("the prior was trained without actions; leave them out")
        return None, None
    if actions is None:
        if recorded is None:
            raise UserError("the episode has no actions; name some, such as --actions=0")
        told = recorded[start : start + context + frames]
        missing = context + frames - 1 - len(told)
        if missing > 0:
            raise UserError(
                f"the episode's actions end {missing} frames too early; take fewer frames or name "
                "actions"
            )
        if len(told) < context + frames:  # that of the last frame, which shows no effect
            told = np.concatenate([told, told[-1:]])
        return told, None
    if not names:
        raise UserError("the prior takes continuous actions: leave actions out for those recorded")
    commands = commands_of(actions, names, frames)
    before = None if recorded is None else recorded[start : start + context]
    return rollouts.commanded(before, commands, context, frames), commands


def _real(source, number, seen, model, end, commands, frames, names) -> Any:
    """The frames that really follow; None if they are not known."""
    if commands is None:
        following = seen["frames"][end : end + frames]
        return following if len(following) == frames else None
    known = {name: place for place, name in enumerate(source.class_names)}
    if not source.has_futures or not all(names[command] in known for command in commands):
        return None
    theirs = np.array([known[names[command]] for command in commands])
    stride = model.config.data.frame_stride
    future = rollouts.true_future(source, number, end - 1, theirs, stride)
    return to_channels(future.frames, model.config.data.channels)
