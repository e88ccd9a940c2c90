"""`--config.FIELD=VALUE`: a flag for every field of a preset."""

import dataclasses
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from vqvae_tf import config as config_lib
from vqvae_tf.config.meanings import meanings
from vqvae_tf.errors import UserError, nearest

_NAME = re.compile(r"--?(?:no)?config\.([^=]*)(=?)")


def without(arguments: Sequence[str]) -> list[str]:
    """The arguments except `--config.FIELD=VALUE` and `--config.FIELD VALUE`.

    >>> without(["--data=d", "--config.widths=4,8", "--config.training.seed", "3"])
    ['--data=d']
    """
    rest, value_may_follow = [], False
    for argument in arguments:
        if value_may_follow and not re.match(r"-[^\d.]", argument):
            value_may_follow = False
            continue
        field = _NAME.match(argument)
        value_may_follow = field is not None and not field[2]
        if field is None:
            rest.append(argument)
    return rest


def define(flag_values: flags.FlagValues, preset: Any, arguments: Sequence[str]) -> None:
    """Defines a flag for every field of `preset`, whose values are the defaults.

    Raises:
        UserError: if `arguments` set an unknown field; the message suggests the nearest names.
    """
    fields = {name: (hint, value) for name, hint, value in _fields(preset)}
    for argument in arguments:
        field = _NAME.match(argument)
        if field is not None and field[1] not in fields:
            raise UserError(f'unknown field "{field[1]}"; {nearest(field[1], fields)}')
    for name, (hint, value) in fields.items():
        name = "config." + name
        if hint is bool:
            flags.DEFINE_boolean(name, value, None, flag_values)
        else:
            flags.DEFINE(_PARSERS.get(hint) or _Parser(hint), name, value, None, flag_values)


def frozen(flag_values: flags.FlagValues, preset: Any, codes_of: Any = None) -> Any:
    """The configuration given by the flags, of the preset's class.

    If a flag changes the kind of the quantizer, the preset's settings of the old kind are dropped,
    and so are those that no longer have an effect, such as `revival_count` without a revival.
    Settings given by flags are kept, and refused if the new kind does not have them.

    Args:
        flag_values: after parsing.
        preset: what `define` got.
        codes_of: the configuration of another model, whose codes the model shares: the fields that
            decide codes are taken from it, and refused if flags set them.
    """
    values: dict[str, Any] = {}
    for name, _, _ in _fields(preset):
        *parents, last = name.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = flag_values["config." + name].value
    if "quantizer" in values:
        settings = values["quantizer"]
        dropped = [
            *preset.quantizer.foreign_fields(settings["kind"]),
            *preset.quantizer.inert_fields(settings),
        ]
        for name in dropped:
            if not flag_values[f"config.quantizer.{name}"].present:
                settings[name] = None
    if codes_of is not None:
        for name in preset.code_fields:
            for flag in flag_values:
                named = flag == f"config.{name}" or flag.startswith(f"config.{name}.")
                if named and flag_values[flag].present:
                    raise UserError(f"--{flag} is taken from --codes_from; leave it out")
        every = config_lib.to_dict(codes_of)
        values |= {name: every[name] for name in preset.fields_of_codes(codes_of)}
        values["frozen_codes"] = True
    return config_lib.from_dict(type(preset), values)


def names(preset: Any) -> list[str]:
    """Dotted names of all fields of a preset.

    >>> from vqvae_tf.config import SoundDataConfig
    >>> names(SoundDataConfig())
    ['trim_db', 'loudness']
    """
    return [name for name, _, _ in _fields(preset)]


def described(preset: Any) -> str:
    """The flags of a preset's fields, what they mean, and the preset's values, which are defaults.

    >>> from vqvae_tf.config import TrainingConfig
    >>> print(described(TrainingConfig(steps=5)).partition("  --config.batch_size")[0])
      --config.steps: number of updates.
        (default: 5)
    <BLANKLINE>
    """
    about = meanings(type(preset))
    lines = []
    for name, hint, value in _fields(preset):
        meaning = about.get(name, "")
        flag = f"--{'[no]' * (hint is bool)}config.{name}: {meaning}"
        lines.append(flags.text_wrap(flag, indent=" " * 4, firstline_indent=" " * 2))
        if value is not None or "by default" not in meaning:
            lines.append(flags.text_wrap(f"(default: {_typed(value)})", indent=" " * 4))
    return "\n".join(lines)


def _typed(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


class _Parser(flags.ArgumentParser):
    """Parser of tuples, whose items are separated by commas, and of optional values.

    Text that cannot be converted is kept; the configuration refuses it by the field's name.
    """

    def __init__(self, hint):
        options = set(typing.get_args(hint)) - {type(None)}
        self._may_be_none = typing.get_origin(hint) is not tuple
        if self._may_be_none:
            (hint,) = options
        self._is_tuple = typing.get_origin(hint) is tuple
        self._item = typing.get_args(hint)[0] if self._is_tuple else hint

    def parse(self, argument):
        if not isinstance(argument, str):  # the default
            return argument
        if self._may_be_none and argument == "None":
            return None
        if self._is_tuple:
            return tuple(self._convert(item) for item in argument.split(",") if argument)
        return self._convert(argument)

    def flag_type(self):
        return "list" if self._is_tuple else self._item.__name__

    def _convert(self, text):
        try:
            return _PARSERS[self._item].parse(text)
        except ValueError:
            return text


_PARSERS: dict[type, flags.ArgumentParser] = {
    bool: flags.BooleanParser(),
    int: flags.IntegerParser(),
    float: flags.FloatParser(),
    str: flags.ArgumentParser(),
}


def _fields(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, declared type and value of every field, of nested configurations too."""
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _fields(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, hints[field.name], value
