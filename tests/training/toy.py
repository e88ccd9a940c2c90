"""A model and its data, small enough to train in a test and with all that the loop must carry."""

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf.summaries import Summaries

SIDE = 4


@keras.saving.register_keras_serializable("tests")
class ToyModel(keras.Model):
    """A linear autoencoder with noise, a running mean, and a weight that is not averaged."""

    def __init__(self, seed=0):
        super().__init__()
        self.hidden = keras.layers.Dense(
            8, activation="tanh", kernel_initializer=_glorot(seed), name="hidden"
        )
        self.output_layer = keras.layers.Dense(
            SIDE * SIDE, kernel_initializer=_glorot(seed + 1), name="output"
        )
        self.noise = keras.random.SeedGenerator(seed, name="noise")
        self.code = self.add_weight(shape=(8,), initializer="zeros", name="code")
        self.seen = self.add_weight(
            shape=(), initializer="zeros", trainable=False, aggregation="mean", name="seen"
        )
        self.hidden.build((None, SIDE * SIDE))
        self.output_layer.build((None, 8))
        self.built = True

    @property
    def averaged_variables(self):
        return [variable for variable in self.trainable_variables if variable is not self.code]

    def compute_losses(self, batch, training=False):
        x = tf.cast(batch["image"], tf.float32) / 255.0 - 0.5
        x = tf.reshape(x, [-1, SIDE * SIDE])
        if training:
            # One draw for all examples, so that replicas see what one device sees.
            x = x + 0.01 * keras.random.normal([1, SIDE * SIDE], seed=self.noise)
            self.seen.assign_add(tf.reduce_mean(x))
        outputs = self.output_layer(self.hidden(x) + self.code)
        reconstruction = tf.reduce_mean(tf.math.squared_difference(outputs, x))
        penalty = 1e-3 * tf.reduce_sum(tf.square(self.code))
        return {
            "loss": reconstruction + penalty,
            "reconstruction": reconstruction,
            "penalty": penalty,
        }

    def before_update(self, optimizer):
        """Nothing to be done."""

    def warnings(self):
        return []

    def summaries(self, batch):
        return Summaries(images={"inputs": batch["image"]}, histograms={"code": self.code.value})


def make_dataset(batch_size=8, broken_at=None):
    """Batches that depend on their step only; pixels of step `broken_at` make the loss NaN."""

    def batch(step):
        size = [batch_size, SIDE, SIDE, 1]
        image = tf.random.stateless_uniform(size, [7, step], 0, 256, tf.int32)
        image = tf.cast(image, tf.float32) if broken_at is not None else tf.cast(image, tf.uint8)
        if broken_at is not None:
            image = tf.where(step + 1 == broken_at, np.nan, image)
        return {"image": image}

    return lambda start: tf.data.Dataset.counter(start).map(batch)


def state(model):
    """All variables of a model, by order."""
    return [variable.numpy() for variable in model.variables]


def _glorot(seed):
    return keras.initializers.GlorotUniform(seed=seed)
