"""What differs between TensorFlow and Keras's other backends, in one place."""

from vqvae_tf.backend.choice import active

__all__ = ["active"]
