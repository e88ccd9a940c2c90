"""Peak memory of a quantizer's step and search beyond inputs and outputs, and exactness far from 0.

Each figure comes from a process of its own: what the first call adds to the resident memory at its
highest, once the function is traced. The codes found are compared with float64's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf

from vqvae_tf import layers

DIM = 64
MIB = 2**20
# What is run, rows, codes, and the bound on MiB.
WORK = (
    ("EMA step", 8192, 512, None),
    ("EMA step", 8192, 8192, 63.0),
    ("Sonnet's EMA step", 8192, 8192, None),
    ("PyTorch EMA step", 8192, 8192, None),
    ("search", 2048, 262_144, 160.0),
    ("search, all scores at once", 2048, 262_144, None),
)


def resident() -> int:
    """Bytes of memory this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def prepared(work, rows, codes):
    """A traced function of nothing, and its outputs' bytes."""
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(rows, DIM)), tf.float32)
    if work == "PyTorch EMA step":
        import quantizers

        return quantizers.pytorchs(codes, x, tf.ones_like(x)), 4 * rows * DIM
    if work == "EMA step":
        layer = layers.VectorQuantizerEMA(codes)
        layer.load_codebook(generator.normal(size=(codes, DIM)))

        def function():
            with tf.GradientTape() as tape:
                tape.watch(x)
                output = layer.quantize(x, training=True)
                total = tf.reduce_sum(output.vectors) + tf.add_n(list(output.losses.values()))
            return output.vectors, output.codes, tape.gradient(total, x)

        outputs = 4 * rows * (2 * DIM + 1)
    elif work == "Sonnet's EMA step":
        from sonnet import nets

        layer = nets.VectorQuantizerEMA(DIM, codes, commitment_cost=0.25, decay=0.99)
        layer(x[:8], is_training=False)

        def function():
            with tf.GradientTape() as tape:
                tape.watch(x)
                output = layer(x, is_training=True)
                total = tf.reduce_sum(output["quantize"]) + output["loss"]
            return output["quantize"], output["encoding_indices"], tape.gradient(total, x)

        outputs = 4 * rows * (2 * DIM + 2)
    else:
        codebook = tf.constant(generator.normal(size=(codes, DIM)), tf.float32)
        if work == "search":

            def function():
                return layers.nearest_codes(x, codebook)
        else:

            def function():
                scores = tf.matmul(x, codebook, transpose_b=True)
                return tf.argmin(tf.reduce_sum(codebook**2, 1) / 2 - scores, 1, tf.int32)

        outputs = 4 * rows
    return tf.function(function).get_concrete_function(), outputs


def child(work, rows, codes):
    """Prints the MiB that the first call adds and the smallest CPU seconds of three more."""
    function, outputs = prepared(work, rows, codes)
    before = resident()
    with open("/proc/self/clear_refs", "w") as file:  # so that the peak begins anew
        file.write("5")
    kept = function()
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
    del kept
    seconds = []
    for _ in range(3):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    print(json.dumps([(peak - before - outputs) / MIB, min(seconds)]))


def wrong_codes(mean, spread, rows=8192, codes=512):
    """How many of `rows` codes are not float64's nearest."""
    generator = np.random.default_rng(0)
    x, codebook = (
        (mean + spread * generator.normal(size=(n, DIM))).astype("float32") for n in (rows, codes)
    )
    found = layers.nearest_codes(x, codebook).numpy()
    x, codebook = x.astype(float) - mean, codebook.astype(float) - mean
    distances = (codebook**2).sum(1) - 2 * x @ codebook.T
    return int((distances.argmin(1) != found).sum())


def main():
    """The table."""
    print(_timing.machine())
    print("| work | rows | codes | MiB beyond inputs and outputs | at most | CPU ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for work, rows, codes, goal in WORK:
        command = [sys.executable, __file__, "--child", work, str(rows), str(codes)]
        outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if outcome.returncode:
            print(f"| {work} | {rows} | {codes} | not installed | | |")
            continue
        mib, seconds = json.loads(outcome.stdout.decode().splitlines()[-1])
        bound = "" if goal is None else f"{goal:g}"
        print(f"| {work} | {rows} | {codes} | {mib:.0f} | {bound} | {seconds * 1e3:.0f} |")
    wrong = wrong_codes(1000.0, 0.1)
    print(f"\nWrong codes of 8192 at mean 1000, spread 0.1, against float64: {wrong}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        child(options.child[0], *map(int, options.child[1:]))
    else:
        main()
