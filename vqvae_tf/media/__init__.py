"""Media: pictures, videos, sounds; how they are opened, batched, measured and written."""

from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.media.medium import Medium
from vqvae_tf.media.registry import medium_of
from vqvae_tf.media.video import VideoMedium

__all__ = ["AudioMedium", "Medium", "VideoMedium", "medium_of"]
