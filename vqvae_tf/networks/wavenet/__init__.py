"""The WaveNet over sequences of codes or samples, and its cached sampler."""

from vqvae_tf.networks.wavenet.mu_law import mu_law_compand, mu_law_decode, mu_law_encode
from vqvae_tf.networks.wavenet.wavenet import WaveNet

__all__ = ["WaveNet", "mu_law_compand", "mu_law_decode", "mu_law_encode"]
