"""One small autoencoder and one small prior, trained once a process, for tests of whole jobs."""

import os
import pathlib
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from vqvae_tf import models, workflows, written_files
from vqvae_tf.config import DataConfig, TrainingConfig

TRAINING = TrainingConfig(
    steps=20, batch_size=4, learning_rate=0.01, log_every=10, checkpoint_every=10
)
AUTOENCODER = models.ImageConfig(
    widths=(4, 8),
    residual_width=4,
    embedding_dim=2,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    data=DataConfig(image_size=16),
    training=TRAINING,
)
GROUPED = {  # changes of AUTOENCODER: three codes per place, of one codebook
    "embedding_dim": 6,
    "quantizer": models.QuantizerConfig(num_embeddings=(16,), groups=3, shared_codebook=True),
}
PRIOR = models.PixelCNNPriorConfig(
    channels=8, layers=2, head_width=8, num_classes=1, grid=4, training=TRAINING
)


class Runs(NamedTuple):
    """What was trained; tests that change a folder change a copy of it.

    Attributes:
        pictures: folder of four pictures in the sub-folders `dunes` and `waves`.
        uri: the same as a data URI.
        model: workdir of the autoencoder.
        prior: workdir of the prior.
    """

    pictures: str
    uri: str
    model: str
    prior: str


def picture(height: int, width: int, seed: int = 0, channels: int = 3) -> np.ndarray:
    """Smooth stripes with a little noise, uint8 `[height, width, channels]`."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None] / 16.0
    slopes, phases = draws.uniform(-3, 3, [2, channels]), draws.uniform(0, 6, channels)
    waves = 127.5 + 100 * np.sin(slopes[0] * y + slopes[1] * x + phases)
    return np.clip(waves + draws.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def results_in(folder: str | os.PathLike) -> list[str]:
    """The names of the results in a folder: of all files but the list of them."""
    return sorted(name for name in os.listdir(folder) if name != written_files.LIST)


def write_pictures(folder: pathlib.Path) -> None:
    """Two classes of two pictures each, of sizes that the strides don't divide."""
    sizes = {"dunes/a": (24, 32), "dunes/b": (27, 33), "waves/a": (25, 30), "waves/b": (32, 24)}
    for seed, (name, (height, width)) in enumerate(sizes.items()):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(height, width, seed)).save(path)


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Runs:
    # Every folder of tests that takes this fixture in has a copy of it: they meet in one place.
    base = tmp_path_factory.getbasetemp() / "runs"
    made = Runs(
        str(base / "pictures"),
        f"folder:{base / 'pictures'}",
        str(base / "model[1]"),  # a path is no pattern
        str(base / "prior"),
    )
    if not os.path.exists(made.prior):
        write_pictures(base / "pictures")
        workflows.train(AUTOENCODER, made.uri, made.model)
        workflows.train_prior(PRIOR, made.model, made.uri, made.prior)
    return made
