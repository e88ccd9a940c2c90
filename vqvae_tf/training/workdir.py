"""The folder of a run: its `config.json`, its lock, and the refusal to mix runs in one folder."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from vqvae_tf.errors import UserError
from vqvae_tf.files import is_local, names_in, reading, write_json, writing

SCHEMA_VERSION = 2  # of config.json and the checkpoints; raised when either changes its meaning
_RECORD, _LOCK = "config.json", ".lock"
_RAISABLE = ("training.steps",)  # a field whose name ends so may grow from one start to the next
_TYPES = {"family": str, "config": dict, "data": str, "codebook": str, "class_names": list}
_LARGEST, _DEEPEST = 2**20, 16  # of a record: bytes, levels
_SHOWN = 80  # characters of a value in an error


def prepare(workdir: str, record: Mapping[str, Any]) -> bool:
    """Makes `workdir` ready for the run that `record` describes.

    An absent or empty folder gets a `config.json`. A folder with the same record is resumed, and
    the number of steps may be raised; nothing else may differ.

    Args:
        workdir: any path that `tf.io.gfile` knows.
        record: JSON values, nested by mappings, such as
            `{"family": "image", "config": {...}, "data": "embedded:photos"}`.

    Returns:
        Whether an earlier start is resumed.

    Raises:
        UserError: if the folder holds another run, another schema, or something else altogether,
            or if a run is using it.
    """
    record = json.loads(json.dumps(record))
    path = os.path.join(workdir, _RECORD)
    with reading(workdir):
        if tf.io.gfile.exists(workdir) and not tf.io.gfile.isdir(workdir):
            raise UserError(f"workdir {workdir} is a file; give a folder")
        if not tf.io.gfile.exists(path):
            strangers = [name for name in names_in(workdir) if not name.startswith(".")]
            if strangers:
                raise UserError(
                    f"workdir {workdir} holds {_shown(strangers[0])[1:-1]} but no {_RECORD}, so it "
                    "is no folder of ours; give an empty or absent one"
                )
    with locked(workdir):
        resumes = tf.io.gfile.exists(path)
        if not resumes or _may_follow(workdir, read(workdir), record):
            write_json(path, {"schema": SCHEMA_VERSION, **record})
    return resumes


def agree(workdir: str, record: Mapping[str, Any]) -> None:
    """Refuses a worker whose record is not the one that the chief has prepared `workdir` for.

    Raises:
        UserError: with the first name that differs, or if this worker does not see the folder.
    """
    path = os.path.join(workdir, _RECORD)
    if not tf.io.gfile.exists(path):
        raise UserError(
            f"{path} is not there, though the chief has written it; give a workdir that all "
            "workers see"
        )
    theirs, ours = _flatten(read(workdir)), _flatten(json.loads(json.dumps(record)))
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            raise UserError(
                f"the chief was started with {_shown(name)[1:-1]}={_shown(theirs.get(name))}, this "
                f"worker with {_shown(ours.get(name))}; give all workers the same command"
            )


def read(workdir: str) -> dict[str, Any]:
    """The record that `prepare` was given.

    Raises:
        UserError: if there is none, if it cannot be read, if it is not one of ours, or if it was
            written by a version whose folders this one does not know.
    """
    path = os.path.join(workdir, _RECORD)
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
        raise UserError(f"{path} is damaged or not ours; give another workdir") from None
    if schema > SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema {_shown(schema)}, this version reads up to {SCHEMA_VERSION}; "
            "update vqvae_tf"
        )
    if schema < SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema {_shown(schema)}, whose checkpoints only earlier versions of "
            "vqvae_tf read; train again in another workdir"
        )
    return record


@contextlib.contextmanager
def locked(workdir: str, active: bool = True) -> Iterator[None]:
    """Keeps other runs out of `workdir` while the block lasts; those who only read need no lock.

    The operating system holds the lock for this process and drops it when the process ends, however
    it ends. Folders that are not on a local file system (`gs://...`) are not locked, and where the
    file system knows no locks a warning says so.

    Args:
        workdir: made if it is absent.
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
    with writing(workdir):
        lock = os.open(os.path.join(workdir, _LOCK), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another run is using workdir {workdir}; wait for its end or give another workdir"
            ) from None
        except OSError as error:
            logging.warning("cannot lock %s (%s): start no second run in it", workdir, error)
        yield
    finally:
        os.close(lock)


def _may_follow(workdir, old, new):
    """Whether the record `old` is to be replaced by `new`; refuses what may not follow it."""
    old, new = _flatten(old), _flatten(new)
    raised = False
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        where = f"workdir {workdir} was started with {_shown(name)[1:-1]}={_shown(before)}"
        if name.endswith(_RAISABLE) and type(before) is type(now) is int:
            if now > before:
                raised = True
                continue
            raise UserError(
                f"{where}, which may be raised but not lowered to {now}; give another workdir"
            )
        raise UserError(
            f"{where}, now it is {_shown(now)}; give that value back or another workdir"
        )
    return raised


def _is_record(record):
    """Whether the entries that we write are of their types and nothing is nested too deep."""
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


def _shown(value):
    """A value as JSON, in one line of bounded length."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1]}"


def _flatten(value, name=""):
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for part, inner in value.items()
        for key, leaf in _flatten(inner, f"{name}.{part}" if name else part).items()
    }
