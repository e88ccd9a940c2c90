"""The one place that chooses between TensorFlow and the other Keras backends."""

import keras

if keras.backend.backend() == "tensorflow":
    from vqvae_tf.backend import tensorflow_ops as active
else:
    from vqvae_tf.backend import portable_ops as active

__all__ = ["active"]
