"""What a signature of an export takes, said once for every format that it is written in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class Input(NamedTuple):
    """One input of a signature.

    Attributes:
        spec: its type and shape; None leaves a dimension open, and the batch is the first one.
        least, most: bounds of its values, both included, or None; `most` may be one for each entry
            of the last axis. Floats must be finite as well.
    """

    spec: tf.TensorSpec
    least: float | None = None
    most: float | tuple[int, ...] | None = None


class Signature(NamedTuple):
    """What a client calls by name.

    Attributes:
        function: from the inputs by name to the outputs by name.
        inputs: by name, in the order in which they are written down.
    """

    function: Callable[..., dict[str, Any]]
    inputs: Mapping[str, Input]

    def compiled(self, check: Callable[[str, Any, Input], Any]) -> Any:
        """As a `tf.function` of a dictionary.

        Args:
            check: from an input's name, its tensor and its `Input` to the tensor that the
                function takes; fails where the tensor is not as the `Input` says.
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
