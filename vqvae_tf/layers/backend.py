"""The one place where the layers choose between TensorFlow and the other Keras backends."""

import keras

if keras.backend.backend() == "tensorflow":
    from vqvae_tf.layers import tensorflow_ops as active
else:
    from vqvae_tf.layers import portable_ops as active

__all__ = ["active"]
