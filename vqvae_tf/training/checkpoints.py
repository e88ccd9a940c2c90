"""Checkpoints of a run, which can be resumed even if the newest is damaged or the disk was full.

A checkpoint is a pair of files in TensorFlow's format, `checkpoint-STEP.index` and
`checkpoint-STEP.data-00000-of-00001`: tensors by name, each with a checksum. The name of a variable
is its Keras path, not its position: `model/encoder/down_0/kernel`.

Files are found, replaced and removed by these names only. TensorFlow's list of checkpoints (the
file `checkpoint` of `tf.train.CheckpointManager`) is neither written nor read.
"""

import contextlib
import itertools
import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf.errors import UserError, reason
from vqvae_tf.files import names_in, reading, remedy
from vqvae_tf.training.optimizers import WeightAverage

_NAME = "checkpoint"
_INDEX, _DATA = ".index", ".data-00000-of-00001"
# TensorFlow writes to a file whose name ends in `.tempstate` and a number, then renames it.
_FILE = re.compile(
    rf"{_NAME}-(?P<step>0|[1-9]\d*)(?P<kind>{_INDEX}|{_DATA})(?P<partial>\.tempstate\d+)?"
)
_UNNAMED = re.compile(r"^seed_generator(_\d+)?/")
_KEEP = 3
_SHOWN = 3  # names in an error
# Errors of the file system that do not mean that a checkpoint is damaged.
_NO_DAMAGE = (
    PermissionError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
)
_KINDS = {
    "model": "the weights",
    "optimizer": "the optimizer's values",
    "average": "the averaged weights",
}


class Checkpoints:
    """Saves and restores the state of a run, `checkpoint-STEP.*` in one folder.

    The last three are kept. A checkpoint holds a checksum of each tensor, so reading it in full
    shows whether it is valid.

    Args:
        directory: folder of the checkpoints; any `tf.io.gfile` path.
        model: the model, built, with named layers: variables are identified by their paths.
        optimizer: its optimizer, built.
        average: averages of its weights, if any are kept.
        active: False writes nothing, for workers that are not the chief.

    Attributes:
        progress: the caller's arrays by name, which are saved and restored too.

    Raises:
        ValueError: if two variables have the same path.
    """

    def __init__(
        self,
        directory: str,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        average: WeightAverage | None = None,
        active: bool = True,
    ):
        self._directory = directory
        self._active = active
        self._variables = _of_model(model) | _of_optimizer(optimizer, model)
        if average is not None:
            self._variables |= _of_average(average, model)
        self._last: str | None = None
        self.progress: dict[str, Any] = {}

    def save(self, step: int) -> str:
        """Writes the state after `step` updates, and removes the oldest checkpoints.

        Returns:
            The checkpoint's path, without the endings of its files.

        Raises:
            UserError: if a value is not finite, or if the checkpoint cannot be written, as on a
                full disk. A partial checkpoint is removed and earlier ones are not changed.
        """
        values = {name: variable.numpy() for name, variable in self._variables.items()}
        for name, value in values.items():
            if not _is_finite(value):
                kind, _, path = name.partition("/")
                raise self.diverged(f"{_KINDS[kind]} {path} are not finite at step {step}")
        prefix = _prefix(self._directory, step)
        if not self._active:
            return prefix
        values |= {f"progress/{name}": value for name, value in self.progress.items()}
        values["step"] = np.int64(step)
        try:
            tf.io.gfile.makedirs(self._directory)
            self._remove_partial()  # their space may be needed
            with tf.device("CPU:0"):
                tf.raw_ops.SaveV2(
                    prefix=prefix,
                    tensor_names=list(values),
                    shape_and_slices=[""] * len(values),
                    tensors=list(values.values()),
                )
        except (OSError, tf.errors.OpError) as error:
            self._remove_partial()
            raise UserError(
                f"cannot write the checkpoint of step {step} in {self._directory} "
                f"({reason(error)}); {self.describe_last()}; {remedy(error)}"
            ) from None
        self._last = prefix
        # Later ones are damaged, or the run would have resumed from them; they are not counted.
        older = [each for each in _steps(self._directory) if each <= step]
        for each in older[:-_KEEP]:
            # The index first: data without an index counts as left over by a killed process.
            _remove(_prefix(self._directory, each) + _INDEX)
            _remove(_prefix(self._directory, each) + _DATA)
        return prefix

    def restore(self) -> int:
        """Restores the newest valid checkpoint; damaged ones are logged and skipped.

        Returns:
            The step it was saved at, 0 if there is none.

        Raises:
            UserError: if there are checkpoints and none can be read, or if it does not fit the
                model.
        """
        found = _newest(self._directory)
        if found is None:
            return 0
        self._last, values = found
        self.progress = {
            name.removeprefix("progress/"): values.pop(name)
            for name in list(values)
            if name.startswith("progress/")
        }
        step = tf.Variable(0, dtype=tf.int64, trainable=False)
        _assign({**self._variables, "step": step}, values, self._last)
        return int(step.numpy())

    def describe_last(self) -> str:
        """The checkpoint that a new start would resume from, as part of a sentence."""
        return f"the last good checkpoint is {self._last}" if self._last else "there is none yet"

    def diverged(self, what: str) -> UserError:
        """The error for values that are no longer finite; `what` names them."""
        return UserError(
            f"{what}; {self.describe_last()}; try a lower training.learning_rate or "
            "training.clip_norm=1 in another workdir"
        )

    def _remove_partial(self):
        """Removes partial checkpoints of a killed process or a full disk."""
        whole = set(_steps(self._directory))
        for name in names_in(self._directory):
            match = _FILE.fullmatch(name)
            if match and (match["partial"] or int(match["step"]) not in whole):
                _remove(os.path.join(self._directory, name))


