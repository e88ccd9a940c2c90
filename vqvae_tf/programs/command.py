"""What all programs share: flags, configurations by flag, and errors that end in one line."""

import dataclasses
import logging as stdlib_logging
import os
import sys
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

import ml_collections
import tensorflow as tf
from absl import flags, logging
from ml_collections import config_flags

from vqvae_tf import config as config_lib
from vqvae_tf import presets
from vqvae_tf.errors import UserError, nearest, reason
from vqvae_tf.training import strategies

MISTAKE, INTERRUPTED = 2, 130  # exit codes

# What TensorFlow raises when a file or a folder is not what it should be, or a disk is full.
_FILE_ERRORS = (
    tf.errors.AlreadyExistsError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
)


def run(
    main: Callable[[], None],
    flag_values: flags.FlagValues,
    usage: str,
    default_preset: str | None = None,
) -> None:
    """Parses `sys.argv`, calls `main`, and exits.

    A wrong flag, field or file ends in one line and exit code 2. Ctrl-C ends in a line that
    says where the run was saved.

    Args:
        main: the program proper; reads its flags by itself.
        flag_values: the program's flags.
        usage: shown above the flags by `--help`.
        default_preset: for programs with `--preset`: the one whose fields `--help` shows. They
            get `--config.FIELD=VALUE` for every field of the preset named on the command line.
    """
    _log_what_users_want()
    try:
        preset = None
        if default_preset is not None:
            preset = presets.preset(_flag("preset", default_preset))
            _define_config(flag_values, preset)
        if any(argument in ("--help", "-h") for argument in sys.argv[1:]):
            print(usage.strip(), flag_values.get_help(), _fields(preset), sep="\n\n")
            return
        positional = flag_values(sys.argv)[1:]
        if positional:
            raise UserError(f'"{positional[0]}" is no flag; flags are written --NAME=VALUE')
        main()
    except (UserError, flags.Error) as error:
        sys.exit(_say(error, MISTAKE))
    except (OSError, *_FILE_ERRORS) as error:
        sys.exit(_say(reason(error), MISTAKE))
    except KeyboardInterrupt as error:  # training says where it saved
        sys.exit(_say(str(error) or "stopped", INTERRUPTED))


class RunFlags(NamedTuple):
    """The flags of every program that trains: on what, where, on which devices."""

    data: flags.FlagHolder
    validation: flags.FlagHolder
    workdir: flags.FlagHolder
    strategy: flags.FlagHolder


def define_run(flag_values: flags.FlagValues, data: str) -> RunFlags:
    """Defines the flags of a training run; `data` says what `--data` is."""

    def text(name, default, words, **options):
        return flags.DEFINE_string(name, default, words, flag_values=flag_values, **options)

    return RunFlags(
        data=text("data", None, data, required=True),
        validation=text(
            "validation", None, "URI of the data to evaluate on; the training data by default."
        ),
        workdir=text("workdir", None, "Folder of the run.", required=True),
        strategy=text("strategy", "default", f"One of {', '.join(strategies.NAMES)}."),
    )


def frozen_config(flag_values: flags.FlagValues, preset: Any) -> Any:
    """The configuration after `--config.FIELD=VALUE`, frozen again.

    Where a flag gives the quantizer another kind, the preset's settings of the old kind are left
    out; those that flags give stay, and are refused if the new kind does not have them.
    """
    values = flag_values.config.to_dict()
    quantizer = values.get("quantizer")
    if quantizer is not None and quantizer["kind"] != preset.quantizer.kind:
        for name in preset.quantizer.foreign_fields(quantizer["kind"]):
            if quantizer[name] == getattr(preset.quantizer, name):
                quantizer[name] = None
    return config_lib.from_dict(type(preset), values)


def sides(flag: flags.FlagHolder) -> tuple[int, ...] | None:
    """The value of a list flag that holds the sides of a grid of codes, or None."""
    given = flag.value
    if given is None:
        return None
    if not given or not all(side.isdecimal() and int(side) for side in given):
        raise UserError(
            f"--{flag.name} must hold the sides of a grid of codes, such as 32,32; received "
            f"{','.join(given)}"
        )
    return tuple(map(int, given))


def height_width(flag: flags.FlagHolder, unit: str) -> tuple[int, int] | None:
    """The value of a list flag that is HEIGHT,WIDTH in `unit`, or None."""
    sides = flag.value
    if sides is None:
        return None
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise UserError(f"--{flag.name} must be HEIGHT,WIDTH in {unit}; received {','.join(sides)}")
    return int(sides[0]), int(sides[1])


def _log_what_users_want() -> None:
    """Our own news and all warnings, but not what TensorFlow tells those who write programs."""
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    ours = os.path.dirname(os.path.dirname(__file__))
    logging.get_absl_handler().addFilter(
        lambda record: record.levelno > stdlib_logging.INFO or record.pathname.startswith(ours)
    )
    tf.get_logger().setLevel("ERROR")


def _fields(preset: Any) -> str:
    """The part of `--help` about `--config.FIELD=VALUE`; empty without a preset."""
    if preset is None:
        return ""
    lines = [f"  {name}: {value!r}" for name, value in _leaves(config_lib.to_dict(preset)).items()]
    return "\n".join(["--config.FIELD=VALUE sets a field over the preset's value:", *lines])


def _say(what: Exception | str, code: int) -> int:
    message = " ".join(str(what).split())
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    return code


def _define_config(flag_values: flags.FlagValues, preset: Any) -> None:
    """Defines `--config.FIELD=VALUE` for every field of `preset`, which gives the defaults."""
    known = list(_leaves(config_lib.to_dict(preset)))
    for argument in sys.argv[1:]:
        name = argument.lstrip("-").partition("=")[0]
        if name.startswith("config.") and name[7:] not in known:
            raise UserError(f'unknown field "{name[7:]}"; {nearest(name[7:], known)}')
    config_flags.DEFINE_config_dict("config", _settable(preset), flag_values=flag_values)


def _settable(config: Any) -> ml_collections.ConfigDict:
    """A mutable copy, which config_flags asks for."""
    hints = typing.get_type_hints(type(config))
    values = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            value = _settable(value)
        elif type(None) in typing.get_args(hints[field.name]):
            # As an object it is parsed as a Python literal, so that it can become None or be it.
            value = ml_collections.FieldReference(value, field_type=object)
        values[field.name] = value
    return ml_collections.ConfigDict(values)


def _flag(name: str, default: str) -> str:
    """Last value of `--name` in `sys.argv`, read before the flags that hang on it are defined."""
    arguments, found = sys.argv[1:], default
    for place, argument in enumerate(arguments):
        flag, equals, value = argument.lstrip("-").partition("=")
        if flag == name and argument.startswith("-"):
            found = value if equals else (arguments[place + 1 :] or [default])[0]
    return found


def _leaves(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, under dotted names."""
    leaves: dict[str, Any] = {}
    for name, value in values.items():
        inner = isinstance(value, dict)
        leaves |= _leaves(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return leaves
