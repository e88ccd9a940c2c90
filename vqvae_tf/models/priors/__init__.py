"""Families of priors, a file each."""

from vqvae_tf.models.priors.pixelcnn import PixelCNNPrior, PixelCNNPriorConfig
from vqvae_tf.models.priors.two_level import TwoLevelPrior, TwoLevelPriorConfig
from vqvae_tf.models.priors.wavenet import WaveNetPrior, WaveNetPriorConfig

__all__ = [
    "PixelCNNPrior",
    "PixelCNNPriorConfig",
    "TwoLevelPrior",
    "TwoLevelPriorConfig",
    "WaveNetPrior",
    "WaveNetPriorConfig",
]
