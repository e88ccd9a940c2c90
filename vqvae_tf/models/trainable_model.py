"""The base class of all models: the interface of the training loop and of Keras's `fit`."""

import abc
import contextlib
import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf import config as config_lib
from vqvae_tf.errors import UserError, shown
from vqvae_tf.layers import Quantizer, forget_revived, idle_codebooks
from vqvae_tf.models import checks, fit_data


class TrainableModel(keras.Model):
    """A Keras model that is built from a frozen configuration and computes its losses itself.

    A family defines its inputs in `takes`, its networks in `_make_networks` and its losses in
    `compute_losses`. It can then be trained by the library's loop, and by
    `compile(optimizer=...)` with `fit`. Batches are dictionaries with the keys of `takes`, or the
    data alone. All arguments of methods are checked first.

    The initial weights depend on `config.training.seed` only, not on earlier draws.

    Args:
        config: an instance of `config_class`, or a dictionary of one.
        name, trainable: as in any Keras model.
    """

    config_class: type
    data_key: str  # key of a batch's main tensor, the first of `takes`

    def __init__(self, config, *, name: str | None = None, trainable: bool = True):
        if keras.backend.backend() != "tensorflow":
            raise UserError(
                f"{type(self).__name__} needs the TensorFlow backend, and KERAS_BACKEND is "
                f'"{keras.backend.backend()}": unset it, or build on vqvae_tf.layers, which run '
                "there too"
            )
        if not isinstance(config, self.config_class):
            if dataclasses.is_dataclass(config) and not isinstance(config, type):
                raise UserError(
                    f"{type(self).__name__} takes a configuration of the class "
                    f"{self.config_class.__name__}, or a dictionary of one; received "
                    f"{shown(config)}: take the model of that configuration"
                )
            config = config_lib.from_dict(self.config_class, config)
        # autocast=False: Keras would round the data.
        super().__init__(
            name=name, trainable=trainable, dtype=config.training.precision, autocast=False
        )
        self.config = config
        with _drawing_from(config.training.seed):
            self._make_networks()
        self.built = True

    @abc.abstractmethod
    def _make_networks(self) -> None:
        """Makes and builds the networks.

        Then a checkpoint can be restored, and `fit` finds all variables.
        """

    def _report(self, names):
        """Creates the metrics of the losses `names`, which `fit` shows."""
        self._loss_means = [keras.metrics.Mean(name=name, dtype="float32") for name in names]

    @property
    @abc.abstractmethod
    def takes(self) -> dict[str, checks.Input]:
        """The inputs of the model by their keys in a batch: the data first, then conditions."""

    @property
    def unused(self) -> tuple[str, ...]:
        """Keys that a batch may have and that the model ignores."""
        return ()

    def check_batch(
        self, batch: Any, in_pipeline: bool = False, symbolic: bool = False
    ) -> dict[str, Any]:
        """A batch, or the data alone, as a dictionary of tensors.

        Args:
            batch: as above, or in a tuple of one, as Keras passes it.
            in_pipeline: whether this is inside `tf.data.Dataset.map`.
            symbolic: whether symbolic inputs of functional models are taken.

        Raises:
            UserError: for a key, a type, a shape or a value that the model cannot take.
        """
        return checks.check_batch(self.takes, batch, self.unused, in_pipeline, symbolic)

    @abc.abstractmethod
    def compute_losses(self, batch: dict, training: bool = False) -> dict:
        """Scalars by name; `loss` is the one to minimise."""

    @property
    def averaged_variables(self) -> list:
        """Weights to which weight averaging applies: all trained weights except codebooks.

        A code follows its current vectors, and the decoder is trained with the current codebook.
        """
        codebooks = {
            id(variable)
            for layer in self._flatten_layers()
            if isinstance(layer, Quantizer)
            for variable in layer.variables
        }
        return [variable for variable in self.trainable_variables if id(variable) not in codebooks]

    def before_update(self, optimizer):
        """Called in a training step between the gradients and the optimizer's step."""
        forget_revived(self, optimizer)

    def warnings(self) -> list[str]:
        """Warnings for the training log: codebooks that are mostly unused."""
        return idle_codebooks(self)

    def __call__(self, data, conditions=None, *, training=None, **more_conditions):
        """Calls the model with data and conditions by name, or with a batch of both."""
        # Checked here and not in `call`, whose errors Keras expands to many lines.
        if not isinstance(data, Mapping):
            data = {self.data_key: data, **(conditions or {}), **more_conditions}
        batch = self.check_batch(data, symbolic=True)
        data = batch.pop(self.data_key)
        options: dict[str, Any] = {"conditions": batch} if batch else {}
        if training is not None:  # else Keras takes the value of the outer model
            options["training"] = arguments.flag("training", training)
        return super().__call__(data, **options)

    def _add_losses(self, losses):
        """Adds the losses of a call, for models that contain this one."""
        # To a quantizer, which keeps the losses of replicas separate.
        quantizer = next(each for each in self._flatten_layers() if isinstance(each, Quantizer))
        for loss in losses.values():
            quantizer.add_loss(loss)

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **options,
    ):
        """As in any Keras model, but without losses and metrics, which the model defines.

        Raises:
            UserError: for losses or metrics, and without an optimizer.
        """
        if optimizer is None:
            raise UserError('compile needs an optimizer, such as "adam"; received None')
        for name, value in (
            ("loss", loss),
            ("loss_weights", loss_weights),
            ("metrics", metrics),
            ("weighted_metrics", weighted_metrics),
        ):
            if value not in (None, [], {}):
                raise UserError(
                    f"compile of {type(self).__name__} takes no {name}: the model computes its "
                    "losses, and fit and evaluate show them; leave it out"
                )
        super().compile(optimizer=optimizer, **options)

    def compile_from_config(self, config):
        """Compiles a loaded model as it was, with the state of its optimizer."""
        # Keras compiles no model whose `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    fit = fit_data.checking(keras.Model.fit)
    evaluate = fit_data.checking(keras.Model.evaluate)
    predict = fit_data.checking(keras.Model.predict)
    train_on_batch = fit_data.checking(keras.Model.train_on_batch)
    test_on_batch = fit_data.checking(keras.Model.test_on_batch)
    predict_on_batch = fit_data.checking(keras.Model.predict_on_batch)

    def save(self, filepath, overwrite=True, zipped=None, **options):
        """As in any Keras model; the name must end in `.keras`.

        Raises:
            UserError: for another name, as Keras cannot load this model from its legacy files.
        """
        checks.check_file_name("a model", filepath, (".keras",), anything=zipped is False)
        return super().save(filepath, overwrite=overwrite, zipped=zipped, **options)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """As in any Keras model.

        Raises:
            UserError: for a name that Keras cannot load weights from.
        """
        shards = () if max_shard_size is None else (".weights.json",)
        checks.check_file_name("weights", filepath, (".weights.h5", *shards))
        return super().save_weights(filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **more):
        """As in any Keras model; the default `input_signature` allows any size of all inputs."""
        filepath = arguments.path("filepath", filepath)
        if input_signature is None:
            conditions = {name: each.spec for name, each in self.takes.items()}
            input_signature = [conditions.pop(self.data_key)]
            if conditions:
                input_signature.append(conditions)
        return super().export(filepath, format, verbose, input_signature, **more)

    def train_step(self, data):
        batch = self.check_batch(data)
        with tf.GradientTape() as tape:
            losses = self.compute_losses(batch, training=True)
            # Gradients are summed over replicas; with this scale their sum is the mean.
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            loss = self.optimizer.scale_loss(losses["loss"] / replicas)
        variables = self.trainable_variables
        if variables:  # else everything is frozen
            gradients = tape.gradient(loss, variables)
            self.before_update(self.optimizer)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self._logged(batch, losses)

    def test_step(self, data):
        batch = self.check_batch(data)
        return self._logged(batch, self.compute_losses(batch, training=False))

    @property
    def metrics(self):
        return self._loss_means

    def _logged(self, batch, losses):
        """Means over the examples of an epoch; replicas sum these metrics' variables."""
        examples = tf.shape(batch[self.data_key])[0]
        for metric in self._loss_means:
            metric.update_state(losses[metric.name], sample_weight=examples)
        return {metric.name: metric.result() for metric in self._loss_means}

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "config": config_lib.to_dict(self.config),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


@contextlib.contextmanager
def _drawing_from(seed):
    """Context in which initial weights and dropout depend on `seed`; later draws are unaffected."""
    # Keras takes the seeds of initializers and of dropout from Python's generator.
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
