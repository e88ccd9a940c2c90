"""Families of priors, one per file."""

from vqvae_tf.models.priors.pixelcnn import PixelCNNPrior
from vqvae_tf.models.priors.two_level import TwoLevelPrior
from vqvae_tf.models.priors.video import VideoPrior
from vqvae_tf.models.priors.wavenet import WaveNetPrior

__all__ = ["PixelCNNPrior", "TwoLevelPrior", "VideoPrior", "WaveNetPrior"]
