"""Checkpoints that a run goes on from, also when the newest is damaged or the disk was full."""

import os
import re
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from vqvae_tf.errors import UserError, reason
from vqvae_tf.training.optimizers import WeightAverage

_NAME = "checkpoint"
_KEEP = 3


class Checkpoints:
    """Saves and restores the state of a run, `checkpoint-STEP.*` in one folder.

    The last three are kept. A checkpoint holds a checksum of each tensor, so reading it in full
    tells whether it is good.

    Args:
        directory: where they lie; any path that `tf.io.gfile` knows.
        model: the model, built.
        optimizer: its optimizer, built.
        average: averages of its weights, if any are kept.
    """

    def __init__(
        self,
        directory: str,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        average: WeightAverage | None = None,
    ):
        self._directory = directory
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            step=self._step,
            model=_values(model),
            optimizer=_values(optimizer),
            **({} if average is None else {"average": average.averages}),
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, directory, max_to_keep=_KEEP, checkpoint_name=_NAME
        )

    def save(self, step: int) -> str:
        """Writes the state after `step` updates and returns the checkpoint's path.

        Raises:
            UserError: if it cannot be written, as on a full disk; what was written of it is
                removed and the checkpoints before it stay as they are.
        """
        self._step.assign(step)
        try:
            return self._manager.save(checkpoint_number=step)
        except (OSError, tf.errors.OpError) as error:
            self._remove_parts(step)
            raise UserError(
                f"cannot write the checkpoint of step {step} in {self._directory} "
                f"({reason(error)}); {self.describe_last()}; make room and start again"
            ) from None

    def restore(self) -> int:
        """Brings back the newest checkpoint that is whole; damaged ones are logged and passed over.

        Returns:
            The step it was saved at, 0 where there is none.

        Raises:
            UserError: if none of those that are there can be read, or if it is another model's.
        """
        prefix = newest(self._directory)
        if prefix is None:
            return 0
        try:
            self._checkpoint.restore(prefix).assert_existing_objects_matched()
        except (AssertionError, ValueError) as error:
            raise UserError(
                f"{prefix} does not fit this model ({reason(error)}); give another workdir"
            ) from None
        return int(self._step.numpy())

    def describe_last(self) -> str:
        """The newest checkpoint, as part of a sentence."""
        prefixes = _prefixes(self._directory)
        return f"the last good checkpoint is {prefixes[-1]}" if prefixes else "there is none yet"

    def _remove_parts(self, step):
        prefix = os.path.join(self._directory, f"{_NAME}-{step}")
        for path in tf.io.gfile.glob([prefix + ".*", prefix + "_temp"]):
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            else:
                tf.io.gfile.remove(path)


def newest(directory: str) -> str | None:
    """Path of the newest checkpoint in `directory` that can be read in full; None without any.

    Raises:
        UserError: if there are checkpoints and all are damaged.
    """
    prefixes = _prefixes(directory)
    for prefix in reversed(prefixes):
        try:
            reader = tf.train.load_checkpoint(prefix)
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)  # compares its checksum
            return prefix
        except (ValueError, RuntimeError, LookupError, tf.errors.OpError) as error:
            logging.warning("%s is damaged (%s), passing it over", prefix, reason(error))
    if prefixes:
        raise UserError(f"all checkpoints in {directory} are damaged; remove them to start anew")
    return None


def restore_weights(model: Any, directory: str) -> int:
    """Gives a built model the weights of the newest good checkpoint, averaged where it has them.

    Averages replace what `model.averaged_variables` lists; the rest, codebooks among it, is as it
    was at that step.

    Args:
        model: the model that was trained, built.
        directory: the folder of the checkpoints.

    Returns:
        The step that the weights come from.

    Raises:
        UserError: if there is no checkpoint, or none fits.
    """
    prefix = newest(directory)
    if prefix is None:
        raise UserError(f"{directory} holds no checkpoint; train the model first")
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    objects = {"model": _values(model), "step": step}
    average = None
    if any(name.startswith("average/") for name, _ in tf.train.list_variables(prefix)):
        average = WeightAverage(model.averaged_variables, decay=0.0)
        objects["average"] = average.averages
    try:
        status = tf.train.Checkpoint(**objects).restore(prefix)
        status.expect_partial().assert_existing_objects_matched()
    except (AssertionError, ValueError) as error:
        raise UserError(f"{prefix} does not fit this model ({reason(error)})") from None
    if average is not None:
        average.assign_to_weights()
    return int(step.numpy())


def _values(owner):
    """All variables of a model or an optimizer, in order, seed generators' states among them.

    Not the object itself: TensorFlow does not look into the lists of layers that Keras layers
    hold, and would leave out their weights without a word.
    """
    return [variable.value for variable in owner.variables]


def _prefixes(directory):
    """Paths without suffix, oldest first."""
    pattern = re.compile(rf"{_NAME}-(\d+)\.index$")
    names = tf.io.gfile.listdir(directory) if tf.io.gfile.exists(directory) else []
    steps = sorted(int(match[1]) for name in names if (match := pattern.match(name)))
    return [os.path.join(directory, f"{_NAME}-{step}") for step in steps]
