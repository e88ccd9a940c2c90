"""The gated PixelCNN over grids of codes, and its cached sampler."""

from vqvae_tf.networks.pixelcnn.pixelcnn import PixelCNN

__all__ = ["PixelCNN"]
