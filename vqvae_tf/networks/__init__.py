"""Networks around the quantizers: encoders, decoders, and priors over codes."""

from vqvae_tf.networks.convolutional import Decoder, Encoder, ResidualStack
from vqvae_tf.networks.mu_law import mu_law_decode, mu_law_encode
from vqvae_tf.networks.pixelcnn import PixelCNN
from vqvae_tf.networks.wavenet import WaveNet

__all__ = [
    "Decoder",
    "Encoder",
    "PixelCNN",
    "ResidualStack",
    "WaveNet",
    "mu_law_decode",
    "mu_law_encode",
]
