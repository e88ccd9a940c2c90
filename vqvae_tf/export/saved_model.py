"""Writes an autoencoder as a SavedModel, then runs it in another process and compares."""

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.config import UserError
from vqvae_tf.export import served
from vqvae_tf.models import ImageVQVAE


def export_saved_model(model: ImageVQVAE, path: str) -> None:
    """Writes `model` with the signatures `encode`, `decode` and `reconstruct`.

    Batch and size are dynamic, pixels are uint8 in and out: `encode(image)` gives `codes`,
    `decode(codes)` gives `image`, `reconstruct(image)` gives `reconstruction`. The graphs hold
    no assignment and no slot of an optimizer. It is written aside and then renamed.

    Args:
        model: the trained model.
        path: a folder that does not exist yet or holds an earlier export.

    Raises:
        UserError: if `path` holds something else.
    """
    if tf.io.gfile.exists(path) and not tf.io.gfile.exists(os.path.join(path, "saved_model.pb")):
        raise UserError(f"{path} exists and is no SavedModel; give another --output")
    channels = model.config.data.channels
    picture = tf.TensorSpec([None, None, None, channels], tf.uint8, name="image")
    grid = [None, None, None]
    if model.config.codes_per_position > 1:
        grid.append(model.config.codes_per_position)
    codes = tf.TensorSpec(grid, tf.int32, name="codes")

    @tf.function(input_signature=[picture])
    def encode(image):
        return {"codes": model.encode(image)}

    @tf.function(input_signature=[codes])
    def decode(codes):
        return {"image": model.decode(codes)}

    @tf.function(input_signature=[picture])
    def reconstruct(image):
        return {"reconstruction": model.reconstruct(image)}

    # Not by Keras's ExportArchive, which writes every weight twice.
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.encode, module.decode, module.reconstruct = encode, decode, reconstruct
    signatures = {"encode": encode, "decode": decode, "reconstruct": reconstruct}
    aside = path.rstrip("/") + ".part"
    if tf.io.gfile.exists(aside):
        tf.io.gfile.rmtree(aside)
    tf.saved_model.save(module, aside, signatures=signatures)
    if tf.io.gfile.exists(path):
        tf.io.gfile.rmtree(path)
    tf.io.gfile.rename(aside, path)


def check_saved_model(model: ImageVQVAE, path: str, pictures: list[np.ndarray]) -> dict[str, Any]:
    """Serves `pictures` from `path` in a process that cannot import vqvae_tf, and compares.

    Args:
        model: what was exported.
        path: where.
        pictures: uint8 `[height, width, channels]`, of any sizes.

    Returns:
        `codes` compared, `codes_differing`, `largest_pixel_difference` of the reconstructions
        (both 0 where the export is exact), and the other process's `load_seconds` and
        `first_call_seconds`.

    Raises:
        UserError: if the other process fails; the last line that it wrote is shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(inputs, *pictures)
        start = time.perf_counter()
        command = [sys.executable, "-P", served.__file__, os.path.abspath(path), inputs, outputs]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            last = (done.stderr.strip() or "it wrote nothing").splitlines()[-1]
            raise UserError(f"{path} cannot be served by another process: {last}")
        with np.load(outputs) as file:
            found = {name: file[name] for name in file.files}
    times = json.loads(str(found.pop("times")))
    codes, differing, largest = 0, 0, 0
    for number, picture in enumerate(pictures):
        expected = np.asarray(model.encode(picture[None]))
        codes += expected.size
        differing += int((expected != found[f"codes_{number}"]).sum())
        image = np.asarray(model.reconstruct(picture[None])).astype(int)
        largest = max(largest, int(np.abs(image - found[f"image_{number}"]).max()))
    return {
        "codes": codes,
        "codes_differing": differing,
        "largest_pixel_difference": largest,
        "process_seconds": seconds,
        **times,
    }
