"""The WaveNet with thirty layers: time and likelihood with a narrower skip or coarser weights.

Usage: python results/sampling/realtime.py THREADS SKIP   (seconds for a second of sound)
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import wave

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf.networks import WaveNet, mu_law_encode

RATE = 16_000
SKIPS = (256, 64)
THREADS = (1, 2)
STEPS = 4_000  # sampled, for the time
REPEATS = 3

WINDOW, TRAINING_STEPS, TEST_WINDOWS = 4_096, 300, 16


def network_of(skip: int) -> WaveNet:
    """A built network with thirty layers of 64."""
    network = WaveNet(256, channels=64, skip_channels=skip)
    network.build()
    return network


def speed(threads: int, skip: int) -> dict:
    """Wall and CPU seconds for a second of sound, in a new process."""
    command = [sys.executable, __file__, str(threads), str(skip)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(threads: int, skip: int) -> dict:
    """Wall and CPU seconds for a second of sound: the smallest of the repeats."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    network, wall, cpu = network_of(skip), [], []
    for _ in range(1 + REPEATS):
        start = time.perf_counter(), time.process_time()
        network.sample(1, STEPS, seed=1, jit_compile=True)
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    of_second = RATE / STEPS
    return {
        "wall": of_second * min(wall[1:]),  # the first run compiles
        "cpu": of_second * min(cpu[1:]),
        "load": os.getloadavg()[0],
    }


def likelihood(skip: int, speech: pathlib.Path) -> dict:
    """Bits per sample of held-out speech after a short training, and what coarser weights add.

    Args:
        skip: width of the sum of skip connections.
        speech: folder of 16 kHz WAV files; every tenth is held out.
    """
    keras.utils.set_random_seed(0)
    files = sorted(speech.glob("*.wav"))
    test = [codes_of(file) for file in files[::10]]
    train = np.concatenate([codes_of(file) for i, file in enumerate(files) if i % 10])
    network = network_of(skip)
    variables = network.trainable_variables
    rate = keras.optimizers.schedules.CosineDecay(2e-3, TRAINING_STEPS)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    optimizer.build(variables)

    @tf.function
    def step(codes):
        with tf.GradientTape() as tape:
            loss = bits_of(network, codes)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    random, start = np.random.default_rng(0), time.process_time()
    for number in range(TRAINING_STEPS):
        first = random.integers(len(train) - WINDOW)
        loss = step(tf.constant(train[None, first : first + WINDOW]))
        if number % 20 == 0:
            print(f"skip {skip}, step {number}: {float(loss):.3f} bits per sample", flush=True)
    seconds = time.process_time() - start
    held_out = np.concatenate(test)
    held_out = held_out[: len(held_out) // WINDOW * WINDOW].reshape(-1, WINDOW)[:TEST_WINDOWS]
    evaluate = tf.function(lambda codes: bits_of(network, codes))
    figures = {"training_cpu_seconds": seconds, "training_samples": TRAINING_STEPS * WINDOW}
    exact = [variable.numpy() for variable in variables]
    for name, rounded in PRECISIONS.items():
        for variable, value in zip(variables, exact, strict=True):
            variable.assign(rounded(value) if value.ndim == 2 else value)
        bits = [float(evaluate(tf.constant(window[None]))) for window in held_out]
        figures[name] = float(np.mean(bits)) - figures.get("float32", 0.0)
    return figures


def bits_of(network, codes):
    """Mean bits per sample of `codes`."""
    logits = network(codes)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, logits)
    return tf.reduce_mean(losses) / np.log(2.0)


def codes_of(path: pathlib.Path) -> np.ndarray:
    """A 16-bit WAV file as mu-law codes."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path} is not mono at {RATE} Hz in 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return np.asarray(mu_law_encode(samples / 32768.0), np.int32)


def to_bfloat16(matrix: np.ndarray) -> np.ndarray:
    """The nearest numbers in bfloat16."""
    return tf.cast(tf.cast(matrix, tf.bfloat16), tf.float32).numpy()


def to_int8(matrix: np.ndarray) -> np.ndarray:
    """The nearest numbers on 255 equal steps, scaled for each column."""
    step = np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 127
    return np.round(matrix / step) * step


PRECISIONS = {"float32": np.array, "bfloat16": to_bfloat16, "int8": to_int8}

if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
