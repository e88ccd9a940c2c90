"""Calls the signatures of an export in another process, which cannot import vqvae_tf."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqvae_tf.errors import UserError
from vqvae_tf.export import served


def call(
    path: str, calls: Sequence[tuple[str, Mapping[str, np.ndarray]]]
) -> tuple[list[dict[str, np.ndarray]], dict[str, float]]:
    """Makes all calls in one process.

    Args:
        path: the folder of a SavedModel, or a `.tflite` file.
        calls: pairs of a signature's name and its inputs by name.

    Returns:
        The outputs of each call by name; and `process_seconds`, of which `load_seconds` and
        `first_call_seconds`.

    Raises:
        UserError: if the other process fails; the last line that it wrote is shown.
    """
    named: dict[str, Any] = {
        f"{number}/{name}/{key}": value
        for number, (name, inputs) in enumerate(calls)
        for key, value in inputs.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(inputs, **named)
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
    results: list[dict[str, np.ndarray]] = [{} for _ in calls]
    for name, value in found.items():
        number, _, key = name.partition("/")
        results[int(number)][key] = value
    return results, {"process_seconds": seconds, **times}
