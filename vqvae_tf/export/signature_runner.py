"""A separate program that runs the signatures of an export without this library.

Usage: python signature_runner.py EXPORT CALLS.npz RESULTS.npz

EXPORT is the folder of a SavedModel or a .tflite file. Arrays in CALLS are named
NUMBER/SIGNATURE/INPUT, those in RESULTS NUMBER/OUTPUT. A call that fails has NUMBER/! instead, the
error message; the calls after it are still made.
"""

import json
import sys
import time
from typing import Any

import numpy as np


def saved_model():
    """The loader of SavedModels: from a path to a function of a signature name and inputs."""
    import tensorflow as tf

    def load(path):
        model = tf.saved_model.load(path)

        def call(name, inputs):
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            outputs = model.signatures[name](**tensors)
            return {key: value.numpy() for key, value in outputs.items()}

        return call

    return load


def tflite():
    """The same for TFLite files; without TensorFlow, if ai_edge_litert is installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter

    def load(path):
        interpreter = Interpreter(path)
        return lambda name, inputs: interpreter.get_signature_runner(name)(**inputs)

    return load


def main(path, calls, results):
    """Makes every call, in the order of the numbers, and writes the results and the times."""
    sys.modules["vqvae_tf"] = None  # type: ignore[assignment]  # an import of it now fails
    load = tflite() if path.endswith(".tflite") else saved_model()
    pending: dict[tuple[int, str], dict] = {}
    with np.load(calls) as file:
        for key in file.files:
            number, name, argument = key.split("/")
            pending.setdefault((int(number), name), {})[argument] = file[key]
    start = time.perf_counter()
    call = load(path)
    loaded = time.perf_counter()
    outputs: dict[str, Any] = {}
    first = 0.0
    for (number, name), inputs in sorted(pending.items()):
        try:
            answer = call(name, inputs)
        except Exception as error:  # an error is the result of this call only
            answer = {"!": f"{type(error).__name__}: {error}"}
        outputs |= {f"{number}/{key}": value for key, value in answer.items()}
        first = first or time.perf_counter()
    times = {"load_seconds": loaded - start, "first_call_seconds": first - loaded}
    np.savez(results, times=json.dumps(times), **outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
