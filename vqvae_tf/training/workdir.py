"""The folder of a run: its `config.json`, and the refusal to mix two runs in one folder."""

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf.config import SCHEMA_VERSION
from vqvae_tf.errors import UserError
from vqvae_tf.files import write_json, writing

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
