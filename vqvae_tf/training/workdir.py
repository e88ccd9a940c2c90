"""The folder of a run: its `config.json`, and the refusal to mix two runs in one folder."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf.config import SCHEMA_VERSION, UserError

_RECORD = "config.json"
_RAISABLE = ("training.steps",)  # a field whose name ends so may grow from one start to the next


def prepare(workdir: str, record: Mapping[str, Any]) -> bool:
    """Makes `workdir` ready for the run that `record` describes.

    An absent or empty folder gets a `config.json`. A folder with the same record goes on, and
    the number of steps may be raised; nothing else may differ.

    Args:
        workdir: any path that `tf.io.gfile` knows.
        record: JSON values, nested by mappings, such as
            `{"family": "image", "config": {...}, "data": "embedded:photos"}`.

    Returns:
        Whether an earlier start is gone on with.

    Raises:
        UserError: if the folder holds another run, a newer schema, or something else altogether.
    """
    record = json.loads(json.dumps(record))
    if tf.io.gfile.exists(workdir) and not tf.io.gfile.isdir(workdir):
        raise UserError(f"workdir {workdir} is a file; give a folder")
    if not tf.io.gfile.exists(os.path.join(workdir, _RECORD)):
        strangers = [name for name in _listed(workdir) if not name.startswith(".")]
        if strangers:
            raise UserError(
                f"workdir {workdir} holds {strangers[0]} but no {_RECORD}, so it is no folder of "
                "ours; give an empty or absent one"
            )
        with writing(workdir):
            tf.io.gfile.makedirs(workdir)
        write_json(os.path.join(workdir, _RECORD), {"schema": SCHEMA_VERSION, **record})
        return False

    old, new = _flatten(read(workdir)), _flatten(record)
    raised = False
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name.endswith(_RAISABLE):
            if now > before:
                raised = True
                continue
            raise UserError(
                f"workdir {workdir} was started with {name}={before}, which may be raised but not "
                f"lowered to {now}; give another workdir"
            )
        raise UserError(
            f"workdir {workdir} was started with {name}={json.dumps(before)}, now it is "
            f"{json.dumps(now)}; give that value back or another workdir"
        )
    if raised:
        write_json(os.path.join(workdir, _RECORD), {"schema": SCHEMA_VERSION, **record})
    return True


def read(workdir: str) -> dict[str, Any]:
    """The record that `prepare` was given.

    Raises:
        UserError: if there is none, if it cannot be read, or if it was written by a newer version.
    """
    path = os.path.join(workdir, _RECORD)
    try:
        with tf.io.gfile.GFile(path) as file:
            record = json.load(file)
        schema = int(record.pop("schema"))
    except tf.errors.NotFoundError:
        raise UserError(f"{path} does not exist; give the workdir of a training run") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged or not ours; give another workdir") from None
    if schema > SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema {schema}, this version reads up to {SCHEMA_VERSION}; "
            "update vqvae_tf"
        )
    return record


def write_json(path: str, value: Any) -> None:
    """Writes beside `path` and renames, so that a reader never sees half a file.

    Numbers that JSON does not know (infinities, NaN) become null.
    """
    text = json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"
    aside = path + ".part"
    with writing(path):
        with tf.io.gfile.GFile(aside, "w") as file:
            file.write(text)
        tf.io.gfile.rename(aside, path, overwrite=True)


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Turns what goes wrong while `path` is written, a full disk above all, into one line.

    Raises:
        UserError: for any error of the file system.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot write {path} ({reason(error)}); make room there and start again, or give "
            "another workdir"
        ) from None


def reason(error: BaseException) -> str:
    """First line of an error, without the names of operations that TensorFlow puts around it.

    >>> reason(OSError("{{node Save}} No space left on device [Op:Save]"))
    'No space left on device'
    """
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return re.sub(r"{{.*?}} |\s*\[Op:\w+\]", "", message).strip().splitlines()[0]


def _listed(workdir):
    return sorted(tf.io.gfile.listdir(workdir)) if tf.io.gfile.exists(workdir) else []


def _flatten(value, name=""):
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for part, inner in value.items()
        for key, leaf in _flatten(inner, f"{name}.{part}" if name else part).items()
    }


def _finite(value):
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value
