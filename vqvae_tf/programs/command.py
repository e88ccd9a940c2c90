"""What all programs do around their `main`: parse flags, show help, print errors in one line.

Nothing here imports TensorFlow, which `--help` and the refusal of a wrong flag do not need.
"""

import contextlib
import inspect
import logging as stdlib_logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable

from absl import flags, logging

from vqvae_tf import presets
from vqvae_tf.errors import UserError, reason
from vqvae_tf.programs import config_flags

MISTAKE, INTERRUPTED = 2, 130  # exit codes
_LONGEST_MESSAGE = 1_000  # characters
_AGAIN = 0.1  # seconds until a lost interruption is repeated


def run(
    main: Callable[[], None],
    flag_values: flags.FlagValues,
    usage: str,
    preset: flags.FlagHolder | None = None,
) -> None:
    """Parses `sys.argv`, calls `main`, and exits.

    For a wrong flag, field or file it prints one line and exits with code 2. For Ctrl-C and SIGTERM
    it prints a line, which names the last checkpoint of a training, and exits with code 130.

    Args:
        main: the body of the program, which reads its flags and imports the library.
        flag_values: the program's flags.
        usage: text that `--help` shows above the flags.
        preset: the flag `--preset` of programs that have it. They get `--config.FIELD=VALUE` for
            every field of the preset named on the command line.
    """
    try:
        with _terminated_as_by_ctrl_c():
            _parse_and_call(main, flag_values, usage, preset)
        _flush()  # not at exit, where a full disk would give a traceback
    except BrokenPipeError:  # the reader of the output has closed it
        _discard_output()
        sys.exit(1)
    except (UserError, flags.Error) as error:
        sys.exit(_say(error, MISTAKE))
    except KeyboardInterrupt as error:  # training names the checkpoint
        sys.exit(_say(str(error) or "stopped", INTERRUPTED))
    except Exception as error:
        if not isinstance(error, (OSError, MemoryError, *_tensorflow_errors())):
            raise
        sys.exit(_say(reason(error), MISTAKE))


def _parse_and_call(main, flag_values, usage, preset):
    arguments = _arguments(flag_values)
    _log_what_users_want()
    # The flags of fields depend on the preset, which another flag names.
    ours = arguments if preset is None else config_flags.without(arguments)
    if any(argument in _HELP for argument in ours):
        with contextlib.suppress(flags.Error, ValueError):  # help is shown despite other errors
            _parse(flag_values, [each for each in ours if each not in _HELP], usage)
        print(usage.strip(), flag_values.get_help(), sep="\n\n")
        if preset is not None:
            print("\n" + _fields(flag_values[preset.name]))
        return
    _parse(flag_values, ours, usage)
    if preset is not None:
        config_flags.define(flag_values, presets.preset(str(preset.value)), arguments)
        _parse(flag_values, arguments, usage)
    main()


@contextlib.contextmanager
def _terminated_as_by_ctrl_c():
    """SIGTERM raises `KeyboardInterrupt`, so that unfinished files and processes are not left.

    An interruption that was raised where exceptions are ignored is repeated. Such a place is JAX's
    callback of the garbage collector, which is busy while packages are imported.
    """
    main = threading.main_thread()
    ours = threading.current_thread() is main
    if not ours or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    usual = sys.unraisablehook

    def repeat(found):
        if issubclass(found.exc_type, KeyboardInterrupt):
            # Later and from another thread, for it would be lost here too.
            again.enter_context(_after(_AGAIN, signal.pthread_kill, main.ident, signal.SIGTERM))
        else:
            usual(found)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = repeat
    try:
        with contextlib.ExitStack() as again:
            yield
    finally:
        sys.unraisablehook = usual
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def _after(seconds, function, *arguments):
    """Calls a function of another thread after some time, unless the context ends before."""
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


_HELP = ("--help", "-help", "-h", "--helpshort", "--helpfull")


def _arguments(flag_values):
    """The arguments, including those of `--flagfile`, if they are valid text."""
    try:
        arguments = flag_values.read_flags_from_files(sys.argv[1:], force_gnu=False)
    except UnicodeDecodeError as error:
        raise UserError(f"--flagfile names a file that is not text ({error})") from None
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UserError(f"{ascii(argument)} is not UTF-8; rename the file") from None
        if "\0" in argument:
            raise UserError(f"{ascii(argument)} contains a NUL character; leave it out")
    return arguments


