"""Networks: encoders, decoders, and priors over codes."""

from vqvae_tf.networks.convolutional import Decoder, Encoder, ResidualStack
from vqvae_tf.networks.pixelcnn import PixelCNN
from vqvae_tf.networks.wavenet import WaveNet, mu_law_decode, mu_law_encode

__all__ = [
    "Decoder",
    "Encoder",
    "PixelCNN",
    "ResidualStack",
    "WaveNet",
    "mu_law_decode",
    "mu_law_encode",
]
