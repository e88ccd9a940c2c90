"""Keras models: families of autoencoders and of priors, and the registry of both."""

from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.config.autoencoder import AutoencoderConfig
from vqvae_tf.config.image import ImageConfig, ImageModelConfig
from vqvae_tf.config.pixelcnn_prior import PixelCNNPriorConfig
from vqvae_tf.config.prior import PriorConfig
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.two_level import TwoLevelConfig, TwoLevelPriorConfig
from vqvae_tf.config.video import VideoConfig
from vqvae_tf.config.video_prior import VideoPriorConfig
from vqvae_tf.config.wavenet_prior import WaveNetPriorConfig
from vqvae_tf.models.audio_vqvae import AudioVQVAE
from vqvae_tf.models.autoencoder import Autoencoder
from vqvae_tf.models.code_search import CodeSearch
from vqvae_tf.models.conditions import Condition
from vqvae_tf.models.image_model import ImageModel
from vqvae_tf.models.image_vqvae import ImageVQVAE
from vqvae_tf.models.prior import Prior
from vqvae_tf.models.priors import PixelCNNPrior, TwoLevelPrior, VideoPrior, WaveNetPrior
from vqvae_tf.models.registry import (
    FAMILIES,
    build,
    family_of,
    load,
    medium_for,
    priors_of,
    record,
    register,
)
from vqvae_tf.models.trainable_model import TrainableModel
from vqvae_tf.models.two_level_codes import join_levels, split_levels
from vqvae_tf.models.two_level_vqvae import TwoLevelVQVAE
from vqvae_tf.models.video_vqvae import VideoVQVAE

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
    "VideoConfig",
    "VideoPrior",
    "VideoPriorConfig",
    "VideoVQVAE",
    "WaveNetPrior",
    "WaveNetPriorConfig",
    "build",
    "family_of",
    "join_levels",
    "load",
    "medium_for",
    "priors_of",
    "record",
    "register",
    "split_levels",
]
