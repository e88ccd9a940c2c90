"""Families of models by name: registered, built from a configuration, loaded from a workdir."""

import os
from typing import Any

from vqvae_tf import config as config_lib
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.models.audio_vqvae import AudioVQVAE
from vqvae_tf.models.image_vqvae import ImageVQVAE
from vqvae_tf.models.prior import Prior
from vqvae_tf.models.priors import PixelCNNPrior, TwoLevelPrior, VideoPrior, WaveNetPrior
from vqvae_tf.models.trainable_model import TrainableModel
from vqvae_tf.models.two_level_vqvae import TwoLevelVQVAE
from vqvae_tf.models.video_vqvae import VideoVQVAE
from vqvae_tf.training import restore_weights, workdir

FAMILIES: dict[str, type[TrainableModel]] = {}
_MEDIA: dict[str, Any] = {}  # media of families from outside, by the key of their batches


def register(name: str, model_class: type[TrainableModel], medium: Any = None) -> None:
    """Registers a family under `name`, so that programs can train, load and export it.

    Args:
        name: its name in `config.json`.
        model_class: a final class that derives from `Autoencoder` or `Prior`, with a
            `config_class` that no other family has.
        medium: a `vqvae_tf.media.Medium` for the key of its batches, if the library has none.

    Raises:
        UserError: if the name or the configuration already belongs to another family.
    """
    if name in FAMILIES and FAMILIES[name] is not model_class:
        raise UserError(f'family "{name}" is already registered, as {FAMILIES[name].__name__}')
    for known, family in FAMILIES.items():
        if known != name and family.config_class is model_class.config_class:
            raise UserError(
                f"{model_class.config_class.__name__} is already the configuration of family "
                f'"{known}"; give family "{name}" another one'
            )
    FAMILIES[name] = model_class
    if medium is not None:
        _MEDIA[model_class.data_key] = medium


def medium_for(data_key: str) -> Any:
    """The medium that a family was registered with, or None."""
    return _MEDIA.get(data_key)


for _name, _family in (
    ("image", ImageVQVAE),
    ("two_level", TwoLevelVQVAE),
    ("audio", AudioVQVAE),
    ("video", VideoVQVAE),
    ("pixelcnn_prior", PixelCNNPrior),
    ("two_level_prior", TwoLevelPrior),
    ("wavenet_prior", WaveNetPrior),
    ("video_prior", VideoPrior),
):
    register(_name, _family)


def build(family: str, config: Any) -> Any:
    """A new model of `family` from its configuration or a dictionary of it.

    Raises:
        UserError: for an unknown family; the message suggests the nearest ones.
    """
    if family not in FAMILIES:
        raise UserError(f'unknown family "{family}"; {nearest(family, FAMILIES)}')
    return FAMILIES[family](config)


def family_of(config: Any) -> str:
    """The name of the family that a configuration belongs to.

    Raises:
        UserError: if no registered family has such a configuration.
    """
    for name, model_class in FAMILIES.items():
        if type(config) is model_class.config_class:
            return name
    raise UserError(
        f"no family has the configuration {type(config).__name__}; register it by "
        "vqvae_tf.models.register(name, model_class)"
    )


def priors_of(grid_rank: int) -> list[str]:
    """Names of the families of priors over grids of rank `grid_rank`."""
    return [
        name
        for name, family in FAMILIES.items()
        if issubclass(family, Prior) and family.grid_rank == grid_rank
    ]


def record(config: Any, **more: Any) -> dict[str, Any]:
    """The content of a run's `config.json`: its family, its configuration, and `more`."""
    return {"family": family_of(config), "config": config_lib.to_dict(config), **more}


def load(path: str) -> Any:
    """The model trained in the folder `path`, with averaged weights if it has them.

    Args:
        path: a workdir of `vqvae-train` or `vqvae-train-prior`; any path of `tf.io.gfile`.

    Raises:
        UserError: if it is not a workdir or has no valid checkpoint.
    """
    written = workdir.read(path)
    if not {"family", "config"} <= written.keys():
        raise UserError(f"{path}/config.json names no model; give the workdir of a training run")
    model = build(written["family"], written["config"])
    restore_weights(model, os.path.join(path, "checkpoints"))
    return model
