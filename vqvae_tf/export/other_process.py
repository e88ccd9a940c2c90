"""Calls the signatures of an export in another process, which cannot import vqvae_tf."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vqvae_tf import files
from vqvae_tf.errors import UserError
from vqvae_tf.export import signature_runner

TIMEOUT = 600.0  # seconds for all calls together

Calls = Sequence[tuple[str, Mapping[str, np.ndarray]]]


class Answer(NamedTuple):
    """The result of a call.

    Attributes:
        outputs: outputs by name; empty if the call failed.
        error: the error message, or "".
    """

    outputs: dict[str, np.ndarray]
    error: str


def outputs(path: str, calls: Calls) -> tuple[list[dict[str, np.ndarray]], dict[str, float]]:
    """Makes all calls in one process.

    Args:
        path: the folder of a SavedModel, or a `.tflite` file.
        calls: pairs of a signature's name and its inputs by name.

    Returns:
        The outputs of each call by name; and the times `process_seconds`, `load_seconds` and
        `first_call_seconds`. The first includes the others.

    Raises:
        UserError: if a call or the process fails.
    """
    answered, times = answers(path, calls)
    for (name, _), answer in zip(calls, answered, strict=True):
        if answer.error:
            raise UserError(f"{name} of {path} cannot be served: {_last_line(answer.error)}")
    return [answer.outputs for answer in answered], times


def answers(
    path: str, calls: Calls, timeout: float = TIMEOUT
) -> tuple[list[Answer], dict[str, float]]:
    """As `outputs`, but an error of a call is part of its result.

    Raises:
        UserError: if the process fails or takes longer than `timeout` seconds; the message has the
            last line that it wrote.
    """
    named: dict[str, Any] = {
        f"{number}/{name}/{key}": value
        for number, (name, inputs) in enumerate(calls)
        for key, value in inputs.items()
    }
    with files.temporary_folder() as folder:
        calls_file, results_file = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(calls_file, **named)
        start = time.perf_counter()
        _run(path, [os.path.abspath(path), calls_file, results_file], folder, timeout)
        seconds = time.perf_counter() - start
        try:
            with np.load(results_file) as file:
                found = {name: file[name] for name in file.files}
            times = json.loads(str(found.pop("times")))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            raise UserError(
                f"{path} cannot be served by another process: it ended without results"
            ) from None
    answered = [Answer({}, "") for _ in calls]
    for name, value in found.items():
        number, _, key = name.partition("/")
        if key == "!":
            answered[int(number)] = Answer({}, str(value))
        else:
            answered[int(number)].outputs[key] = value
    return answered, {"process_seconds": seconds, **times}


def _run(path, arguments, folder, timeout):
    command = [sys.executable, "-P", signature_runner.__file__, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{path} was not served by another process within {timeout:g} seconds, and it was "
            "stopped; give smaller pictures or a smaller grid"
        ) from None
    if done.returncode:
        last = _last_line(done.stderr)
        if done.returncode < 0:
            number = -done.returncode
            last = f"it was ended by signal {number} ({signal.strsignal(number)}); {last}"
        raise UserError(f"{path} cannot be served by another process: {last}")


def _last_line(text):
    """The last line that is not the name of a node in a graph."""
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("[[")]
    return said[-1] if said else "it wrote nothing"
