"""The list of the files that exports wrote into a folder; an export may replace only these.

`vqvae_export.json` lists the files of each export with their digests, and the inputs and outputs of
its signatures. A file that is not listed, or has changed since, is not replaced, and an export that
needs its name is refused. An export is written to a hidden folder inside the output folder and
moved into place at the end. Meanwhile the output folder is locked, so that a hidden folder that is
there at the start belongs to an export that was killed.
"""

import contextlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from vqvae_tf import __version__, arguments, files
from vqvae_tf.errors import UserError, reason

NAME = "vqvae_export.json"
_HIDDEN = r"\.vqvae_export\.[0-9a-f]{32}"  # the folder of an export in progress
_NEW, _REPLACED = "new", "replaced"


def check(folder: str, names: Sequence[str]) -> None:
    """Checks whether an export may write the files `names` into `folder`.

    Args:
        folder: need not exist; "" is the current folder.
        names: relative paths, with "/" between folders.

    Raises:
        UserError: if a file exists that no export wrote, or `folder` cannot be a folder.
    """
    if folder:
        arguments.path("output", folder)
    listed = _listed(_read(folder))
    if folder and tf.io.gfile.exists(folder) and not tf.io.gfile.isdir(folder):
        raise UserError(f"{folder} is a file; give another --output")
    for name in names:
        path = os.path.join(folder, name)
        parents = [os.path.join(folder, parent) for parent in _parents(name)]
        for each in (*parents, path):
            if os.path.islink(each):
                raise UserError(f"{each} is a link, which no export wrote; give another --output")
        for parent in parents:
            if tf.io.gfile.exists(parent) and not tf.io.gfile.isdir(parent):
                raise UserError(f"{parent} exists and is no export; give another --output")
        if not tf.io.gfile.exists(path):
            continue
        if name not in listed:
            raise UserError(f"{path} exists and no export wrote it; give another --output")
        if tf.io.gfile.isdir(path) or _digest(path) not in listed[name]:
            raise UserError(f"{path} has changed since it was exported; give another --output")


def signatures(folder: str, export: str) -> dict[str, Any]:
    """The descriptions of the signatures of an export in `folder`, by name; empty if unknown."""
    return _read(folder).get(export, {}).get("signatures", {})


