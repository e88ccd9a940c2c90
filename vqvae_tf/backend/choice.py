"""Chooses the operations of the Keras backend."""

from types import ModuleType

import keras

active: ModuleType
if keras.backend.backend() == "tensorflow":
    from vqvae_tf.backend import tensorflow_ops

    active = tensorflow_ops
else:
    from vqvae_tf.backend import portable_ops

    active = portable_ops

__all__ = ["active"]
