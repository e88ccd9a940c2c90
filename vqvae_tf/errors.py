"""The error for mistakes that the user can correct, and helpers for messages."""

import difflib
import re
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

_SHOWN = 5  # names in a message
_MOST_KNOWN = 100  # names that may be given, in a message
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class UserError(ValueError):
    """A mistake that the user can correct; programs print it in one line and exit with 2."""

    # Keras and AutoGraph pass such errors on unchanged. To the messages of other errors they add a
    # dozen lines, and AutoGraph changes the type.
    _keras_call_info_injected = True
    ag_pass_through = True


def nearest(name: str, known: Iterable[str]) -> str:
    """The names most similar to `name`, as the end of an error message.

    >>> nearest("photo", ["photos", "cifar10"])
    'nearest: photos (all: cifar10, photos)'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    more = f", ... ({len(known):,} in all)" if len(known) > _MOST_KNOWN else ""
    every = f"all: {', '.join(known[:_MOST_KNOWN])}{more}"
    return f"nearest: {', '.join(close)} ({every})" if close else every


def shown(value: Any) -> str:
    """A value for an error message: short and on one line.

    >>> shown("photos"), shown([1] * 10_000)
    ("'photos'", '[1, 1, 1, 1, 1, 1, ...]')
    """
    try:
        return re.sub(r"\s*\n\s*", " ", _SHORT.repr(value))
    except ValueError:  # Python refuses to print numbers of more than 4,300 digits
        return f"a very large {type(value).__name__}"


def listed(names: Sequence[str]) -> str:
    """Names for a message: the first few, and the number of all.

    >>> listed(["ann", "bob"]), listed(["ann"] * 9)
    ('ann, bob', 'ann, ann, ann, ann, ann, ... (9 in all)')
    """
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def counted(number: int, noun: str) -> str:
    """A number of things, of a noun whose plural ends in s.

    >>> counted(1, "sound"), counted(12_000, "sound")
    ('1 sound', '12,000 sounds')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reason(error: BaseException) -> str:
    """First line of an error, without the names of operations that TensorFlow adds.

    >>> reason(OSError("{{node Save}} No space left on device [Op:Save]"))
    'No space left on device'
    """
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    lines = re.sub(r"{{.*?}} |\s*\[Op:\w+\]", "", str(message)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
