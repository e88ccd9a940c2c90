"""Serves pictures from a SavedModel without this library; run as a program of its own.

Usage: python served.py SAVED_MODEL PICTURES.npz RESULTS.npz
"""

import json
import sys
import time

import numpy as np
import tensorflow as tf


def main(path, inputs, outputs):
    """Serves every picture in `inputs` by the signatures, and writes codes and pictures."""
    sys.modules["vqvae_tf"] = None  # an import of it fails from here on
    start = time.perf_counter()
    model = tf.saved_model.load(path)
    loaded = time.perf_counter()
    results, first = {}, None
    with np.load(inputs) as pictures:
        for number, name in enumerate(pictures.files):
            image = tf.constant(pictures[name][None])
            codes = model.signatures["encode"](image=image)["codes"]
            first = first or time.perf_counter()
            results[f"codes_{number}"] = codes.numpy()
            served = model.signatures["reconstruct"](image=image)["reconstruction"]
            results[f"image_{number}"] = served.numpy()
    times = {"load_seconds": loaded - start, "first_call_seconds": first - loaded}
    np.savez(outputs, times=json.dumps(times), **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
