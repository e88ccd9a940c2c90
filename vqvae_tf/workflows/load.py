"""Loads trained models: an autoencoder, or a prior with the autoencoder of its codes."""

import hashlib
import os
from typing import Any

import keras

from vqvae_tf import config, models
from vqvae_tf.errors import UserError
from vqvae_tf.training import workdir
from vqvae_tf.workflows import prior_files

_HOLDS_A_PRIOR = "{} holds a prior; --model takes the autoencoder's workdir"


def load_autoencoder(path: str) -> Any:
    """The autoencoder in a workdir.

    Raises:
        UserError: if it cannot be loaded, or holds a prior.
    """
    model = models.load(path)
    if isinstance(model, models.Prior):
        raise UserError(_HOLDS_A_PRIOR.format(path))
    return model


def autoencoder_config(path: str) -> Any:
    """The configuration of the autoencoder in a workdir, whose weights are not read.

    Raises:
        UserError: if it is not the workdir of a model, or that of a prior.
    """
    written = workdir.read(path)
    family = models.FAMILIES.get(written.get("family", ""))
    if family is None:
        raise UserError(f"{path} holds no model of a known family; give another workdir")
    if issubclass(family, models.Prior):
        raise UserError(_HOLDS_A_PRIOR.format(path))
    return config.from_dict(family.config_class, written.get("config", {}))


def load_pair(path: str, expected: models.TrainableModel | None = None) -> tuple[models.Prior, Any]:
    """The prior in the workdir `path` and the autoencoder whose codes it models.

    Args:
        path: the prior's workdir.
        expected: an autoencoder that must have the same codebook.

    Raises:
        UserError: if it is not the workdir of a prior, or a codebook differs from that of training.
    """
    written = workdir.read(path)
    prior = models.load(path)
    if not isinstance(prior, models.Prior):
        raise UserError(f"{path} holds no prior but a model of family {written['family']}")
    prior_files.check_model(path)
    autoencoder = models.load(os.path.join(path, prior_files.MODEL_FOLDER))
    for model, where in ((autoencoder, "the model in its workdir"), (expected, "the given model")):
        if model is not None and digest(model) != written.get("codebook"):
            raise UserError(
                f"the prior in {path} was trained on another codebook than that of {where}; "
                "train a prior on this model"
            )
    return prior, autoencoder


def class_names(path: str) -> list[str]:
    """Names of the classes of the prior in a workdir, by number; empty if it has none.

    Raises:
        UserError: if it is not a workdir.
    """
    return workdir.read(path).get("class_names", [])


def digest(autoencoder: Any) -> str:
    """Identifies the model that codes belong to: a hash of its weights."""
    found = hashlib.sha256()
    for variable in autoencoder.variables:
        found.update(keras.ops.convert_to_numpy(variable).tobytes())
    return found.hexdigest()[:16]
