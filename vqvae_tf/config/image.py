"""Configurations of models of pictures."""

import dataclasses

from vqvae_tf.config.pixels import PixelModelConfig
from vqvae_tf.config.training import DataConfig


@dataclasses.dataclass(frozen=True)
class ImageModelConfig(PixelModelConfig):
    """Fields of all image models; `config.json` holds the configuration of a family.

    Attributes, in addition to those of `PixelModelConfig`:
        data: how training tiles are cut.
    """

    data: DataConfig = DataConfig()


@dataclasses.dataclass(frozen=True)
class ImageConfig(ImageModelConfig):
    """Configuration of an image VQ-VAE and its training; stored in `config.json`."""
