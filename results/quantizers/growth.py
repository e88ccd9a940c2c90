"""CPU time and memory of the search and of a training step, by the number of vectors and codes.

Usage: python results/quantizers/growth.py WORK VECTORS CODES

Every point has its own process, so that its peak of memory can be read.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

DIM = 64
WORKS = ("search", "training step")
VECTORS = [2**n for n in range(7, 17)]  # for 512 codes
CODES = [2**n for n in range(5, 17)]  # for 2,048 vectors
POINTS = [(n, 512) for n in VECTORS] + [(2048, k) for k in CODES if k != 512]
REPEATS, LEAST_SECONDS = 5, 0.2


def run(work: str, vectors: int, codes: int) -> dict:
    """Measures a point in a new process."""
    command = [sys.executable, __file__, work, str(vectors), str(codes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(work: str, vectors: int, codes: int) -> dict:
    """Milliseconds (the smallest of the repeats), and MiB in addition to the inputs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    from vqvae_tf import layers

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(vectors, DIM)).astype("float32"))
    layer = layers.VectorQuantizerEMA(codes)
    layer.load_codebook(generator.normal(size=(codes, DIM)))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer.quantize(x, training=True)
            loss = tf.reduce_sum(output.vectors) + output.losses["commitment"]
        return tape.gradient(loss, x)

    function = tf.function(layer.encode) if work == "search" else step
    function.get_concrete_function(x)
    before = _peak_of_memory()
    function(x)
    memory = _peak_of_memory(reset=False) - before
    best = float("inf")
    for _ in range(REPEATS):
        start, calls = time.process_time(), 0
        while calls == 0 or time.process_time() - start < LEAST_SECONDS:
            function(x)
            calls += 1
        best = min(best, (time.process_time() - start) / calls)
    return {"ms": 1e3 * best, "mib": memory / 2**20}


def _peak_of_memory(reset: bool = True) -> int:
    """The peak in bytes, which Linux keeps; `reset` first sets it to what is in use now."""
    if reset:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    status = pathlib.Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def draw(points: dict, path: str) -> None:
    """Plots time and memory over vectors and over codes, with logarithmic axes.

    Args:
        points: work -> {(vectors, codes): figures}.
        path: the picture.
    """
    import matplotlib
    from figures import PLOT_STYLE
    from matplotlib.figure import Figure

    with matplotlib.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(8, 5.6), layout="constrained")
        axes = figure.subplots(2, 2, sharex="col", sharey="row")
        for column, (title, chosen, place) in enumerate(
            (
                ("512 codes", [(n, 512) for n in VECTORS], 0),
                ("2,048 vectors", [(2048, k) for k in CODES], 1),
            )
        ):
            for row, (name, label) in enumerate((("ms", "CPU ms"), ("mib", "MiB above inputs"))):
                for work, marker in zip(WORKS, "os", strict=True):
                    here = [point for point in chosen if point in points[work]]
                    x = [point[place] for point in here]
                    y = [max(points[work][point][name], 0.1) for point in here]
                    axes[row, column].plot(x, y, marker=marker, markersize=4, label=work)
                axes[row, column].set_xscale("log", base=2)
                axes[row, column].set_yscale("log")
                axes[row, 0].set_ylabel(label)
            axes[0, column].set_title(title)
            axes[1, column].set_xlabel(("vectors", "codes")[place])
        axes[0, 0].legend()
        figure.savefig(path, dpi=110)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