def newest(directory: str) -> str | None:
    """Path of the newest valid checkpoint in `directory`; None if there is none.

    Raises:
        UserError: if there are checkpoints and all are damaged.
    """
    found = _newest(directory)
    return None if found is None else found[0]


def files(prefix: str) -> list[str]:
    """The files of the checkpoint `prefix`, as returned by `newest`; the index is last."""
    return [prefix + _DATA, prefix + _INDEX]


def restore_weights(model: Any, directory: str) -> int:
    """Loads the newest valid checkpoint into a built model, with averaged weights if it has them.

    Averages replace `model.averaged_variables`. All other variables, including codebooks, get
    their values at that step.

    Args:
        model: the trained model, built.
        directory: the folder of the checkpoints.

    Returns:
        The step of the checkpoint.

    Raises:
        UserError: if there is no checkpoint, or none fits.
    """
    found = _newest(directory)
    if found is None:
        raise UserError(f"{directory} holds no checkpoint; train the model first")
    prefix, values = found
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    variables = {**_of_model(model), "step": step}
    average = None
    if any(name.startswith("average/") for name in values):
        average = WeightAverage(model.averaged_variables, decay=0.0)
        variables |= _of_average(average, model)
    kinds = {name.partition("/")[0] for name in variables}
    wanted = {name: value for name, value in values.items() if name.partition("/")[0] in kinds}
    _assign(variables, wanted, prefix)
    if average is not None:
        average.assign_to_weights()
    return int(step.numpy())


def _of_model(model):
    """A model's variables by name, including the states of its seed generators."""
    # Keras's layers do not name their generators, and Keras numbers those of a whole process.
    number = itertools.count()
    names = [
        _UNNAMED.sub(lambda match: f"seed_generator_{next(number)}/", _path(variable, model))
        for variable in model.variables
    ]
    return _named("model", names, model.variables)


def _of_average(average, model):
    return _named("average", [_path(each, model) for each in average.variables], average.averages)


def _of_optimizer(optimizer, model):
    """An optimizer's variables: `adam/iteration`, `adam/momentum/encoder/down_0/kernel`."""
    # Keras names the slots of a weight `adam/PATH_momentum`, with underscores for slashes.
    weights = {
        each.path.replace("/", "_"): _path(each, model) for each in model.trainable_variables
    }

    def name(variable):
        owners = [each for each in weights if variable.name.startswith(each + "_")]
        if not owners:
            return variable.path
        owner = max(owners, key=len)
        kind = variable.name.removeprefix(owner + "_")
        return f"{variable.path.removesuffix(variable.name)}{kind}/{weights[owner]}"

    return _named("optimizer", map(name, optimizer.variables), optimizer.variables)


