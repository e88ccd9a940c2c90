"""Checks of arguments, and conversion of NumPy numbers to Python numbers.

A NumPy scalar as an attribute of a layer would determine the dtype of arithmetic with it, and
could not be saved as JSON.
"""

import inspect
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vqvae_tf.errors import UserError, shown

_SMALLEST, _LARGEST = (float(each) for each in (np.finfo("float32").tiny, np.finfo("float32").max))


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """A whole number as a Python int.

    Args:
        name: name of the argument, for the message.
        value: an int, a NumPy integer, or an array with one.
        least, most: bounds of the number, or None.

    Raises:
        UserError: for anything else, and for a number out of bounds.

    >>> import numpy as np
    >>> whole("num_embeddings", np.int64(8), least=1)
    8
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise UserError(f"{name} must be a whole number; received {shown(value)}") from None
    if least is not None and number < least:
        raise UserError(f"{name} must be at least {least}; received {number}")
    if most is not None and number > most:
        raise UserError(f"{name} must be at most {most}; received {number}")
    return number


def real(name: str, value: Any, finite: bool = True) -> float:
    """A number as a Python float.

    Raises:
        UserError: for anything else, and, if `finite`, for NaN, infinities and what is infinite in
            float32.

    >>> import numpy as np
    >>> real("decay", np.float64(0.9))
    0.9
    """
    try:
        if np.asarray(value).dtype.kind in "bSU":  # Python converts these too
            raise TypeError
        number = float(value)
    except (NotImplementedError, TypeError, ValueError, OverflowError):
        raise UserError(f"{name} must be a number; received {shown(value)}") from None
    if finite and not abs(number) <= _LARGEST:
        raise UserError(f"{name} must be a finite number of float32; received {number}")
    return number


def flag(name: str, value: Any) -> bool:
    """True or false as a Python bool.

    Raises:
        UserError: for anything else, such as the string "False".

    >>> import numpy as np
    >>> flag("return_codes", np.bool_(True))
    True
    """
    try:
        wrong = np.ndim(value) or value not in (0, 1)
    except (TypeError, ValueError):  # a tensor in a graph, rows of different lengths
        wrong = True
    if wrong:
        raise UserError(f"{name} must be True or False; received {shown(value)}")
    return bool(value)


def not_negative(name: str, value: Any) -> float:
    """`real` of a number that must not be below 0."""
    number = real(name, value)
    if number < 0:
        raise UserError(f"{name} must not be negative; received {number:g}")
    return number


def positive(name: str, value: Any) -> float:
    """`real` of a number that must be above 0."""
    number = real(name, value)
    if number < _SMALLEST:  # also what is 0 in float32
        raise UserError(f"{name} must be above 0; received {number:g}")
    return number


def rate(name: str, value: Any) -> float:
    """`real` of a number in [0, 1)."""
    number = real(name, value)
    if not 0 <= number < 1:
        raise UserError(f"{name} must lie in [0, 1); received {number:g}")
    return number


def wholes(name: str, values: Any, least: int | None = None) -> tuple[int, ...]:
    """A sequence of whole numbers as a tuple of Python ints.

    Raises:
        UserError: if it is not a sequence, is empty, or holds anything else.

    >>> wholes("widths", [32, 64], least=1)
    (32, 64)
    """
    try:
        if isinstance(values, (str, bytes, dict)):
            raise TypeError
        values = tuple(values)
    except TypeError:
        raise UserError(f"{name} must be a sequence of numbers; received {shown(values)}") from None
    if not values:
        raise UserError(f"{name} must name one number or more; received {values}")
    return tuple(whole(f"each of {name}", value, least) for value in values)


def text(name: str, value: Any) -> str:
    """A string.

    Raises:
        UserError: for anything else, and for an empty one.

    >>> text("speaker", "anna")
    'anna'
    """
    if not isinstance(value, str) or not value:
        raise UserError(f"{name} must be text, and not empty; received {shown(value)}")
    return value


def path(name: str, value: Any) -> str:
    """A path as a string.

    Raises:
        UserError: for anything that is not text or `os.PathLike`, and for a path that is empty,
            contains a NUL character or is not UTF-8.

    >>> path("workdir", "runs/photos")
    'runs/photos'
    """
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    try:
        if not isinstance(found, str) or not found or "\0" in found:
            raise ValueError
        found.encode()
    except ValueError:
        raise UserError(
            f"{name} must be a path in UTF-8, and not empty; received {shown(value)}"
        ) from None
    return found


def dense(name: str, value: Any) -> Any:
    """`value` as an array or a tensor with a value at every place.

    Tensors are returned as they are, and anything else as NumPy converts it.

    Raises:
        UserError: for sparse and ragged tensors, masked entries, rows of different lengths, and
            Python's objects, such as None.

    >>> dense("codes", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if hasattr(value, "dense_shape") or getattr(value, "sparse", False) is True:
        raise UserError(
            f"{name} must be dense; received a sparse tensor: convert it by tf.sparse.to_dense"
        )
    if hasattr(value, "nested_row_splits"):
        raise UserError(
            f"{name} must have rows of one length; received a ragged tensor: pad it by to_tensor()"
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise UserError(
            f"{name} must have a value at every place; received "
            f"{np.ma.count_masked(value)} masked of {value.size}: fill them by filled(0)"
        )
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except ValueError:
        raise UserError(
            f"{name} must have rows of one length; received rows of different lengths: pad them"
        ) from None
    if array.dtype.kind == "O":
        raise UserError(f"{name} must be an array of numbers; received {shown(value)}")
    return array


def dtype_of(value: Any) -> str:
    """The name of the dtype of an array or a tensor.

    >>> dtype_of(np.zeros(2, "float32")), dtype_of(np.array(["a"]))
    ('float32', 'str32')
    """
    dtype = value.dtype  # text in Keras
    return dtype if isinstance(dtype, str) else getattr(dtype, "name", str(dtype))


def numbers(name: str, value: Any, dtype: str | None = None) -> np.ndarray:
    """`dense` real numbers as a NumPy array.

    Args:
        name: name of the argument, for the message.
        value: an array, a tensor, or what NumPy converts to an array.
        dtype: of the result, in which large numbers may be infinite; None for the value's own.

    Raises:
        UserError: for what `dense` refuses, for other types, such as complex numbers and text, and
            for a tensor whose values are not known.

    >>> numbers("codebook", [[1, 2], [3, 4]], "float32").tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    try:
        array = np.asarray(dense(name, value))
    except UserError:
        raise
    except (NotImplementedError, TypeError, ValueError):  # of TensorFlow, JAX, Keras
        raise UserError(
            f"{name} must have known values; received a symbolic tensor, of a compiled function or "
            "a functional model"
        ) from None
    # Of bfloat16, which NumPy does not know, the kind is "V".
    if array.dtype.kind not in "iuf" and "float" not in array.dtype.name:
        raise UserError(f"{name} must hold real numbers; received {array.dtype}")
    with np.errstate(over="ignore"):
        return array if dtype is None else array.astype(dtype)


def refuse_inert(name: str, value: Any, default: Any, needed: str) -> None:
    """Raises UserError for an argument that has no effect, if it is not at its default.

    >>> refuse_inert("anneal_steps", 500, 10_000, "final_temperature")
    Traceback (most recent call last):
    vqvae_tf.errors.UserError: anneal_steps=500 has no effect without final_temperature: set that, \
or leave anneal_steps at 10000
    """
    if value != default:
        raise UserError(
            f"{name}={shown(value)} has no effect without {needed}: set that, or leave {name} at "
            f"{default}"
        )


def refuse_misnamed(cls: type, names: Iterable[str], answers: Mapping[str, str]) -> None:
    """Raises UserError for an argument that other libraries have and the constructor of `cls` not.

    Args:
        cls: the class to be constructed.
        names: names of the given keyword arguments.
        answers: hints what to write instead, by the names that other libraries use.

    >>> class Codebook:
    ...     def __init__(self, num_embeddings): ...
    >>> refuse_misnamed(Codebook, ["n_embed"], {"n_embed": "write num_embeddings="})
    Traceback (most recent call last):
    vqvae_tf.errors.UserError: Codebook has no argument n_embed: write num_embeddings=
    """
    suspects = [name for name in names if name in answers]
    if not suspects:
        return
    constructors = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]
    own = {name for each in constructors for name in inspect.signature(each).parameters}
    for name in suspects:
        if name not in own:
            raise UserError(f"{cls.__name__} has no argument {name}: {answers[name]}")
