"""Random numbers of a training step, the same on one replica and on many."""

from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.backend import tensorflow_ops


@keras.saving.register_keras_serializable("vqvae_tf")
class RowNoise(keras.layers.Layer):
    """Uniform numbers by (seed, step, global row), as a layer that counts its steps.

    A row of the batch gets the same numbers however the batch is spread over replicas, and a run
    that is resumed goes on with the numbers that it would have had.

    Args:
        seed: of all draws.

    >>> noise = RowNoise(seed=1)
    >>> first, second = noise.draw(count=4), noise.draw(count=4)
    >>> first.shape, bool(tf.reduce_any(first == second))
    (TensorShape([4, 1]), False)
    """

    def __init__(self, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.seed = arguments.whole("seed", seed, 0)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int32", trainable=False
        )
        self.built = True

    def draw(self, count: Any, width: int = 1) -> tf.Tensor:
        """The numbers of the next step.

        Args:
            count: rows of this replica, an integer or a scalar.
            width: numbers of a row.

        Returns:
            float32 `[count, width]` in (0, 1).
        """
        count = tf.convert_to_tensor(count)
        before, _ = tensorflow_ops.rows_before(count)
        numbers = tensorflow_ops.uniform_rows(self.seed, self.step.value, before, count, width)
        self.step.assign(self.step + 1)
        return numbers

    def get_config(self):
        return super().get_config() | {"seed": self.seed}
