"""Adam as a `TrainingConfig` asks for it: schedule, warm-up, loss scaling, averaged weights."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from vqvae_tf.config import TrainingConfig


def schedule(config: TrainingConfig) -> keras.optimizers.schedules.CosineDecay:
    """The learning rate by the number of updates made: a warm-up from 0, then constant or a cosine.

    >>> config = TrainingConfig(
    ...     steps=110, learning_rate=0.1, schedule="cosine", warmup_steps=10,
    ...     final_learning_rate=0.2)
    >>> [round(float(schedule(config)(step)), 3) for step in (0, 5, 10, 60, 110, 500)]
    [0.0, 0.05, 0.1, 0.06, 0.02, 0.02]
    """
    rate, warmup = config.learning_rate, config.warmup_steps
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=max(config.steps - warmup, 1),
        # A cosine that ends where it begins is constant.
        alpha=config.final_learning_rate if config.schedule == "cosine" else 1.0,
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


@keras.saving.register_keras_serializable("vqvae_tf")
class Adam(keras.optimizers.Adam):
    """Keras's Adam without its options, as one operation per weight instead of twenty.

    Formula and state are the same. It relies on private names of Keras, which a test checks, for
    the sake of models with many small weights: it takes 3 % off the CPU time of a step of `photos`,
    8 % off one of `photos_two_level` and 1 % off one of `sonnet` (`benchmarks/image_step.py`).
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        updates = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**updates,
            beta2_power=beta_2**updates,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.convert_to_tensor(gradient),
        )


def build(config: TrainingConfig, variables: Sequence[Any]) -> keras.optimizers.Optimizer:
    """The optimizer of a run, with its slots made; call it in the strategy's scope.

    Clipping is not among its options, since Keras clips each replica's gradient before the sum
    over replicas: the training step clips the sum instead.

    Args:
        config: what to build.
        variables: the model's trainable variables.
    """
    # Named, since checkpoints know its variables by their paths.
    optimizer: keras.optimizers.Optimizer = Adam(
        schedule(config), beta_2=config.beta_2, name="adam"
    )
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale")
    optimizer.build(variables)
    return optimizer


class WeightAverage:
    """Exponential moving averages of weights, kept in addition to the weights.

    The decay starts low, (1 + n) / (10 + n) after n updates, so that the averages leave the
    initial weights behind. Codebooks that follow their data by statistics of their own are not
    averaged: whoever lists `variables` leaves them out.

    Args:
        variables: Keras variables to average.
        decay: weight of the past, such as 0.999.

    Attributes:
        variables: what is averaged.
        averages: the averages of each, a list of `tf.Variable`s.
    """

    def __init__(self, variables: Sequence[Any], decay: float):
        self.variables = tuple(variables)
        self._decay = decay
        self.averages = [
            tf.Variable(tf.convert_to_tensor(variable), trainable=False)
            for variable in self.variables
        ]

    def update(self, updates: tf.Tensor) -> None:
        """Follows the weights; `updates` is how many came before. Runs in replica context."""
        updates = tf.cast(updates, tf.float32)
        share = 1.0 - tf.minimum(self._decay, (1.0 + updates) / (10.0 + updates))
        for average, variable in zip(self.averages, self.variables, strict=True):
            average.assign_add(tf.cast(share, average.dtype) * (variable - average))

    def assign_to_weights(self) -> None:
        """Puts the averages in the weights' place for good."""
        for average, variable in zip(self.averages, self.variables, strict=True):
            variable.assign(tf.convert_to_tensor(average))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Puts the averages in the weights' place while the context lasts."""
        current = [tf.identity(variable) for variable in self.variables]
        self.assign_to_weights()
        try:
            yield
        finally:
            for variable, value in zip(self.variables, current, strict=True):
                variable.assign(value)