def install(
    folder: str, export: str, write: Callable[[str], None], signatures: Mapping[str, Any]
) -> None:
    """Writes an export and moves its files into `folder`, replacing those of an earlier export.

    If this fails, the files of the earlier export are unchanged. A second export into the folder is
    refused until the end.

    Args:
        folder: created if it does not exist.
        export: name of the export in the list; another export of this name is replaced.
        write: function that writes the files into the empty folder with the given path.
        signatures: descriptions of the signatures, for the list.

    Raises:
        UserError: as in `check`, if another export is writing into the folder, or if it cannot be
            written.
    """
    check(folder, ())
    with files.writing(os.path.join(folder, NAME)), _locked(folder), _hidden_folder(folder) as here:
        new = os.path.join(here, _NEW)
        tf.io.gfile.mkdir(new)
        write(new)
        names = _names(new)
        check(folder, names)
        listed = _read(folder)
        digests = {name: [_digest(os.path.join(new, name))] for name in names}
        versions = {"vqvae_tf": __version__, "tensorflow": tf.__version__}
        entry = {"files": digests, "signatures": signatures, "versions": versions}
        earlier = _listed(listed)
        # An export that is killed between the moves leaves files of both, so the list has both.
        both = {name: [*digests[name], *earlier.get(name, ())] for name in names}
        during = {**entry, **listed.get(export, {}), "files": both}
        _write(here, folder, {**listed, export: during})
        _move(new, folder, os.path.join(here, _REPLACED), names)
        _write(here, folder, {**listed, export: entry})


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Locks `folder`, which is created if it does not exist, and removed again if it stays empty.

    What a killed export left there is undone first. Without a lock (remote paths) nothing is, as
    the export may be running.
    """
    made = bool(folder) and not tf.io.gfile.exists(folder)
    if made:
        tf.io.gfile.makedirs(folder)
    busy = f"another job is writing to {folder or '.'}; wait for its end or give another path"
    local = files.is_local(folder)
    try:
        with files.locked(folder or ".", busy) if local else contextlib.nullcontext(False) as held:
            for name in files.names_in(folder or ".") if held else ():
                path = os.path.join(folder, name)
                if re.fullmatch(_HIDDEN, name) and not os.path.islink(path):
                    _undo(folder, path)
            yield
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        raise


def _undo(folder: str, hidden: str) -> None:
    """Puts back the files that an export moved away before it was killed; removes `hidden`.

    Raises:
        UserError: if a file of that name has been written since.
    """
    replaced = os.path.join(hidden, _REPLACED)
    if _names(os.path.join(hidden, _NEW)):  # else all new files are in place
        names = _names(replaced)
        check(folder, names)
        for name in names:
            _move_file(name, replaced, folder)
    tf.io.gfile.rmtree(hidden)


@contextlib.contextmanager
def _hidden_folder(folder: str) -> Iterator[str]:
    """A new folder inside `folder`, removed at the end."""
    hidden = os.path.join(folder, f".vqvae_export.{uuid.uuid4().hex}")
    tf.io.gfile.mkdir(hidden)
    try:
        yield hidden
    finally:
        tf.io.gfile.rmtree(hidden)


def _move(new: str, folder: str, replaced: str, names: Sequence[str]) -> None:
    """Moves files from `new` into `folder`, and those that they replace to `replaced`."""
    moved = []

    def move(name, source, target):
        _move_file(name, source, target)
        moved.append((name, source, target))

    try:
        if len(names) > 1:  # one file replaces another in one step
            for name in reversed(names):
                if tf.io.gfile.exists(os.path.join(folder, name)):
                    move(name, folder, replaced)
        for name in names:
            move(name, new, folder)
    except BaseException:
        for name, source, target in reversed(moved):
            _move_file(name, target, source)
        raise


def _move_file(name: str, source: str, target: str) -> None:
    """Moves the file with the relative name `name` from one folder to another."""
    tf.io.gfile.makedirs(os.path.dirname(os.path.join(target, name)))
    tf.io.gfile.rename(os.path.join(source, name), os.path.join(target, name), overwrite=True)


def _read(folder: str) -> dict[str, Any]:
    """The list of exports in `folder`, by name; empty if there is none."""
    path = os.path.join(folder, NAME)
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would never end
        raise UserError(f"{path} is no list of exported files; give another --output")
    try:
        with tf.io.gfile.GFile(path) as file:
            text = file.read()
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError):
        return {}
    except (UnicodeDecodeError, OSError, tf.errors.OpError) as error:
        raise UserError(f"cannot read {path} ({reason(error)}); give another --output") from None
    try:
        written = json.loads(text)
        exports = written.pop("exports")
        if not _listed(exports) or written:
            raise ValueError
        return exports
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"{path} is no list of exported files; give another --output") from None


def _write(hidden: str, folder: str, exports: Mapping[str, Any]) -> None:
    files.write_json(os.path.join(hidden, NAME), {"exports": exports})
    tf.io.gfile.rename(os.path.join(hidden, NAME), os.path.join(folder, NAME), overwrite=True)


def _listed(exports: Mapping[str, Any]) -> dict[str, list[str]]:
    """The digests that a file may have, by name."""
    return {
        name: list(digests)
        for entry in exports.values()
        for name, digests in entry["files"].items()
    }


def _names(folder: str) -> list[str]:
    """All files under `folder`, relative to it, in the order in which they are moved into place.

    A SavedModel without saved_model.pb cannot be loaded. This file is removed first and written
    last, so that the graph of one export is never loaded with the weights of another.
    """
    found = []
    for parent, _, names in tf.io.gfile.walk(folder):
        found += [os.path.join(parent, name)[len(folder) :].lstrip("/") for name in names]
    return sorted(found, key=lambda name: (not _parents(name), name))


def _parents(name: str) -> list[str]:
    """The folders above a relative name: a/b/c -> a, a/b."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[: place + 1]) for place in range(len(parts))]


def _digest(path: str) -> str:
    with tf.io.gfile.GFile(path, "rb") as file:
        return files.sha256(file)