_MISSING = re.compile(r"Flag --(\w+) must have a value other than None")  # absl's words


def _parse(flag_values, arguments, usage):
    try:
        positional = flag_values([sys.argv[0], *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        if field := _field_meant(flag_values, error.flagname):
            raise UserError(
                f"unknown flag --{error.flagname}; a field of the preset is set by --config.{field}"
            ) from None
        raise
    except flags.IllegalFlagValueError as error:
        if missing := _MISSING.findall(str(error)):
            raise UserError(_missing(missing, usage)) from None
        raise
    except ValueError as error:  # not converted by absl
        raise UserError(reason(error)) from None
    if positional:
        raise UserError(f'"{positional[0]}" is no flag; flags are written --NAME=VALUE')
    for name in flag_values:
        if flag_values[name].value == "":
            raise UserError(f"--{name} is empty; give a value, or leave the flag out")


def _missing(names, usage):
    """The message about required flags that were not given, with the values of the example."""
    examples = [re.search(rf"--{name}=\S+", usage) for name in names]
    such = " ".join(example[0] for example in examples if example)
    told = " and ".join(
        filter(None, [", ".join(f"--{name}" for name in names[:-1]), "--" + names[-1]])
    )
    verb, them = ("are", "them") if len(names) > 1 else ("is", "it")
    return f"{told} {verb} missing; give {them}, such as {such}, or see --help"


def _field_meant(flag_values, name):
    """The field of the preset that ends in an unknown flag's name; None if there is none."""
    if "preset" not in flag_values or flag_values["preset"].value not in presets.PRESETS:
        return None
    fields = config_flags.names(presets.preset(flag_values["preset"].value))
    return next((each for each in fields if f".{each}".endswith(f".{name}")), None)


def _log_what_users_want() -> None:
    """Logs the library's messages and all warnings, but not TensorFlow's messages to developers."""
    flags.FLAGS.mark_as_parsed()  # absl's own, without which it warns that logs come too early
    flags.FLAGS["logtostderr"].value = True  # that of the moment, not that of absl's import
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    ours = os.path.dirname(os.path.dirname(__file__))
    logging.get_absl_handler().addFilter(
        lambda record: record.levelno > stdlib_logging.INFO or record.pathname.startswith(ours)
    )
    stdlib_logging.getLogger("tensorflow").setLevel("ERROR")


def _fields(preset_flag: flags.Flag) -> str:
    """The part of `--help` about `--config.FIELD=VALUE`."""
    if not preset_flag.present:
        return "--config.FIELD=VALUE sets a field; --preset=NAME --help lists those of a preset."
    name = str(preset_flag.value)
    fields = config_flags.described(presets.preset(name))
    about = inspect.getdoc(presets.PRESETS[name])
    return (
        f"The preset {name}: {about}\n\n"
        f"--config.FIELD=VALUE sets a field over the preset's value:\n{fields}"
    )


def _say(what: Exception | str, code: int) -> int:
    """Prints one line; long messages are cut and unprintable characters escaped."""
    message = " ".join(str(what).split())
    if len(message) > _LONGEST_MESSAGE:
        half = _LONGEST_MESSAGE // 2
        message = f"{message[:half]} ... {message[-half:]}"
    message = "".join(
        each if each.isprintable() else ascii(each)[1:-1]  # "\x1b" for a terminal's escape
        for each in message
    )
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    try:
        _flush()
    except OSError:
        _discard_output()
    return code


def _flush():
    if sys.stdout is not None:  # a program may be started with its output closed
        sys.stdout.flush()


def _discard_output():
    """Discards buffered output, so that Python does not try to write it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    """The errors that TensorFlow raises for a wrong file or folder, or a full disk."""
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    if errors is None:
        return ()
    return (
        errors.AlreadyExistsError,
        errors.FailedPreconditionError,
        errors.NotFoundError,
        errors.PermissionDeniedError,
        errors.ResourceExhaustedError,
        errors.UnavailableError,
    )
