"""A small autoencoder and a small prior of videos, trained once a process, for whole jobs."""

import os
from typing import NamedTuple

import pytest

from tests.small import TRAINING
from vqvae_tf import models, workflows
from vqvae_tf.config import VideoDataConfig

TRAIN, HELD_OUT = "embedded:labmaze_small", "embedded:labmaze_small/validation"
AUTOENCODER = models.VideoConfig(
    widths=(4, 8),
    residual_width=4,
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    window=2,
    data=VideoDataConfig(image_size=32),
    training=TRAINING,
)
PRIOR = models.VideoPriorConfig(
    num_classes=1,
    grid=(8, 8),
    context=3,
    frames=5,
    targets=1,
    channels=8,
    layers=1,
    head_width=8,
    condition_channels=8,
    condition_dilations=(1,),
    flow_channels=8,
    flow_dilations=(1,),
    unroll=1,
    training=TRAINING,
)


class VideoRuns(NamedTuple):
    """Workdirs of the autoencoder and of the prior; tests that change one change a copy of it."""

    model: str
    prior: str


@pytest.fixture(scope="session")
def video_runs(tmp_path_factory) -> VideoRuns:
    pytest.importorskip("av")
    pytest.importorskip("labmaze")
    # Every folder of tests that takes this fixture in has a copy of it: they meet in one place.
    base = tmp_path_factory.getbasetemp() / "videos"
    made = VideoRuns(str(base / "model"), str(base / "prior"))
    if not os.path.exists(made.prior):
        workflows.train(AUTOENCODER, TRAIN, made.model, validation_uri=HELD_OUT)
        workflows.train_prior(PRIOR, made.model, TRAIN, made.prior, validation_uri=HELD_OUT)
    return made
