"""Checks of the inputs of networks, and the form that their classes have inside."""

from typing import Any

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError

_AXES = {1: "time", 2: "height, width", 3: "frames, height, width"}


def checked_maps(name: str, x: Any, rank: int, channels: int | None = None) -> Any:
    """`x`, if it is `[batch, *sizes, channels]` of floats.

    Args:
        name: of the layer, for the message.
        x: a tensor, symbolic or not, or anything that NumPy converts to an array.
        rank: number of spatial axes.
        channels: channels of the layer, or None for any number.

    Raises:
        UserError: for another rank, another number of channels or another type.
    """
    x = arguments.dense(f"the input of {name}", x)
    dtype, shape = arguments.dtype_of(x), _shape(x)
    wanted = f"[batch, {_AXES[rank]}, {'channels' if channels is None else channels}]"
    if "float" not in dtype:
        raise UserError(
            f"{name} takes floats, {wanted}, such as x / 255 - 0.5 of pixels; received {dtype}"
        )
    if shape is None:
        return x
    if len(shape) != rank + 2 or shape[-1] is None or channels not in (None, shape[-1]):
        raise UserError(f"{name} takes the shape {wanted}; received {shape}")
    return x


def checked_codes(
    codes: Any, num_embeddings: int, axes: tuple[str, ...], slots: int | None = None
) -> Any:
    """`codes` as int32, if they are codes of shape `[*axes]`, or `[*axes, slots]`.

    Raises:
        UserError: for another shape or type, and for a known value out of range.
    """
    codes = arguments.dense("codes", codes)
    shape = _shape(codes)
    wanted = f"[{', '.join(axes)}{'' if slots is None else f', {slots}'}]"
    if shape is not None and (
        len(shape) != len(axes) + (slots is not None) or slots not in (None, shape[-1])
    ):
        raise UserError(f"codes must have the shape {wanted}; received {shape}")
    return checked_range("codes", codes, 0, num_embeddings - 1)


def checked_label(label: Any, num_classes: int, batch: int | None) -> Any:
    """`label` as int32, if it is `[batch]`, or `[1]` for all, of -1 to num_classes - 1.

    Raises:
        UserError: for another shape or type, and for a known value out of range.
    """
    label = arguments.dense("label", label)
    shape = _shape(label)
    right = shape is None or len(shape) == 1 and (None in (*shape, batch) or shape[0] in (1, batch))
    if not right:
        raise UserError(
            f"label must have the shape [batch], one for each of {batch or 'the'} examples; "
            f"received {shape}"
        )
    return checked_range("label", label, -1, num_classes - 1, ", or be -1 for none")


def one_hot(label: Any, num_classes: int, dtype: str) -> Any:
    """Classes `[batch]` as `[batch, num_classes]`; no class, -1, is a row of zeros.

    It is not an index out of range, which TFLite refuses once its converter has turned the product
    with a kernel into a look-up.

    >>> [row.tolist() for row in np.array(one_hot(np.array([1, -1]), 2, "float32"))]
    [[0.0, 1.0], [0.0, 0.0]]
    """
    return ops.one_hot(label + 1, num_classes + 1, dtype=dtype)[:, 1:]


def checked_range(name: str, values: Any, least: int, most: int, besides: str = "") -> Any:
    """`values` as int32, if they are integers and, as far as known, from least to most.

    Raises:
        UserError: for others; `besides` names another allowed value in the message.
    """
    values = arguments.dense(name, values)
    dtype = arguments.dtype_of(values)
    if "int" not in dtype:
        raise UserError(f"{name} must be integers; received {dtype}")
    if isinstance(values, keras.KerasTensor):
        return values
    if not ops.is_tensor(values) or backend.is_concrete(values):
        numbers = np.asarray(values)
        if numbers.size and (numbers.min() < least or numbers.max() > most):
            raise UserError(
                f"{name} must lie between {max(least, 0)} and {most}{besides}; received "
                f"{numbers.min()} to {numbers.max()}"
            )
    return ops.cast(values, "int32")


def checked_condition(
    name: str, value: Any, wanted: tuple[int | None, ...], besides: str = ""
) -> Any:
    """`value`, if it has the shape `wanted`, or batch size 1; None stands for any size.

    Raises:
        UserError: for another shape; `besides` is the end of what it must be.
    """
    value = arguments.dense(name, value)
    shape = _shape(value)
    if shape is None:
        return value
    ones = (1, *wanted[1:])
    if len(shape) != len(wanted) or not all(
        None in (size, right) or size in (right, one)
        for size, right, one in zip(shape, wanted, ones, strict=True)
    ):
        words = ", ".join("any" if size is None else str(size) for size in wanted)
        raise UserError(f"{name} must have the shape [{words}]{besides}; received {shape}")
    return value


def _shape(value) -> tuple | None:
    """The static shape; None if the rank is unknown."""
    return None if getattr(value.shape, "rank", 0) is None else tuple(value.shape)
