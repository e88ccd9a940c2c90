"""Operations that differ between TensorFlow and the other Keras backends."""

from vqvae_tf.backend.choice import active

__all__ = ["active"]
