"""Writes golden checkpoints; README.md says when that is allowed.

python -m tests.golden.regenerate [NAME ...]
"""

import dataclasses
import pathlib
import shutil
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.models import cases
from vqvae_tf import models, training
from vqvae_tf.config import TrainingConfig
from vqvae_tf.training import workdir

FOLDER = pathlib.Path(__file__).parent
# Steps enough for codes that differ; with averages, so that these are stored as well.
TRAINING = TrainingConfig(
    steps=30,
    batch_size=4,
    learning_rate=0.01,
    weight_averaging=0.5,
    log_every=30,
    checkpoint_every=30,
)


def configs() -> dict[str, Any]:
    """A small configuration of each family, and one with quantizers inside quantizers."""
    found = {name: case.config for name, case in cases.FAMILIES.items()}
    found["image_of_composite_codes"] = dataclasses.replace(
        found["image"],
        embedding_dim=4,
        quantizer=models.QuantizerConfig(num_embeddings=(8,), stages=2, groups=2, code_dim=4),
    )
    found["video_of_space_time"] = dataclasses.replace(found["video"], form="space_time", window=3)
    found["pixelcnn_prior"] = dataclasses.replace(found["pixelcnn_prior"], dropout=0.1)
    return {name: dataclasses.replace(config, training=TRAINING) for name, config in found.items()}


def measured(model: Any, batch: dict[str, Any]) -> dict[str, np.ndarray]:
    """What a model makes of a batch."""
    found = {"bits": np.asarray(model.bits(batch)["total"])}
    if not isinstance(model, models.Prior):
        found["codes"] = np.asarray(model.encode(batch[model.data_key]))
    return found


def write(name: str, config: Any) -> None:
    """Trains the model called `name` and writes its folder."""
    folder = FOLDER / name
    if folder.exists():
        sys.exit(f"{folder} exists; README.md says when it may be removed")
    family = models.family_of(config)
    batch = cases.FAMILIES[family].batch()
    keras.utils.set_random_seed(0)
    model = models.build(family, config)
    workdir.prepare(str(folder), models.record(config, data="made by tests/golden/regenerate.py"))
    data = tf.data.Dataset.from_tensors(batch).repeat()
    training.train(model, lambda step: data, TRAINING, str(folder))
    expected = measured(models.load(str(folder)), batch)
    if len(np.unique(expected.get("codes", [0, 1, 2]))) < 3:
        sys.exit(f"{name} has too few codes in use to tell anything")
    np.savez(folder / "expected.npz", **expected, **{f"batch_{k}": v for k, v in batch.items()})
    for path in (".lock", "metrics.csv", "evaluation.json"):
        (folder / path).unlink()
    shutil.rmtree(folder / "tensorboard")
    print(name, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or configs():
        write(chosen, configs()[chosen])
