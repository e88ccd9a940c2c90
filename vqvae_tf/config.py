"""Frozen configuration dataclasses, and their JSON form."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

from vqvae_tf.errors import UserError, nearest

SCHEMA_VERSION = 2  # of config.json and the checkpoints; raised when either changes its meaning


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
        at_least(1, self, "steps", "batch_size", "log_every", "checkpoint_every", at="training.")
        at_least(0, self, "evaluate_every", "learning_rate", "warmup_steps", at="training.")
        at_least(0, self, "final_learning_rate", "clip_norm", "seed", at="training.")
        if self.seed >= 2**32:
            raise UserError(f"training.seed must be below 2**32; received {self.seed}")
        if self.schedule not in ("constant", "cosine"):
            raise UserError(
                f'training.schedule must be "constant" or "cosine"; received "{self.schedule}"'
            )
        for name in ("beta_2", "weight_averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(
                    f"training.{name} must lie in [0, 1); received {getattr(self, name)}"
                )
        if self.precision not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise UserError(
                'training.precision must be "float32", "mixed_bfloat16" or "mixed_float16"; '
                f'received "{self.precision}"'
            )


def at_least(least: float, config: Any, *names: str, at: str = "") -> None:
    """Raises UserError for a field of `config` that is below `least`, or NaN.

    >>> at_least(1, TrainingConfig(), "steps", "batch_size")
    """
    for name in names:
        value = getattr(config, name)
        if not value >= least:
            raise UserError(f"{at}{name} must be at least {least}; received {value}")


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
    hints = typing.get_type_hints(cls)
    fields = {field.name for field in dataclasses.fields(cls)}
    arguments = {}
    for name, value in values.items():
        if name not in fields:
            raise UserError(f'unknown field "{at}{name}"; {nearest(name, fields)}')
        arguments[name] = _convert(hints[name], value, at + name)
    return cls(**arguments)


def _convert(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise UserError(f'field "{name}" holds fields of its own; set "{name}.FIELD" instead')
        return from_dict(hint, value, at=name + ".")
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, int) and typing.get_args(hint)[0] is int:
        value = (value,)  # as a flag of a single number gives it
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_convert(typing.get_args(hint)[0], item, name) for item in value)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
        return _convert(hint, value, name)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or hint
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise UserError(
            f'field "{name}" must be {getattr(hint, "__name__", hint)}; received {value!r}'
        )
    return value
