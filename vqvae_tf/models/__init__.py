"""Keras models: autoencoders of a family, priors over their codes, presets of both."""

from vqvae_tf.models.code_search import CodeSearch
from vqvae_tf.models.image import ImageConfig, ImageVQVAE
from vqvae_tf.models.loading import FAMILIES, build, family_of, load, record
from vqvae_tf.models.presets import PRESETS, preset
from vqvae_tf.models.prior import Prior, PriorConfig
from vqvae_tf.models.trainable import TrainableModel

__all__ = [
    "FAMILIES",
    "PRESETS",
    "CodeSearch",
    "ImageConfig",
    "ImageVQVAE",
    "Prior",
    "PriorConfig",
    "TrainableModel",
    "build",
    "family_of",
    "load",
    "preset",
    "record",
]
