"""Atomic writes and other file operations on any `tf.io.gfile` path.

A file is written under a hidden name in the same folder (`.NAME.part`) and then renamed, so that
patterns do not match it before it is complete, even if the process is killed.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from vqvae_tf.errors import UserError, reason

_BLOCK = 2**22  # bytes hashed at once


class LockedError(UserError):
    """Another process holds a lock."""


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Writes a whole file.

    Raises:
        UserError: if it cannot be written; an earlier file of that name is then unchanged.
    """
    with replacing(path) as partial, tf.io.gfile.GFile(partial, "wb") as file:
        file.write(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """`write_bytes` of text, as UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike, value: Any) -> None:
    """`write_text` of `as_json`."""
    write_text(path, as_json(value))


def as_json(value: Any) -> str:
    r"""A value as JSON; numbers that JSON does not have (infinities, NaN) become null.

    >>> as_json([1.0, float("nan")])
    '[\n  1.0,\n  null\n]\n'
    """
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


@contextlib.contextmanager
def replacing(path: str | os.PathLike, mark: str = "") -> Iterator[str]:
    """Yields a temporary path, which is renamed to `path` at the end, or removed on failure.

    Args:
        path: the file.
        mark: what the temporary name begins with, after the dot.

    Raises:
        UserError: for an error of the file system inside the block.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "codes.bin")
    >>> with replacing(path) as partial, open(partial, "wb") as file:
    ...     os.path.basename(partial), file.write(b"codes")
    ('.codes.bin.part', 5)
    >>> os.listdir(os.path.dirname(path))
    ['codes.bin']
    """
    folder, name = os.path.split(os.fspath(path))
    partial = os.path.join(folder, f".{mark}{name}.part")
    with writing(path):
        try:
            yield partial
            tf.io.gfile.rename(partial, os.fspath(path), overwrite=True)
        except BaseException:
            with contextlib.suppress(OSError, tf.errors.OpError):
                tf.io.gfile.remove(partial)
            raise


def writing(path: str | os.PathLike) -> contextlib.AbstractContextManager[None]:
    """A context in which errors of the file system become a one-line error about writing `path`.

    Raises:
        UserError: for any error of the file system.
    """
    return _in_one_line(f"cannot write {os.fspath(path)}", remedy)


def remedy(error: BaseException) -> str:
    """What to do about an error in writing a file, as the end of a message.

    >>> remedy(IsADirectoryError(errno.EISDIR, "Is a directory"))
    'give another path'
    """
    full = isinstance(error, tf.errors.ResourceExhaustedError)
    if full or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return "free some space there and run the command again, or give another path"
    return "give another path"


def reading(path: str | os.PathLike) -> contextlib.AbstractContextManager[None]:
    """A context in which errors of the file system become a one-line error about reading `path`.

    Raises:
        UserError: for any error of the file system.
    """
    return _in_one_line(
        f"cannot read {os.fspath(path)}", lambda error: "correct this or give another path"
    )


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A context with a folder for files of the moment, which is removed at the end.

    Raises:
        UserError: for an error of the file system inside the block, which should do nothing else.
    """
    with _in_one_line("cannot write temporary files", _free_or_move):
        place = tempfile.gettempdir()  # fails if it finds none that can be written to
        with (
            _in_one_line(f"cannot write temporary files in {place}", _free_or_move),
            tempfile.TemporaryDirectory() as folder,
        ):
            yield folder


@contextlib.contextmanager
def locked(path: str, busy: str, wait: bool = False, create: bool = False) -> Iterator[bool]:
    """A context that holds the lock of a local file or folder.

    The operating system releases the lock when this process ends, for any reason. If the file
    system does not support locks, a warning is logged, and the context's value is False.

    Args:
        path: the file or folder.
        busy: the message if another process, or another context of this one, holds the lock.
        wait: whether to wait for it.
        create: whether to create the file if it is absent.

    Raises:
        LockedError: if another one holds it and `wait` is false.
        UserError: if it cannot be opened.
    """
    with writing(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT if create else os.O_RDONLY, 0o666)
    held = True
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise LockedError(busy) from None
        except OSError as error:
            logging.warning("cannot lock %s (%s): start no second run there", path, error)
            held = False
        yield held
    finally:
        os.close(lock)


def is_local(path: str) -> bool:
    """Whether the path is on this machine, not a `SCHEME://` of `tf.io.gfile`."""
    return "://" not in path


def sha256(file: Any) -> str:
    """The hexadecimal digest of the rest of an open file, read block by block.

    >>> import io
    >>> sha256(io.BytesIO(b"codes"))[:8]
    '64a7994c'
    """
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; none if it does not exist.

    >>> import tempfile
    >>> names_in(tempfile.mkdtemp()), names_in("absent")
    ([], [])
    """
    if is_local(folder):  # TensorFlow fails at names that are not UTF-8
        found = os.listdir(folder) if os.path.isdir(folder) else []
    else:
        found = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    return sorted(name.rstrip("/") for name in found)


def _free_or_move(_):
    return "free some space there, or set TMPDIR to another folder"


@contextlib.contextmanager
def _in_one_line(what, way_out):
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{what} ({reason(error)}); {way_out(error)}") from None


def _finite(value):
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value
