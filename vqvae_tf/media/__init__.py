"""Media: pictures and sounds, and how they are opened, batched, measured, shown and written."""

from vqvae_tf.media.audio import AudioMedium
from vqvae_tf.media.medium import Medium
from vqvae_tf.media.registry import medium_of

__all__ = ["AudioMedium", "Medium", "medium_of"]
