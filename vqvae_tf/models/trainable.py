"""What every model of the library offers to the training loop and to Keras's own `fit`."""

import abc
import dataclasses

import keras
import tensorflow as tf

from vqvae_tf import config as config_lib
from vqvae_tf.layers import Quantizer, forget_revived, idle_codebooks


class TrainableModel(keras.Model):
    """A Keras model that is built from a frozen configuration and knows its own losses.

    A family says what its losses are in `compute_losses`; the library's loop trains it from
    there, and so does `compile(optimizer=...)` with `fit` on a data set of batches.

    Args:
        config: an instance of `config_class`, or a dictionary of one.
    """

    config_class: type
    data_key: str  # of the batch's main tensor

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        if not dataclasses.is_dataclass(config):
            config = config_lib.from_dict(self.config_class, config)
        self.config = config

    def _report(self, names):
        """Sets up the means of the losses `names` that `fit` shows; the last act of `__init__`."""
        self._loss_means = [keras.metrics.Mean(name=name) for name in names]

    @abc.abstractmethod
    def compute_losses(self, batch: dict, training: bool = False) -> dict:
        """Scalars by name; `loss` is the one to minimise."""

    @property
    def averaged_variables(self) -> list:
        """Weights that weight averaging covers: all that are trained but codebooks.

        A code is where its vectors are now; the decoder sees the codebook of the moment.
        """
        codebooks = {
            id(variable)
            for layer in self._flatten_layers()
            if isinstance(layer, Quantizer)
            for variable in layer.variables
        }
        return [variable for variable in self.trainable_variables if id(variable) not in codebooks]

    def before_update(self, optimizer):
        """What a training step does between its gradients and the optimizer's step."""
        forget_revived(self, optimizer)

    def warnings(self) -> list[str]:
        """Lines that a training log should show: codebooks that lie idle."""
        return idle_codebooks(self)

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            losses = self.compute_losses(self._as_batch(batch), training=True)
            # Gradients are summed over replicas; scaled so, their sum is the mean.
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            loss = self.optimizer.scale_loss(losses["loss"] / replicas)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.before_update(self.optimizer)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self._logged(losses)

    def test_step(self, batch):
        return self._logged(self.compute_losses(self._as_batch(batch), training=False))

    @property
    def metrics(self):
        return self._loss_means

    def _as_batch(self, data):
        """Batches are dictionaries; a bare tensor (or the first of a tuple) is the main one."""
        if isinstance(data, (tuple, list)):
            data = data[0]
        return data if isinstance(data, dict) else {self.data_key: data}

    def _logged(self, losses):
        """Means over the epoch and over the replicas, which sum these metrics' variables."""
        for metric in self._loss_means:
            metric.update_state(losses[metric.name])
        return {metric.name: metric.result() for metric in self._loss_means}

    def get_config(self):
        return {"name": self.name, "config": config_lib.to_dict(self.config)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)
