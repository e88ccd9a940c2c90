"""Files with results: what the library did not write is never replaced.

`.vqvae_tf.sha256`, a hidden file in each folder of results, has a line for each file that was
written there: its SHA-256, its name and what kind of results it is one of, if of any. A file is
replaced only if it is listed and has not changed since. A line is added before its file appears, so
that a job that is killed at any moment can be repeated. A job locks the folder, so that two jobs
never mix their results, and removes what a killed one left half-written, which the names tell.
"""

import contextlib
import contextvars
import json
import os
import re
from collections.abc import Iterator, Mapping

import tensorflow as tf
from absl import logging

from vqvae_tf import files
from vqvae_tf.errors import UserError, counted

LIST = ".vqvae_tf.sha256"
_MARK = "vqvae_tf."  # begins the names of unfinished files, which are nobody else's then
_PARTIAL = re.compile(rf"\.{re.escape(_MARK)}.+\.part", re.DOTALL)
_WAIT = "wait for its end or give another path"
_LINE = re.compile(r'([0-9a-f]{64}) ("(?:[^"\\]|\\.)*")(?: (\w+))?')


class _Written:
    """The list of a folder.

    Attributes:
        kind: what kind of results the files are that are added; None for none.
        replaces: whether the next one takes the place of all earlier results of its kind.
    """

    def __init__(self, folder: str):
        self.kind: str | None = None
        self.replaces = False
        self._kinds: dict[str, str | None] = {}
        self._folder = folder
        self._path = os.path.join(folder, LIST)
        self._digests: dict[str, set[str]] = {}
        text = ""
        if tf.io.gfile.exists(self._path):
            with files.reading(self._path), tf.io.gfile.GFile(self._path, "rb") as file:
                text = file.read().decode("ascii", "replace")
        for line in text.splitlines():
            if match := _LINE.fullmatch(line):  # the last one may have been cut off by a kill
                with contextlib.suppress(ValueError):
                    name = json.loads(match[2])
                    self._digests.setdefault(name, set()).add(match[1])
                    self._kinds[name] = match[3]
        self._cut_off = bool(text) and not text.endswith("\n")

    def check(self, name: str) -> None:
        """Refuses a name of something that the library did not write, or that has changed since."""
        path = os.path.join(self._folder, name)
        local = files.is_local(path)
        if not (os.path.lexists(path) if local else tf.io.gfile.exists(path)):
            return
        with files.reading(path):
            regular = not tf.io.gfile.isdir(path)
            if local:  # opening a pipe would block
                regular = os.path.isfile(path) and not os.path.islink(path)
            if regular and name in self._digests:
                with tf.io.gfile.GFile(path, "rb") as file:
                    if files.sha256(file) in self._digests[name]:
                        return
        raise UserError(
            f"{path} exists, and vqvae_tf did not write it or it has changed since; move it away "
            "or give another path"
        )

    def add(self, name: str, path: str) -> None:
        """Adds the file at `path`, which will get the name `name`."""
        with tf.io.gfile.GFile(path, "rb") as file:
            digest = files.sha256(file)
        if self.replaces:
            self._remove_earlier()
        known = self._digests.setdefault(name, set())
        if digest in known and self._kinds[name] == self.kind:
            return
        line = f"{digest} {json.dumps(name)}{f' {self.kind}' if self.kind else ''}\n"
        with tf.io.gfile.GFile(self._path, "ab") as file:
            file.write(("\n" if self._cut_off else "") + line)
        known.add(digest)
        self._kinds[name] = self.kind
        self._cut_off = False

    def _remove_earlier(self) -> None:
        """Removes the files of this kind that were there before and have not changed since."""
        self.replaces, removed = False, 0
        for name, kind in self._kinds.items():
            path = os.path.join(self._folder, name)
            if kind != self.kind or not tf.io.gfile.exists(path):
                continue
            try:
                self.check(name)
            except UserError:
                logging.warning("%s of an earlier run has changed since, and stays", path)
                continue
            with files.writing(path):
                tf.io.gfile.remove(path)
            removed += 1
        if removed:
            what = counted(removed, "result")
            logging.info("%s: removed %s of an earlier run", self._folder, what)


