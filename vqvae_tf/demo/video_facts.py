"""The data from which the report of the video demo is made."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Imagination:
    """A future under one command.

    Attributes:
        command: "walk forward".
        real: what is really seen then, uint8 `[frames, height, width, channels]`, as all videos.
        imagined: what was imagined.
        codes: its codes, whole numbers `[frames, rows, columns]`.
    """

    command: str
    real: np.ndarray
    imagined: np.ndarray
    codes: np.ndarray


@dataclasses.dataclass(frozen=True)
class Start:
    """Frames of a walk, and its futures under several commands.

    Attributes:
        context: the frames that were given, uint8 `[context, height, width, channels]`.
        context_codes: their codes.
        futures: one for each command, all of the same length.
    """

    context: np.ndarray
    context_codes: np.ndarray
    futures: Sequence[Imagination]


@dataclasses.dataclass(frozen=True)
class VideoFacts:
    """The data of the video demo's page; all statements on it are computed from these.

    Attributes:
        episodes, frames: how many were recorded for training.
        codebook: `[num_embeddings, dimension]`.
        code_counts: uses of every code in the training episodes, `[num_embeddings]`.
        starts: beginnings of held-out walks, and how they go on.
        figures: of the autoencoder on held-out episodes, as `VideoMedium.measure` gives them.
        rollouts: what `workflows.evaluate_rollouts` found on held-out episodes.
        prior_bits_per_code: mean over held-out episodes, under the prior, given the actions.
        stages: the trainings, in order: autoencoder, prior.
        run: times, versions and machine of the run.
    """

    episodes: int
    frames: int
    codebook: np.ndarray
    code_counts: np.ndarray
    starts: Sequence[Start]
    figures: Mapping[str, Any]
    rollouts: Mapping[str, Any]
    prior_bits_per_code: float
    stages: Sequence[Stage]
    run: Run

    def __post_init__(self):
        if not len(self.starts) or not all(len(start.futures) for start in self.starts):
            raise UserError("the demo's page needs at least one start with a future; received none")
