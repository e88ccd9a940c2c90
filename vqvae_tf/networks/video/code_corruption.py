"""Changes some codes at random, as input in training: in a roll-out the codes are sampled."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf.networks.row_noise import RowNoise

_NEIGHBOURS = 8  # of a code, one of which takes its place


@keras.saving.register_keras_serializable("vqvae_tf")
class CodeCorruption(keras.layers.Layer):
    """Replaces a share of the codes of each example, drawn from 0 to `rate`.

    Half of the new codes are drawn from all, half from the nearest ones, set by `load`.

    Args:
        size: number of codes.
        rate: largest share.
        seed: of all draws, as of `RowNoise`.

    Call arguments:
        codes: int32 `[batch, time, height, width, slots]`.
        first: number of the first frame that is changed.

    >>> codes = tf.zeros([2, 3, 4, 5, 1], tf.int32)
    >>> changed = CodeCorruption(size=16, rate=0.9, seed=0)(codes, first=1)
    >>> changed.shape.as_list(), int(tf.reduce_max(changed[:, 0]))
    ([2, 3, 4, 5, 1], 0)
    """

    def __init__(self, size: int, rate: float, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.size, self.rate, self.seed = size, rate, seed
        self.noise = RowNoise(seed, name="corruption_noise")
        self.neighbours = self.add_weight(
            shape=(size, min(_NEIGHBOURS, size)),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name="neighbours",
        )
        self.built = True

    def call(self, codes, first):
        shape, each = tf.shape(codes), int(np.prod(codes.shape[1:]))
        numbers = self.noise.draw(shape[0], 1 + 2 * each)
        rate = tf.reshape(self.rate * numbers[:, 0], [-1, 1, 1, 1, 1])
        where, which = (tf.reshape(part, shape) for part in tf.split(numbers[:, 1:], 2, axis=1))
        any_code = tf.cast(which * self.size, tf.int32)
        number = tf.cast(which * self.neighbours.shape[1], tf.int32)
        near = tf.gather(tf.convert_to_tensor(self.neighbours), codes)
        near = tf.gather(near, number, batch_dims=5)
        changed = tf.where(where < rate / 2, any_code, tf.where(where < rate, near, codes))
        return tf.where(tf.range(codes.shape[1])[:, None, None, None] < first, codes, changed)

    def load(self, distances: Any) -> None:
        """Sets the nearest codes from the distances `[size, size]` between all."""
        order = np.argsort(distances, axis=1, kind="stable")
        self.neighbours.assign(order[:, : self.neighbours.shape[1]])

    def get_config(self):
        return super().get_config() | {"size": self.size, "rate": self.rate, "seed": self.seed}