# The lists of the folders that jobs of this thread write to, by their real paths.
_JOBS: contextvars.ContextVar[Mapping[str, _Written]] = contextvars.ContextVar("jobs")


@contextlib.contextmanager
def job(folder: str, wait: bool = False) -> Iterator[_Written]:
    """A context for a job that writes results to `folder`, which is made if it is absent.

    Args:
        folder: any `tf.io.gfile` path; one that is not local is not locked.
        wait: whether to wait for the end of another job there.

    Raises:
        UserError: if another job is writing there, or the folder cannot be written to.
    """
    folder = folder or "."
    with files.writing(folder):
        tf.io.gfile.makedirs(folder)
    place = os.path.realpath(folder) if files.is_local(folder) else folder
    running = _JOBS.get({})
    if place in running:
        yield running[place]
        return
    busy = f"another job is writing to {folder}"
    with contextlib.ExitStack() as held:
        locked = False
        if files.is_local(folder):
            try:
                locked = held.enter_context(files.locked(folder, f"{busy}; {_WAIT}"))
            except files.LockedError:
                if not wait:
                    raise
                logging.warning("%s; waiting for its end", busy)
                locked = held.enter_context(files.locked(folder, busy, wait=True))
        if locked:  # else another job may be writing them
            _remove_partial(folder)
        written = _Written(folder)
        before = _JOBS.set({**running, place: written})
        held.callback(_JOBS.reset, before)
        yield written


@contextlib.contextmanager
def results(folder: str, kind: str) -> Iterator[None]:
    """A `job` whose results take the place of all earlier ones of their kind in the folder.

    Before the first one is written, those of earlier jobs are removed, so that a job that is killed
    leaves no results of two jobs beside each other.

    Args:
        folder: any `tf.io.gfile` path.
        kind: one word, such as `samples`.

    Raises:
        UserError: as `job`.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> for names in ("abc", "ad"):
    ...     with results(folder, "letters"):
    ...         for name in names:
    ...             write_bytes(os.path.join(folder, name), b"")
    >>> sorted(os.listdir(folder))
    ['.vqvae_tf.sha256', 'a', 'd']
    """
    with job(folder) as written:
        written.kind, written.replaces = kind, True
        yield


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[str]:
    """`files.replacing` that replaces only what the library wrote.

    Raises:
        UserError: for an existing file that is not listed or has changed, or if it cannot be
            written.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "codes.bin")
    >>> for codes in (b"1", b"2"):
    ...     with replacing(path) as partial, open(partial, "wb") as file:
    ...         _ = file.write(codes)
    >>> with open(path, "w") as file:
    ...     _ = file.write("mine")
    >>> try:
    ...     check(path)
    ... except UserError as error:
    ...     print(str(error).partition("codes.bin")[2].partition(";")[0])
     exists, and vqvae_tf did not write it or it has changed since
    """
    folder, name = os.path.split(os.fspath(path))
    with job(folder, wait=True) as written:
        written.check(name)
        with files.replacing(path, _MARK) as partial:
            yield partial
            written.add(name, partial)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """`files.write_bytes` that replaces only what the library wrote.

    Raises:
        UserError: as `replacing`.
    """
    with replacing(path) as partial, tf.io.gfile.GFile(partial, "wb") as file:
        file.write(data)


def check(path: str | os.PathLike) -> None:
    """Refuses a path that `replacing` would refuse, before the result is computed.

    Raises:
        UserError: for an existing file that is not listed or has changed.
    """
    folder, name = os.path.split(os.fspath(path))
    _Written(folder or ".").check(name)


def _remove_partial(folder: str) -> None:
    """Removes files that a killed job left unfinished; a failure does no harm."""
    for name in files.names_in(folder):
        if _PARTIAL.fullmatch(name):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, name))
