"""Robust access to folders and files: circular links, pipes, names that are not UTF-8."""

import collections
import contextlib
import os
import pathlib
import stat
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, reason
from vqvae_tf.files import is_local

HEADER_BYTES = 32  # enough to identify the kind of a file


def files_below(
    root: str,
    extensions: tuple[str, ...],
    skip: Callable[[str, UnreadableError], None] | None = None,
    is_wanted: Callable[[bytes], bool] | None = None,
) -> list[str]:
    """Paths of the files below `root`, relative to it and in order, without hidden ones.

    Every folder is read once, even if several links lead to it. A folder that cannot be read or was
    read already, and an entry with one of the endings that is not a regular file, are skipped. The
    number of files with other endings is logged in one line.

    Args:
        root: any `tf.io.gfile` path.
        extensions: the allowed endings, in lower case; upper case matches too.
        skip: called with the name and the error of each skipped entry; None logs it.
        is_wanted: function of the first bytes of a file without an ending, whether to take it; None
            takes none.

    Raises:
        UserError: `root` cannot be read.
    """
    skip = skip or (lambda name, error: logging.warning("skipped %s", error))
    walk = _walk if is_local(root) else _walk_remote
    found = []
    others: collections.Counter[str] = collections.Counter()
    for path in walk(root, skip):
        ending = os.path.splitext(path)[1].lower()
        whole = os.path.join(root, path)
        if ending in extensions:
            if is_file(whole):
                found.append(path)
            else:
                skip(printable(path), UnreadableError(f"{printable(path)}: no regular file"))
        elif len(ending) <= 1 and is_wanted and is_file(whole) and is_wanted(_header(whole)):
            found.append(path)
        else:
            others[printable(ending) or "none"] += 1
    if others:
        logging.warning(
            "%s: %d files left out for their endings: %s",
            printable(root),
            others.total(),
            ", ".join(f"{ending} ({count})" for ending, count in others.most_common(8)),
        )
    return sorted(found)


@contextlib.contextmanager
def reading(path: str) -> Iterator[tuple[Any, int]]:
    """Opens the regular file at any `tf.io.gfile` path; yields it and its size in bytes.

    Raises:
        UnreadableError: it is absent, not a regular file, or cannot be read inside the block.
    """
    if "\0" in path:
        raise UnreadableError(f"{printable(path)}: no regular file")
    try:
        if is_local(path):
            # Opening a pipe without a writer would block.
            with open(path, "rb", opener=_open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnreadableError(f"{printable(path)}: no regular file")
                yield file, status.st_size
        else:
            size = tf.io.gfile.stat(path).length
            with tf.io.gfile.GFile(path, "rb") as file:
                yield file, size
    except (OSError, tf.errors.OpError) as error:
        text = getattr(error, "strerror", None) or reason(error)
        raise UnreadableError(f"{printable(path)}: cannot be read ({text})") from error


def size(path: str) -> int:
    """Size in bytes of the file at any `tf.io.gfile` path.

    Raises:
        UnreadableError: there is no file.
    """
    try:
        return os.stat(path).st_size if is_local(path) else tf.io.gfile.stat(path).length
    except (OSError, tf.errors.OpError) as error:
        raise UnreadableError(f"{printable(path)}: cannot be read ({reason(error)})") from error


def check_folder(uri: str, path: str) -> None:
    """Checks that there is a folder at any `tf.io.gfile` path.

    Args:
        uri: the data URI, for messages.
        path: the folder.

    Raises:
        UserError: there is none, or TensorFlow cannot check it.
    """
    try:
        found = os.path.isdir(path) if is_local(path) else tf.io.gfile.isdir(path)
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(f"{printable(path)}: cannot be read ({reason(error)})") from error
    if not found:
        raise UserError(
            f'{uri}: there is no folder "{printable(path)}"; give the path of an existing one'
        )


def is_file(path: str) -> bool:
    """Whether there is a regular file at any `tf.io.gfile` path, or a link to one."""
    return os.path.isfile(path) if is_local(path) else not tf.io.gfile.isdir(path)


def printable(name: str) -> str:
    r"""The name as one printable line.

    Unprintable characters and bytes that are not UTF-8 are escaped.

    >>> printable("caf\udce9\n.png")
    'caf\\xe9\\n.png'
    """
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in name)


def _escaped(letter: str) -> str:
    byte = ord(letter) - 0xDC00  # Python's surrogate of a byte that is not UTF-8
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else letter.encode("unicode_escape").decode()


def _walk(root: str, skip: Callable[[str, UnreadableError], None]) -> Iterator[str]:
    """Relative paths of everything but folders; real folders are read before linked ones."""
    seen = set()  # includes the parents of the root, so that links to them are not followed
    for holder in pathlib.Path(os.path.realpath(root)).parents:
        with contextlib.suppress(OSError):
            seen.add(_identity(holder))
    real, linked = collections.deque([""]), collections.deque[str]()
    while real or linked:
        below = real.popleft() if real else linked.popleft()
        folder = os.path.join(root, below) if below else root
        try:
            identity = _identity(folder)
            if identity in seen:
                raise OSError("a link to a folder that was already read, or contains this one")
            seen.add(identity)
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            text = f"{printable(below or root)}: {error.strerror or error}"
            if not below:
                raise UserError(f"{text}; give a folder that can be read") from error
            skip(printable(below), UnreadableError(text))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = os.path.join(below, entry.name)
            if _is_folder(entry):
                (linked if entry.is_symlink() else real).append(path)
            else:
                yield path


def _identity(path: str | os.PathLike) -> tuple[int, int]:
    """The identity of a folder, which is the same for all paths to it."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _walk_remote(root: str, skip: Callable[[str, UnreadableError], None]) -> Iterator[str]:
    def failed(error):
        raise UserError(f"{printable(root)}: cannot be read ({reason(error)})") from error

    for folder, _, files in tf.io.gfile.walk(root, onerror=failed):
        below = os.path.relpath(folder, root) if folder.rstrip("/") != root.rstrip("/") else ""
        if any(part.startswith(".") for part in below.split(os.sep)):
            continue
        yield from (os.path.join(below, file) for file in files if not file.startswith("."))


def _header(path: str) -> bytes:
    try:
        with reading(path) as (file, _):
            return file.read(HEADER_BYTES)
    except UnreadableError:
        return b""


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
