"""Checks of what the methods of quantizers are given."""

from typing import Any

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError


class NotBuiltError(UserError, AttributeError):
    """A layer's weights do not exist yet; an AttributeError, so that `hasattr` is False.

    >>> str(NotBuiltError("quantizer", "codebook"))
    'quantizer has no codebook yet; call it once on data, or build it with .build((None, dim))'
    """

    def __init__(self, layer: str, attribute: str):
        super().__init__(
            f"{layer} has no {attribute} yet; call it once on data, or build it with "
            ".build((None, dim))"
        )


def checked_vectors(name: str, inputs: Any) -> Any:
    """`inputs` as an array or a tensor `[batch, ..., dim]` of numbers.

    Args:
        name: of the layer, for the message.
        inputs: a tensor, symbolic or not, or what NumPy converts to an array.

    Raises:
        UserError: for another rank or type.

    >>> checked_vectors("quantizer", [[1.0, 2.0]]).shape
    (1, 2)
    """
    inputs = arguments.dense(f"the input of {name}", inputs)
    dtype = arguments.dtype_of(inputs)
    if "float" not in dtype and "int" not in dtype:
        raise UserError(f"{name} takes vectors of numbers; received {dtype}")
    shape = _shape(f"the input of {name}", inputs)
    if not 2 <= len(shape) <= 5 or shape[-1] == 0:
        raise UserError(
            f"{name} takes inputs of rank 2 to 5, [batch, ..., dim], and dim of at least 1; "
            f"received shape {shape}"
        )
    return inputs


def checked_mask(mask: Any, shape: tuple[int | None, ...]) -> Any:
    """`mask` as an array or a tensor of `shape`, boolean or of integers.

    Raises:
        UserError: for another shape or type.
    """
    mask = arguments.dense("mask", mask)
    dtype = arguments.dtype_of(mask)
    if dtype != "bool" and "int" not in dtype:
        raise UserError(f"mask must be boolean, false where excluded; received {dtype}")
    sizes = _shape("mask", mask)
    if len(sizes) != len(shape) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(sizes, shape, strict=True)
    ):
        raise UserError(
            f"mask must have the input's shape without the last axis, {shape}; received {sizes}"
        )
    return mask


def checked_codes(
    name: str,
    codes: Any,
    widths: tuple[int, ...] | None,
    sizes: tuple[int, ...],
    least: tuple[int, ...],
) -> Any:
    """`codes` as int32; a symbolic input of a functional model is returned as it is.

    Args:
        name: of the layer, for messages.
        codes: an array, a tensor, or what NumPy converts to an array.
        widths: allowed lengths of the last axis; None if codes have no axis of their own.
        sizes, least: how many values each code of a position may take, and the least of them.

    Raises:
        UserError: for another type or shape, and for a code out of range. In a compiled function
            the range is not checked.
    """
    codes = arguments.dense(f"codes for {name}", codes)
    if isinstance(codes, np.ndarray) and not codes.size:
        codes = codes.astype("int32")  # [] is a float array
    dtype = arguments.dtype_of(codes)
    if "int" not in dtype:
        raise UserError(f"{name} decodes codes, which are integers; received {dtype}")
    if widths is not None and (not len(codes.shape) or codes.shape[-1] not in widths):
        raise UserError(
            f"{name} takes {' or '.join(map(str, widths))} codes per position, on the last axis; "
            f"received shape {tuple(codes.shape)}"
        )
    if isinstance(codes, keras.KerasTensor):
        return codes
    if not ops.is_tensor(codes) or backend.is_concrete(codes):
        width = None if widths is None else codes.shape[-1]
        _check_range(name, np.asarray(codes), np.array(sizes)[:width], np.array(least)[:width])
    return ops.cast(codes, "int32")


def _check_range(name, codes, size, least):
    wrong = (codes < least) | (codes >= size)
    if wrong.any():
        limit = np.broadcast_to(size, codes.shape)[wrong][0]
        raise UserError(f"{name} knows the codes 0 to {limit - 1}; received {codes[wrong][0]}")


def checked_dim(name: str, input_shape: tuple[int | None, ...]) -> int:
    """The last dimension of `input_shape`.

    Raises:
        UserError: if it is not known, or 0.
    """
    dim = input_shape[-1]
    if dim is None:
        raise UserError(f"{name} needs to know the last dimension; received shape {input_shape}")
    return arguments.whole(f"the last dimension of the input of {name}", dim, least=1)


def check_table(name: str, rows: int, columns: int) -> None:
    """Raises UserError for a table that would not fit into memory."""
    if rows * columns > limits.LARGEST_TABLE:
        raise UserError(
            f"a table of {name} must hold at most {limits.LARGEST_TABLE} numbers; received {rows} "
            f"vectors of {columns}"
        )


def _shape(name, value):
    if getattr(value.shape, "rank", 0) is None:
        raise UserError(f"{name} must have a known rank; set it by tf.ensure_shape")
    return tuple(value.shape)
