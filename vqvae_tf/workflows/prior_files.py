"""Further files of a prior's workdir: a copy of the autoencoder, and the codes.

`manifest.json` lists each file of both parts with its size and its SHA-256. It is written after
the files and compared with them at every start; a part that differs is made again.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from absl import logging

from vqvae_tf import data
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError
from vqvae_tf.files import replacing, sha256, write_json, writing
from vqvae_tf.training import checkpoints

MODEL_FOLDER, CODES_FOLDER = "model", "codes"
_MANIFEST = "manifest.json"
_SCHEMA = 1
_CODES = os.path.join(CODES_FOLDER, "codes.tfrecord")


def keep_model(path: str, source: str) -> None:
    """Copies the files that `models.load` reads, unless `path` already has a complete copy.

    Args:
        path: the prior's workdir.
        source: the autoencoder's workdir.

    Raises:
        UserError: if there is no valid checkpoint to copy, or it cannot be written.
    """

    def copy():
        checkpoint = checkpoints.newest(os.path.join(source, "checkpoints"))
        if checkpoint is None:
            raise UserError(f"{source} holds no checkpoint; train the model first")
        copied = [
            os.path.join("checkpoints", os.path.basename(file))
            for file in checkpoints.files(checkpoint)
        ]
        target = os.path.join(path, MODEL_FOLDER)
        with writing(target):
            tf.io.gfile.makedirs(os.path.join(target, "checkpoints"))
            for file in [*copied, "config.json"]:
                with replacing(os.path.join(target, file)) as partial:
                    tf.io.gfile.copy(os.path.join(source, file), partial, overwrite=True)
        return [os.path.join(MODEL_FOLDER, file) for file in [*copied, "config.json"]]

    _keep(path, MODEL_FOLDER, copy)


def keep_codes(
    path: str, make: Callable[[], Any], class_names: tuple[str, ...], condition: str
) -> None:
    """Writes the training maps, unless `path` already has all of them.

    Args:
        path: the prior's workdir.
        make: returns the maps, as `data.write_codes` takes them.
        class_names: names of their classes.
        condition: name of the condition.

    Raises:
        UserError: if they cannot be written.
    """
    file = os.path.join(path, _CODES)

    def write():
        beside = os.path.join(path, CODES_FOLDER, data.CLASSES_FILE)
        if tf.io.gfile.exists(beside):  # a damaged one
            tf.io.gfile.remove(beside)
        data.write_codes(file, make(), class_names, condition)
        classes = [os.path.join(CODES_FOLDER, data.CLASSES_FILE)] if class_names else []
        return [_CODES, *classes]

    _keep(path, CODES_FOLDER, write)


def read_codes(path: str, condition: str) -> list[Any]:
    """The training maps that `keep_codes` wrote, as returned by `data.CodeRecords.maps`."""
    file = os.path.join(path, _CODES)
    return list(data.CodeRecords(f"codes:{file}", [file], condition).maps())


def check_model(path: str) -> None:
    """Compares the copy of the autoencoder in a prior's workdir with the manifest.

    Raises:
        UserError: if it differs. A workdir of an earlier version, which has no manifest, passes.
    """
    damage = _damage(path, _read(path).get(MODEL_FOLDER, {}))
    if damage:
        raise UserError(
            f"{damage}; give vqvae-train-prior the flags that it was trained with once more: it "
            "copies the model again"
        )


def _keep(path: str, part: str, make: Callable[[], list[str]]) -> None:
    """Makes the files of one part of the manifest, unless they are there unchanged."""
    manifest = _read(path)
    known = manifest.get(part, {})
    damage = _damage(path, known) if known else None
    if known and damage is None:
        return
    if damage:
        logging.warning("%s; making it again", damage)
    made = {file: _facts(os.path.join(path, file)) for file in make()}
    if damage and made != known:
        logging.warning(
            "%s differs from that at the start of the run: the model or the data have changed",
            os.path.join(path, part),
        )
    parts = {**manifest, part: made}
    listed = {name: parts[name] for name in (MODEL_FOLDER, CODES_FOLDER) if name in parts}
    write_json(os.path.join(path, _MANIFEST), {"schema": _SCHEMA, **listed})


def _damage(path: str, known: dict[str, Any]) -> str | None:
    """A message about the first missing or changed file, or None."""
    for file, facts in known.items():
        whole = os.path.join(path, file)
        try:
            found = _facts(whole)
        except UserError as error:
            return str(error)
        if found != facts:
            return f"{whole} is damaged: {found['bytes']:,} bytes, whose digest has changed"
    return None


def _facts(path: str) -> dict[str, Any]:
    with disk.reading(path) as (file, size):
        return {"bytes": size, "sha256": sha256(file)}


def _read(path: str) -> dict[str, Any]:
    """The manifest; empty if there is no valid one, so that everything is made again."""
    file = os.path.join(path, _MANIFEST)
    if not tf.io.gfile.exists(file):
        return {}
    try:
        with disk.reading(file) as (manifest, _):
            found = json.loads(manifest.read())
        parts = [found.get(part, {}) for part in (MODEL_FOLDER, CODES_FOLDER)]
        if found.pop("schema") == _SCHEMA and all(isinstance(part, dict) for part in parts):
            return found
    except (ValueError, LookupError, AttributeError, RecursionError):  # a UserError is a ValueError
        pass
    logging.warning("%s is damaged or of another version; its files are made again", file)
    return {}
