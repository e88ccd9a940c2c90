"""Evaluates what a prior of videos imagines."""

from typing import Any

from absl import logging

from vqvae_tf import arguments
from vqvae_tf.errors import UserError
from vqvae_tf.media import VideoMedium, medium_of, rollout_evaluation
from vqvae_tf.workflows.action_numbers import numbers_for_prior
from vqvae_tf.workflows.load import class_names, load_autoencoder, load_pair
from vqvae_tf.workflows.open_data import open_data


def evaluate_rollouts(
    prior_path: str,
    data_uri: str,
    *,
    model_path: str | None = None,
    frames: int = 10,
    clips: int = 16,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    wrong: bool = False,
) -> dict[str, Any]:
    """Figures of `media.rollout_evaluation.evaluate`, with the autoencoder in the prior's workdir.

    Args:
        prior_path: the prior's workdir.
        data_uri: the episodes; of `embedded:` ones the futures of all commands are known.
        model_path: workdir of the autoencoder, if it is to be compared with that of the prior.
        frames: how many are imagined.
        clips: starts for each command, at most.
        seed: of the starts and of the draws.
        temperature, top_k, top_p: see `vqvae_tf.networks.PixelCNN.sample`.
        wrong: whether futures are also imagined without actions and with turns exchanged.

    Raises:
        UserError: for a prior of something else or of another autoencoder, or episodes that are too
            short.
    """
    frames = arguments.whole("frames", frames, least=1)
    clips = arguments.whole("clips", clips, least=1)
    given = None if model_path is None else load_autoencoder(model_path)
    prior, model = load_pair(prior_path, expected=given)
    medium = medium_of(model)
    if not isinstance(medium, VideoMedium):
        raise UserError(f"{prior_path} holds a prior of {model.data_key}; take one of videos")
    source = open_data(medium, data_uri)
    names = class_names(prior_path)
    if prior.conditions and not (source.action_space.number or source.action_space.dims):
        logging.warning("%s: has no actions; the prior is told none", source.uri)
    return rollout_evaluation.evaluate(
        model,
        prior,
        source,
        numbers=lambda actions: numbers_for_prior(actions, source, names),
        names=names,
        frames=frames,
        clips=clips,
        seed=seed,
        wrong=wrong,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
