"""The folder of a run: its `config.json`, its lock, and checks that it holds a single run."""

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf import arguments, files
from vqvae_tf.errors import UserError
from vqvae_tf.files import as_json, is_local, names_in, reading, write_json, writing

SCHEMA_VERSION = 2  # of config.json and the checkpoints; raised by any incompatible change
_RECORD, _LOCK = "config.json", ".lock"
_RAISABLE = ("training.steps",)  # endings of fields that may be raised when a run is resumed
_TYPES = {"family": str, "config": dict, "data": str, "codebook": str, "class_names": list}
_LARGEST, _DEEPEST = 2**24, 16  # limits of a record: bytes, levels
_SHOWN, _MOST_SHOWN = 80, 6  # in an error: characters of a value, values


def prepare(workdir: str, record: Mapping[str, Any]) -> bool:
    """Prepares `workdir` for the run that `record` describes.

    In an absent or empty folder `config.json` is written. The run in a folder with the same record
    is resumed. The number of steps may be raised; nothing else may differ.

    Args:
        workdir: any `tf.io.gfile` path.
        record: JSON values, nested by mappings, such as
            `{"family": "image", "config": {...}, "data": "embedded:photos"}`.

    Returns:
        Whether an earlier run is resumed.

    Raises:
        UserError: if the folder holds another run, another schema or other files, if a run is
            using it, or if the record is too large.
    """
    workdir = arguments.path("workdir", workdir)
    record = json.loads(json.dumps(record))
    written = {"schema": SCHEMA_VERSION, **record}
    size = len(as_json(written))
    if size > _LARGEST:
        raise UserError(
            f"{_RECORD} would take {size:,} bytes, more than {_LARGEST:,}; give fewer or shorter "
            "names of speakers or classes"
        )
    path = os.path.join(workdir, _RECORD)
    with reading(workdir):
        if tf.io.gfile.exists(workdir) and not tf.io.gfile.isdir(workdir):
            raise UserError(f"workdir {workdir} is a file; give a folder")
        if not tf.io.gfile.exists(path):
            strangers = [name for name in names_in(workdir) if not name.startswith(".")]
            if strangers:
                raise UserError(
                    f"workdir {workdir} holds {_shown(strangers[0])} but no {_RECORD}, so it "
                    "is not a workdir; give an empty or absent folder"
                )
    with locked(workdir):
        resumes = tf.io.gfile.exists(path)
        if not resumes or _may_follow(workdir, read(workdir), record):
            write_json(path, written)
    return resumes


def agree(workdir: str, record: Mapping[str, Any]) -> None:
    """Refuses a worker whose record differs from that of the chief in `workdir`.

    Raises:
        UserError: naming the first field that differs, or if this worker cannot see the folder.
    """
    path = os.path.join(workdir, _RECORD)
    if not tf.io.gfile.exists(path):
        raise UserError(
            f"{path} does not exist, though the chief has written it; give a workdir that all "
            "workers can see"
        )
    theirs, ours = _flatten(read(workdir)), _flatten(json.loads(json.dumps(record)))
    if differing := _differing(theirs, ours):
        raise UserError(
            f"the chief was started with {_as_flags(theirs, differing)}, this worker with "
            f"{_as_flags(ours, differing)}; give all workers the same command"
        )


def read(workdir: str) -> dict[str, Any]:
    """The record that was passed to `prepare`.

    Raises:
        UserError: if there is none, if it cannot be read, if it is not a record of a run, or if its
            schema is not supported by this version.
    """
    path = os.path.join(arguments.path("workdir", workdir), _RECORD)
    with reading(path):
        if not tf.io.gfile.exists(path):
            raise UserError(f"{path} does not exist; give the workdir of a training run")
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read(_LARGEST + 1)
    try:
        record: Any = json.loads(text) if len(text) <= _LARGEST else None
        schema = record.pop("schema")
        if type(schema) is not int or not _is_record(record):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{path} is damaged or was not written by vqvae_tf; give another workdir"
        ) from None
    if schema > SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema {_shown(str(schema))}, this version reads up to {SCHEMA_VERSION}; "
            "update vqvae_tf"
        )
    if schema < SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema {_shown(str(schema))}, whose checkpoints only earlier versions of "
            "vqvae_tf can read; train again in another workdir"
        )
    return record


@contextlib.contextmanager
def locked(workdir: str, active: bool = True) -> Iterator[None]:
    """A context that locks `workdir` against other runs; reading needs no lock.

    The lock is that of `files.locked`. Folders that are not on a local file system (`gs://...`) are
    not locked.

    Args:
        workdir: created if it is absent.
        active: False does nothing, for workers that are not the chief.

    Raises:
        UserError: if another run holds the lock.
    """
    if not active:
        yield
        return
    with writing(workdir):
        tf.io.gfile.makedirs(workdir)
    if not is_local(workdir):
        yield
        return
    busy = f"another run is using workdir {workdir}; wait for its end or give another workdir"
    with files.locked(os.path.join(workdir, _LOCK), busy, create=True):
        yield


def _may_follow(workdir, old, new):
    """Whether the record `old` is to be replaced by `new`; refuses changes that are not allowed."""
    old, new = _flatten(old), _flatten(new)
    differing = _differing(old, new)
    raised = [name for name in differing if _is_raised(name, old.get(name), new.get(name))]
    if refused := [name for name in differing if name not in raised]:
        only_steps = all(name.endswith(_RAISABLE) for name in refused)
        raise UserError(
            f"workdir {workdir} was started with {_as_flags(old, refused)}, this command with "
            f"{_as_flags(new, refused)}; "
            + ("steps may be raised but not lowered: " if only_steps else "")
            + "give the earlier values or another workdir"
        )
    return bool(raised)


def _is_raised(name, before, now):
    """Whether the field `name` may differ when a run is resumed, and does so in the right way."""
    return name.endswith(_RAISABLE) and type(before) is type(now) is int and now > before


def _differing(old, new):
    """Names of the entries of two flattened records that are not equal, or only in one of them."""
    absent = object()
    names = sorted(old.keys() | new.keys())
    return [name for name in names if old.get(name, absent) != new.get(name, absent)]


def _as_flags(values, names):
    """Some entries of a flattened record as a user types them, in bounded length."""
    shown = [
        _as_flag(name, values[name]) if name in values else f"no {_shown(name)}"
        for name in names[:_MOST_SHOWN]
    ]
    more = f" ... ({len(names)} in all)" if len(names) > _MOST_SHOWN else ""
    return " ".join(shown) + more


def _as_flag(name, value):
    """An entry of a flattened record.

    >>> _as_flag("config.widths", [64, 128]), _as_flag("data", "folder:my pictures")
    ('--config.widths=64,128', "--data='folder:my pictures'")
    """
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    is_flag = name == "data" or name.startswith("config.")
    return f"{'--' * is_flag}{_shown(name)}={shlex.quote(_shown(text))}"


def _is_record(record):
    """Whether the entries of the record have the right types and are not nested too deep."""
    level = [record]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return (
        not level
        and all(isinstance(record.get(name, kind()), kind) for name, kind in _TYPES.items())
        and all(isinstance(name, str) for name in record.get("class_names", []))
    )


def _shown(text):
    r"""Text in one printable line of bounded length.

    >>> _shown("caf\udce9\n")
    'caf\\udce9\\n'
    """
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1]}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _flatten(value, name=""):
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for part, inner in value.items()
        for key, leaf in _flatten(inner, f"{name}.{part}" if name else part).items()
    }
