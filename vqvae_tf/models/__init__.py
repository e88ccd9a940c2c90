"""Keras models: autoencoders of a family, priors over their codes, and the registry of both."""

from vqvae_tf.models.audio_vqvae import AudioConfig, AudioVQVAE
from vqvae_tf.models.autoencoder import Autoencoder, AutoencoderConfig
from vqvae_tf.models.code_search import CodeSearch
from vqvae_tf.models.conditions import Condition
from vqvae_tf.models.image_model import ImageModel, ImageModelConfig
from vqvae_tf.models.image_vqvae import ImageConfig, ImageVQVAE
from vqvae_tf.models.prior import Prior, PriorConfig
from vqvae_tf.models.priors import (
    PixelCNNPrior,
    PixelCNNPriorConfig,
    TwoLevelPrior,
    TwoLevelPriorConfig,
    WaveNetPrior,
    WaveNetPriorConfig,
)
from vqvae_tf.models.quantizer_config import QuantizerConfig
from vqvae_tf.models.registry import (
    FAMILIES,
    build,
    family_of,
    is_prior,
    load,
    medium_for,
    priors_of,
    record,
    register,
)
from vqvae_tf.models.trainable_model import TrainableModel
from vqvae_tf.models.two_level_codes import join_levels, split_levels
from vqvae_tf.models.two_level_vqvae import TwoLevelConfig, TwoLevelVQVAE

__all__ = [
    "FAMILIES",
    "AudioConfig",
    "AudioVQVAE",
    "Autoencoder",
    "AutoencoderConfig",
    "CodeSearch",
    "Condition",
    "ImageConfig",
    "ImageModel",
    "ImageModelConfig",
    "ImageVQVAE",
    "PixelCNNPrior",
    "PixelCNNPriorConfig",
    "Prior",
    "PriorConfig",
    "QuantizerConfig",
    "TrainableModel",
    "TwoLevelConfig",
    "TwoLevelPrior",
    "TwoLevelPriorConfig",
    "TwoLevelVQVAE",
    "WaveNetPrior",
    "WaveNetPriorConfig",
    "build",
    "family_of",
    "is_prior",
    "join_levels",
    "load",
    "medium_for",
    "priors_of",
    "record",
    "register",
    "split_levels",
]
