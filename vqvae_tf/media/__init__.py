"""Media: how pictures, sounds and others are opened, batched, measured, shown and written."""

from vqvae_tf.media.medium import Medium
from vqvae_tf.media.registry import medium_of

__all__ = ["Medium", "medium_of"]
