"""WaveNet's cached sampler against real time, the naive sampler and the same products in C."""

import ctypes
import pathlib
import shutil
import subprocess
import sys
import tempfile

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf

from vqvae_tf.networks import WaveNet

RATE = 16_000  # samples a second of speech
STEPS = 4_000
STACK = tuple(2**i for i in range(10))
NOTES = f"""\
One sequence at a time, {STEPS} steps, 256 codes; milliseconds are those of a second of sound at
{RATE} Hz. The C chain is the same products and gates, compiled for these sizes by gcc -O3
-march=native -ffast-math; it takes the likeliest code, without noise. The naive sampler is a
forward pass over the receptive field for each sample: one is timed, the others are counted."""

# name: network, then goals: times real time, times the naive sampler, share of the C chain's speed.
NETWORKS = {
    "20x32": (
        {"channels": 32, "skip_channels": 32, "dilations": STACK * 2},
        {"real time": 3.0, "naive sampler": None, "C chain": 0.6},
    ),
    "30x64/256": (
        {"channels": 64, "skip_channels": 256, "dilations": STACK * 3},
        {"real time": None, "naive sampler": 1000.0, "C chain": 0.78},
    ),
}


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    lines = []
    for name, (arguments, goals) in NETWORKS.items():
        network = WaveNet(256, **arguments)
        network.build()
        forward = tf.function(network, jit_compile=True)
        window = tf.zeros([1, network.receptive_field], tf.int32)
        functions = {
            f"{name}, {'XLA' if jit else 'plain graph'}": lambda network=network, jit=jit: (
                network.sample(1, STEPS, seed=1, jit_compile=jit)
            )
            for jit in (False, True)
        }
        works = list(functions)
        functions["forward"] = lambda forward=forward, window=window: forward(window)
        chain = c_chain(network)
        if chain is not None:
            functions["C chain"] = chain
        seconds = _timing.interleaved(functions, repeats, warm_up=1)
        per_step = {work: time / STEPS for work, time in seconds.items()}
        per_step["forward"] = seconds["forward"]
        for work in works:
            aim = goals if work.endswith("XLA") else dict.fromkeys(goals)
            of_second = per_step[work] * RATE
            lines.append(_timing.speed(work, of_second, "real time", 1.0, aim["real time"]))
            lines.append(
                _timing.speed(
                    work,
                    of_second,
                    "naive sampler",
                    per_step["forward"] * RATE,
                    aim["naive sampler"],
                )
            )
            if chain is not None:
                lines.append(
                    _timing.speed(
                        work, of_second, "C chain", per_step["C chain"] * RATE, aim["C chain"]
                    )
                )
    return lines


def c_chain(network):
    """A function that runs the C chain with this network's weights, or None without gcc."""
    if shutil.which("gcc") is None:
        print("no gcc to compare with a chain in C", file=sys.stderr)
        return None
    sizes = {
        "LAYERS": len(network.dilated),
        "CHANNELS": network.channels,
        "SKIP": network.skip_channels,
        "HEAD": network.hidden.units,
        "CODES": network.num_embeddings,
    }
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/chain.so"
        source = pathlib.Path(__file__).with_name("wavenet_chain.c")
        options = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        defines = [f"-D{name}={value}" for name, value in sizes.items()]
        subprocess.run(["gcc", *options, *defines, source, "-o", library, "-lm"], check=True)
        sample = ctypes.CDLL(library).sample

    taps = [layer.taps for layer in network.dilated]
    residuals = [layer.residual for layer in network.dilated[:-1]]
    arrays = [np.array(network.dilations, np.int32), network.embedding.numpy()]
    for layers in (taps, residuals):
        arrays.append(np.stack([layer.kernel.numpy() for layer in layers]))
        arrays.append(np.stack([layer.bias.numpy() for layer in layers]))
    for layer in (network.skip, network.hidden, network.outputs):
        arrays += [layer.kernel.numpy(), layer.bias.numpy()]
    past = np.zeros((network.receptive_field - 1, network.channels), np.float32)
    codes = np.zeros(STEPS, np.int32)

    def run():
        past[:] = 0
        sample(STEPS, *(ctypes.c_void_p(a.ctypes.data) for a in (*arrays, past, codes)))
        return codes

    return run


if __name__ == "__main__":
    _timing.run(measure, repeats=5, notes=NOTES)
