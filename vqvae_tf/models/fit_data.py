"""Checks of the data given to Keras's `fit`, `evaluate` and `predict`.

A step compiled by XLA has no assertions, and one compiled for a device cannot stop for a value.
Arrays are therefore checked when they are passed, and the batches of a data set when they are read,
on the CPU, before a step gets them.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.errors import UserError, shown
from vqvae_tf.models import checks

_NOT_USED = ("y", "sample_weight", "class_weight")
_AT_LEAST = {
    "batch_size": 1,
    "validation_batch_size": 1,
    "steps_per_epoch": 1,
    "validation_steps": 1,
    "validation_freq": 1,
    "steps": 1,
    "epochs": 0,  # never None
    "initial_epoch": 0,
}


def checking(method: Callable) -> Callable:
    """Decorates a method of `keras.Model` that takes data, to check the data first.

    The model must have `check_batch(batch, in_pipeline)`.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def checked(self, *args, **kwargs):
        given = signature.bind(self, *args, **kwargs)
        values = given.arguments
        for name in _NOT_USED:
            if values.get(name) is not None:
                raise UserError(
                    f"{method.__name__} of this model takes no {name}: the model computes its "
                    "losses from the batches; leave it out"
                )
        for name, least in _AT_LEAST.items():
            if isinstance(values.get(name), (list, tuple)):  # of epochs
                continue
            if values.get(name) is not None or (name in values and not least):
                values[name] = arguments.whole(name, values[name], least)
        if values.get("verbose", "auto") not in ("auto", 0, 1, 2):
            raise UserError(
                f"verbose must be 'auto', 0, 1 or 2; received {shown(values['verbose'])}"
            )
        if values.get("validation_split"):
            values["validation_split"] = arguments.rate(
                "validation_split", values["validation_split"]
            )
        # Inside `fit`, `evaluate` reads the validation data, which are already checked.
        if "_use_cached_eval_dataset" not in values.get("kwargs", {}):
            if values.get("x") is None:
                raise UserError(
                    f"{method.__name__} needs data: a batch, a tf.data.Dataset or a PyDataset of "
                    "batches; received None"
                )
            if isinstance(values["x"], tf.data.Dataset) and values["x"].cardinality() == 0:
                raise UserError(
                    f"{method.__name__} needs data: one batch or more; received an empty data set"
                )
            for name in ("x", "validation_data"):
                if values.get(name) is not None:
                    values[name] = _checked(values[name], self.check_batch)
        try:
            return method(*given.args, **given.kwargs)
        except (tf.errors.InvalidArgumentError, tf.errors.UnknownError) as error:
            refusal = checks.refusal_in(error)
            if refusal is None:
                raise
            raise UserError(refusal) from None

    return checked


def _checked(data: Any, check: Callable[..., Mapping[str, Any]]) -> Any:
    """The data, with `check` applied to all batches; types that only Keras knows are unchanged."""
    if isinstance(data, tf.data.Dataset):

        def look(*batch):  # `map` unpacks tuples
            return check(batch[0] if len(batch) == 1 else batch, in_pipeline=True)

        return data.map(tf.autograph.experimental.do_not_convert(look))
    if isinstance(data, keras.utils.PyDataset):
        return data if data.use_multiprocessing else _CheckedPyDataset(data, check)
    if isinstance(data, Iterator):
        return ((check(batch),) for batch in data)  # Keras requires tuples of a generator
    of_batches = isinstance(data, Iterable) and not isinstance(data, (str, bytes, Set))
    if isinstance(data, (Mapping, list, tuple)) or hasattr(data, "shape") or not of_batches:
        return check(data)
    return data


class _CheckedPyDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked."""

    def __init__(self, data: keras.utils.PyDataset, check: Callable[..., Mapping[str, Any]]):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self._data, self._check = data, check

    @property
    def num_batches(self):
        return self._data.num_batches

    def __getitem__(self, index):
        return self._check(self._data[index])

    def on_epoch_begin(self):
        self._data.on_epoch_begin()

    def on_epoch_end(self):
        self._data.on_epoch_end()
