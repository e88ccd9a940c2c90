"""Fields of configurations: their types and bounds, and their JSON form."""

import dataclasses
import math
import numbers
import types
import typing
import unicodedata
from collections.abc import Mapping
from typing import Any

from vqvae_tf.config.limits import DEEPEST
from vqvae_tf.errors import UserError, nearest, shown

_LARGEST_INTEGER = 10**30
_MOST_NAMES, _LONGEST_NAME = 100_000, 1_000


def check_types(config: Any, at: str = "") -> None:
    """Refuses fields of a frozen configuration that do not have their declared type.

    Lists become tuples, integers become floats if a float is declared, and NumPy numbers become
    Python numbers, so that configurations can be compared and saved as JSON.

    Args:
        config: the configuration, in its `__post_init__`.
        at: prefix of the names of its fields in messages.

    Raises:
        UserError: for a value of another type, and for numbers that are not finite.
    """
    hints = typing.get_type_hints(type(config))
    for name in (field.name for field in dataclasses.fields(config)):
        object.__setattr__(config, name, _convert(hints[name], getattr(config, name), at + name))


def between(least: float, most: float, config: Any, *names: str, at: str = "") -> None:
    """Raises UserError for a number of `config`, or of a tuple in it, that is out of bounds.

    None is in bounds.

    >>> from vqvae_tf.config import TrainingConfig
    >>> between(1, DEEPEST, TrainingConfig(log_every=5), "log_every", "seed", at="training.")
    Traceback (most recent call last):
      ...
    vqvae_tf.errors.UserError: training.seed must be at least 1; received 0
    """
    for name in names:
        value = getattr(config, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and number < least:
                raise UserError(f"{at}{name} must be at least {least}; received {shown(number)}")
            if number is not None and number > most:
                raise UserError(f"{at}{name} must be at most {most}; received {shown(number)}")


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as nested dictionaries of JSON values (tuples become lists)."""
    return {
        field.name: to_dict(value)
        if dataclasses.is_dataclass(value)
        else list(value)
        if isinstance(value, tuple)
        else value
        for field in dataclasses.fields(config)
        for value in [getattr(config, field.name)]
    }


def from_dict(cls: type, values: Mapping[str, Any], *, at: str = "") -> Any:
    """Builds the frozen configuration `cls` from nested dictionaries.

    Raises:
        UserError: for an unknown field (the message suggests the nearest names) or a wrong type.

    >>> from vqvae_tf.config import TrainingConfig
    >>> from_dict(TrainingConfig, {"steps": 5}).steps
    5
    """
    if not isinstance(values, Mapping):
        raise UserError(
            f'"{at[:-1] or "config"}" must hold fields by name; received {shown(values)}'
        )
    hints = typing.get_type_hints(cls)
    fields = {field.name for field in dataclasses.fields(cls)}
    arguments = {}
    for name, value in values.items():
        if name not in fields:
            given = name[:100] if isinstance(name, str) else shown(name)
            raise UserError(f'unknown field "{at}{given}"; {nearest(given, fields)}')
        arguments[name] = _convert(hints[name], value, at + name)
    return cls(**arguments)


def _convert(hint: Any, value: Any, name: str) -> Any:
    """`value` converted to the declared type of a field, if this is possible."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise UserError(f'field "{name}" holds fields of its own; set "{name}.FIELD" instead')
        return from_dict(hint, value, at=name + ".")
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, numbers.Integral) and typing.get_args(hint)[0] is int:
        value = (value,)  # the flag of a tuple was given a single number
    if origin is tuple and isinstance(value, (list, tuple)):
        item = typing.get_args(hint)[0]
        most = _MOST_NAMES if item is str else DEEPEST
        if len(value) > most:
            raise UserError(
                f'field "{name}" must hold at most {most} values; received {len(value)}'
            )
        return tuple(_convert(item, each, name) for each in value)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
        return _convert(hint, value, name)
    if hint is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return _finite(value, name)
    if hint is int and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = int(value)
        if abs(number) >= _LARGEST_INTEGER:
            raise UserError(f"{name} must have 30 digits at most; received {shown(value)}")
        return number
    if hint in (int, float) or not isinstance(value, origin or hint):
        expected = getattr(hint, "__name__", hint)
        raise UserError(f'field "{name}" must be {expected}; received {shown(value)}')
    if hint is str and (len(value) > _LONGEST_NAME or not _is_text(value)):
        raise UserError(
            f'field "{name}" must be text of at most {_LONGEST_NAME} characters without control '
            f"characters; received {shown(value)}"
        )
    return value


def _finite(value, name):
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(f"{name} must be a finite number; received {shown(value)}")
    return number


def _is_text(value):
    return all(unicodedata.category(each) not in ("Cc", "Cs") for each in value)