def _path(variable, model):
    """A variable's path without the name of the model, which Keras may have numbered."""
    return variable.path.removeprefix(model.name + "/")


def _named(kind, names, variables):
    """Variables by `KIND/NAME`."""
    names = [f"{kind}/{name}" for name in names]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"several variables are called {repeated[0]}; give their layers different names"
        )
    return dict(zip(names, variables, strict=True))


def _assign(variables, values, prefix):
    """Assigns values to variables by name, if names, shapes and dtypes are the same."""
    lacking = sorted(variables.keys() - values.keys())
    over = sorted(values.keys() - variables.keys())
    other = [
        f"{name} is {value.dtype} {list(value.shape)}, not {variable.dtype} {list(variable.shape)}"
        for name, value in sorted(values.items())
        if (variable := variables.get(name)) is not None
        and (list(value.shape), value.dtype)
        != (list(variable.shape), tf.as_dtype(variable.dtype).as_numpy_dtype)
    ]
    problems = [
        f"{what} {', '.join(names[:_SHOWN])}"
        + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        for what, names in (
            ("the checkpoint lacks", lacking),
            ("the model lacks", over),
            ("the checkpoint's", other),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"{prefix} does not fit this model: {'; '.join(problems)}; "
            "give another workdir, or use the version of vqvae_tf that wrote it"
        )
    for name, variable in variables.items():
        variable.assign(values[name])


def _is_finite(value):
    return not tf.as_dtype(value.dtype).is_floating or bool(np.isfinite(value).all())


def _newest(directory):
    """Path and values of the newest valid checkpoint."""
    steps = _steps(directory)
    for step in reversed(steps):
        prefix = _prefix(directory, step)
        try:
            with _readable(prefix) as path:
                return prefix, _read(path)
        except _NO_DAMAGE as error:
            raise UserError(
                f"cannot read {prefix} ({reason(error)}); correct this and start again"
            ) from None
        except (ValueError, RuntimeError, LookupError, OSError, tf.errors.OpError) as error:
            logging.warning("%s is damaged (%s) and is skipped", prefix, reason(error))
    if steps:
        raise UserError(f"all checkpoints in {directory} are damaged; remove them to start anew")
    return None


def _read(prefix: str) -> Mapping[str, Any]:
    for path in files(prefix):
        with tf.io.gfile.GFile(path, "rb") as file:
            file.read(1)  # raises errors of the file system, which the reader does not distinguish
    reader = tf.compat.v1.train.NewCheckpointReader(prefix)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    # Checked first: the reader allocates a tensor before it reads the data.
    claimed = sum(math.prod(shapes[name]) * dtypes[name].size for name in shapes)
    if claimed > tf.io.gfile.stat(prefix + _DATA).length:
        raise ValueError("its index lists more data than it has")
    return {name: reader.get_tensor(name) for name in shapes}  # compares their checksums


@contextlib.contextmanager
def _readable(prefix: str) -> Iterator[str]:
    """A path of the checkpoint that TensorFlow's reader does not interpret as a pattern.

    Patterns cannot be escaped, so the checkpoint is copied if its path looks like one.
    """
    if not re.search(r"[\[\\]", prefix):
        yield prefix
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, os.path.basename(prefix))
        for source, target in zip(files(prefix), files(copy), strict=True):
            tf.io.gfile.copy(source, target)
        yield copy


def _prefix(directory, step):
    return os.path.join(directory, f"{_NAME}-{step}")


def _steps(directory):
    """The steps of all checkpoints, oldest first."""
    with reading(directory):
        matches = [_FILE.fullmatch(name) for name in names_in(directory)]
    return sorted(
        int(match["step"])
        for match in matches
        if match and match["kind"] == _INDEX and not match["partial"]
    )


def _remove(path):
    """Removes a file of a checkpoint; a failure is only logged, as it does no harm."""
    try:
        tf.io.gfile.remove(path)
    except (OSError, tf.errors.OpError) as error:
        logging.warning("cannot remove %s (%s)", path, reason(error))
