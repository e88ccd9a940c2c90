"""The compiled training step of a preset, without the loop around it, and pictures to feed it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.models import ImageModel
from vqvae_tf.presets import preset
from vqvae_tf.training import optimizers


def configuration(name: str, precision: str = "float32"):
    """A preset with another precision."""
    config = preset(name)
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, precision=precision)
    )


def training_step(
    model: ImageModel, make_optimizer: Callable[..., Any] = optimizers.build
) -> Callable[[dict[str, tf.Tensor]], dict[str, Any]]:
    """Forward, gradients, optimizer: what the training loop compiles, of a model for itself."""
    variables = model.trainable_variables
    optimizer = make_optimizer(model.config.training, variables)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            losses = model.compute_losses(batch, training=True)
        optimizer.apply(tape.gradient(losses["loss"], variables), variables)
        return losses

    return step


def batches(config, source: data.Source | None = None, **settings) -> tf.data.Dataset:
    """Training batches as the preset asks for, of the photographs inside installed packages."""
    return data.batches(
        source or data.open_source("embedded:photos"),
        config.data,
        config.training.batch_size,
        config.training.seed,
        **settings,
    )
