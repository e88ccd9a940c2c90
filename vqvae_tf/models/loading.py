"""A training run's folder -> the model that was trained in it, whatever its family."""

import os
from typing import Any

from vqvae_tf import config as config_lib
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.models.audio import AudioVQVAE
from vqvae_tf.models.image import ImageVQVAE
from vqvae_tf.models.prior import Prior
from vqvae_tf.models.sequence_prior import SequencePrior
from vqvae_tf.models.trainable import TrainableModel
from vqvae_tf.models.two_level import TwoLevelVQVAE
from vqvae_tf.models.two_level_prior import TwoLevelPrior
from vqvae_tf.training import restore_weights, workdir

FAMILIES: dict[str, type[TrainableModel]] = {
    "image": ImageVQVAE,
    "two_level": TwoLevelVQVAE,
    "prior": Prior,
    "two_level_prior": TwoLevelPrior,
    "audio": AudioVQVAE,
    "sequence_prior": SequencePrior,
}


def build(family: str, config: Any) -> Any:
    """A new model of `family` from its configuration or a dictionary of it.

    Raises:
        UserError: for an unknown family; the nearest ones are shown.
    """
    if family not in FAMILIES:
        raise UserError(f'unknown family "{family}"; {nearest(family, FAMILIES)}')
    return FAMILIES[family](config)


def family_of(config: Any) -> str:
    """The family that a configuration is of."""
    return next(name for name, cls in FAMILIES.items() if type(config) is cls.config_class)


def record(config: Any, **more: Any) -> dict[str, Any]:
    """What `config.json` says of a run: its family, its configuration, and `more`."""
    return {"family": family_of(config), "config": config_lib.to_dict(config), **more}


def load(path: str) -> Any:
    """The model trained in the folder `path`, with its averaged weights where it has them.

    Args:
        path: a workdir of `vqvae-train` or `vqvae-train-prior`; any path of `tf.io.gfile`.

    Raises:
        UserError: if it is no such folder or holds no good checkpoint.
    """
    written = workdir.read(path)
    if not {"family", "config"} <= written.keys():
        raise UserError(f"{path}/config.json names no model; give the workdir of a training run")
    model = build(written["family"], written["config"])
    restore_weights(model, os.path.join(path, "checkpoints"))
    return model
