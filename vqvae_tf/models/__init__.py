"""Keras models: autoencoders of a family, priors over their codes, presets of both."""

from vqvae_tf.models.audio import AudioConfig, AudioVQVAE
from vqvae_tf.models.autoencoder import AutoencoderConfig
from vqvae_tf.models.code_search import CodeSearch
from vqvae_tf.models.image import ImageConfig, ImageVQVAE
from vqvae_tf.models.image_model import ImageModel, ImageModelConfig
from vqvae_tf.models.loading import FAMILIES, build, family_of, load, record
from vqvae_tf.models.presets import PRESETS, preset
from vqvae_tf.models.prior import Prior, PriorConfig
from vqvae_tf.models.sequence_prior import SequencePrior, SequencePriorConfig
from vqvae_tf.models.trainable import TrainableModel
from vqvae_tf.models.two_level import TwoLevelConfig, TwoLevelVQVAE
from vqvae_tf.models.two_level_prior import (
    TwoLevelPrior,
    TwoLevelPriorConfig,
    join_levels,
    split_levels,
)

__all__ = [
    "FAMILIES",
    "PRESETS",
    "AudioConfig",
    "AudioVQVAE",
    "AutoencoderConfig",
    "CodeSearch",
    "ImageConfig",
    "ImageModel",
    "ImageModelConfig",
    "ImageVQVAE",
    "Prior",
    "PriorConfig",
    "SequencePrior",
    "SequencePriorConfig",
    "TrainableModel",
    "TwoLevelConfig",
    "TwoLevelPrior",
    "TwoLevelPriorConfig",
    "TwoLevelVQVAE",
    "build",
    "family_of",
    "join_levels",
    "load",
    "preset",
    "record",
    "split_levels",
]
