"""Networks around the quantizers: encoders, decoders, and priors over codes."""

from vqvae_tf.networks.convolutional import Decoder, Encoder, ResidualStack
from vqvae_tf.networks.pixelcnn import PixelCNN

__all__ = ["Decoder", "Encoder", "PixelCNN", "ResidualStack"]
