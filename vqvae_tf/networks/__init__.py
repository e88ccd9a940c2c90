"""Networks around the quantizers: encoders, decoders, and priors over codes."""

from vqvae_tf.networks.convolutional import Decoder
from vqvae_tf.networks.convolutional import Encoder
from vqvae_tf.networks.convolutional import ResidualStack
from vqvae_tf.networks.pixelcnn import PixelCNN

__all__ = ["Decoder", "Encoder", "PixelCNN", "ResidualStack"]
