"""Descriptions of the signatures of an export, for all formats."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class Input(NamedTuple):
    """One input of a signature.

    Attributes:
        spec: its type and shape; the batch is the first dimension, and None stands for any size.
        least, most: bounds of its values, both included, or None; `most` may have one for each
            entry of the last axis. Floats must also be finite.
    """

    spec: tf.TensorSpec
    least: float | None = None
    most: float | tuple[int, ...] | None = None


class Signature(NamedTuple):
    """A function that clients call by name.

    Attributes:
        function: function from the inputs by name to the outputs by name.
        inputs: inputs by name, in the order of the export.
    """

    function: Callable[..., dict[str, Any]]
    inputs: Mapping[str, Input]

    def compiled(self, check: Callable[[str, Any, Input], Any]) -> Any:
        """The signature as a `tf.function` of a dictionary.

        Args:
            check: function from an input's name, its tensor and its `Input` to the tensor that the
                function takes; it fails if the tensor does not match the `Input`.
        """

        def call(inputs):
            return self.function(
                **{name: check(name, inputs[name], given) for name, given in self.inputs.items()}
            )

        specs = {
            name: tf.TensorSpec(given.spec.shape, given.spec.dtype, name=name)
            for name, given in self.inputs.items()
        }
        return tf.function(call, input_signature=[specs], autograph=False)
