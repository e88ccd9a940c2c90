"""Networks: encoders, decoders, and priors over codes."""

from vqvae_tf.networks.convolutional import Decoder, Encoder, ResidualStack
from vqvae_tf.networks.frame_decoder import FrameDecoder
from vqvae_tf.networks.pixelcnn import PixelCNN
from vqvae_tf.networks.spectra import Spectra
from vqvae_tf.networks.wavenet import WaveNet, mu_law_compand, mu_law_decode, mu_law_encode

__all__ = [
    "Decoder",
    "Encoder",
    "FrameDecoder",
    "PixelCNN",
    "ResidualStack",
    "Spectra",
    "WaveNet",
    "mu_law_compand",
    "mu_law_decode",
    "mu_law_encode",
]
