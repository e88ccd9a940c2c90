"""Frozen configuration dataclasses, and their JSON form."""

import dataclasses
import math
import numbers
import types
import typing
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from vqvae_tf.errors import UserError, nearest, shown

SCHEMA_VERSION = 2  # of config.json and the checkpoints; raised when either changes its meaning

# Far above any real use, and low enough that a configuration is refused before what it asks for
# fills the memory or never ends.
WIDEST = 2**12  # channels of a layer, numbers per code
LARGEST_KERNEL = 2**6  # taps along an axis
DEEPEST = 2**8  # layers or blocks of a network, levels, entries of a tuple of numbers
LARGEST_CODEBOOK = 2**20  # codes in a codebook, classes, values of a sample
LARGEST_TABLE = 2**28  # numbers in one table of vectors
LARGEST_SIDE = 2**13  # of a training picture in pixels, of a grid in codes
LONGEST_WINDOW = 2**22  # samples of a training sound, codes of a training sequence
LARGEST_BATCH = 2**32  # numbers in a batch
LONGEST_RUN = 10**9  # steps
LARGEST_NUMBER = 1e9  # weights of losses, rates and the rest
_LARGEST_INTEGER = 10**30
_MOST_NAMES, _LONGEST_NAME = 100_000, 1_000


class Summaries(NamedTuple):
    """What a model shows of a batch while it trains.

    Attributes:
        images: name -> uint8 `[batch, height, width, channels]`.
        histograms: name -> tensor of any shape.
    """

    images: dict[str, Any]
    histograms: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """How training examples are cut from pictures.

    Attributes:
        image_size: side of the square training tile, in pixels.
        channels: 3 for colour, 1 for grey; pictures are converted.
        flip: mirror half of the tiles left to right.
        half_size_share: share of the tiles cut from the picture at half its size.
        double_size_share: share of the tiles cut from the picture at twice its size.
        recolour_share: share of the tiles whose colours are changed at random (channel order,
            contrast, gain and offset), so that few photographs teach many palettes.
        recolour_strength: how much contrast, gain and offset change, beside the usual.
    """

    image_size: int = 32
    channels: int = 3
    flip: bool = True
    half_size_share: float = 0.0
    double_size_share: float = 0.0
    recolour_share: float = 0.0
    recolour_strength: float = 1.0

    def __post_init__(self):
        check_types(self, at="data.")
        # What is too small is refused by a model, which knows the sizes that it takes.
        between(-LARGEST_SIDE, LARGEST_SIDE, self, "image_size", at="data.")
        if self.channels not in (1, 3):
            raise UserError(
                f"data.channels must be 3 for colour or 1 for grey; received {self.channels}"
            )
        for name in ("half_size_share", "double_size_share", "recolour_share"):
            between(0, 1, self, name, at="data.")
        between(0, LARGEST_NUMBER, self, "recolour_strength", at="data.")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How any model of the library is trained.

    Attributes:
        steps: number of updates.
        batch_size: examples a step, over all replicas.
        learning_rate: Adam's rate after the warm-up.
        schedule: "constant" or "cosine" (down to `final_learning_rate` times the rate).
        warmup_steps: linear warm-up from 0.
        final_learning_rate: share of `learning_rate` that the cosine ends at.
        beta_2: Adam's decay of the squared gradients.
        clip_norm: bound on the gradients' global norm; 0 turns it off.
        weight_averaging: decay of the averaged weights used for evaluation; 0 turns it off.
        precision: Keras dtype policy: "float32", "mixed_bfloat16" or "mixed_float16".
        seed: seed of the weights, the data order and every draw.
        log_every, evaluate_every, checkpoint_every: in steps; 0 for `evaluate_every` means
            once, at the end.
    """

    steps: int = 10_000
    batch_size: int = 32
    learning_rate: float = 2e-4
    schedule: str = "constant"
    warmup_steps: int = 0
    final_learning_rate: float = 0.0
    beta_2: float = 0.999
    clip_norm: float = 0.0
    weight_averaging: float = 0.0
    precision: str = "float32"
    seed: int = 0
    log_every: int = 100
    evaluate_every: int = 0
    checkpoint_every: int = 1_000

    def __post_init__(self):
        check_types(self, at="training.")
        between(1, LONGEST_RUN, self, "steps", "log_every", "checkpoint_every", at="training.")
        between(0, LONGEST_RUN, self, "evaluate_every", "warmup_steps", at="training.")
        between(1, LARGEST_BATCH, self, "batch_size", at="training.")
        between(0, LARGEST_NUMBER, self, "learning_rate", "clip_norm", at="training.")
        between(0, LARGEST_NUMBER, self, "final_learning_rate", at="training.")
        between(0, 2**32 - 1, self, "seed", at="training.")
        if self.schedule not in ("constant", "cosine"):
            raise UserError(
                f'training.schedule must be "constant" or "cosine"; received {shown(self.schedule)}'
            )
        for name in ("beta_2", "weight_averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(
                    f"training.{name} must lie in [0, 1); received {getattr(self, name)}"
                )
        if self.precision not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise UserError(
                'training.precision must be "float32", "mixed_bfloat16" or "mixed_float16"; '
                f"received {shown(self.precision)}"
            )


def check_types(config: Any, at: str = "") -> None:
    """Refuses fields of a frozen configuration that have another type than they are declared with.

    Lists become tuples, whole numbers floats where a float is declared, and NumPy's numbers
    Python's, so that equal configurations are equal and JSON holds them.

    Args:
        config: the configuration, in its `__post_init__`.
        at: what stands before the names of its fields in messages.

    Raises:
        UserError: for a value of another type, and for numbers that are not finite.
    """
    for name, hint in typing.get_type_hints(type(config)).items():
        object.__setattr__(config, name, _convert(hint, getattr(config, name), at + name))


def between(least: float, most: float, config: Any, *names: str, at: str = "") -> None:
    """Raises UserError for a number of `config` that is out of bounds; of a tuple, any of its own.

    What is None is in bounds.

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
        UserError: for an unknown field (the nearest names are shown) or a value of another type.

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
    """`value` as the declared type of a field, if it is one that this type takes."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise UserError(f'field "{name}" holds fields of its own; set "{name}.FIELD" instead')
        return from_dict(hint, value, at=name + ".")
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, numbers.Integral) and typing.get_args(hint)[0] is int:
        value = (value,)  # as a flag of a single number gives it
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
