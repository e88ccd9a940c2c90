"""CPU time of a sample against the size of its grid: the cached sampler and the naive one."""

import os
import time

import numpy as np
import tensorflow as tf

from vqvae_tf.networks import PixelCNN
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise

K = 512
WAYS = ("cached, XLA", "cached, plain graph", "naive")
SIDES = (4, 8, 16, 32, 48, 64)
NAIVE_SIDES = tuple(side for side in SIDES if side <= 32)
REPEATS = 3
NAIVE_PLACES = 16  # at most; on a larger grid this many are drawn, and the time is scaled


def run(way: str, side: int) -> dict:
    """CPU seconds of one sample (smallest of the repeats), and how many positions were drawn."""
    network = PixelCNN(K, channels=128, layers=16, head_width=128)
    network.build(())
    grid, places = (side, side), side * side
    if way == "naive":
        places = min(places, NAIVE_PLACES)
        draw = naive_sampler(network, grid, places)
    else:
        jit = way == "cached, XLA"

        def draw():
            network.sample(1, grid, seed=1, jit_compile=jit)

    draw()  # traces and compiles
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        draw()
        best = min(best, time.process_time() - start)
    return {"seconds": best * side * side / places, "drawn": places, "load": os.getloadavg()[0]}


def naive_sampler(network, grid, places):
    """Draws the middle `places` positions of a grid with a pass of the whole network for each."""
    height, width = grid

    @tf.function
    def place(codes, i, j, noise):
        logits = network(codes)[0, i, j]
        drawn = tf.argmax(logits + noise, output_type=tf.int32)
        return tf.tensor_scatter_nd_update(codes, [[0, i, j]], drawn[None])

    @tf.function
    def all_noise():
        row = gumbel_noise(tf.constant(1, tf.uint64), 0, 1, 0, height * width, 1, K)
        return row[:, 0, 0]

    first = (height * width - places) // 2

    def draw():
        codes, noise = tf.zeros([1, *grid], tf.int32), all_noise()
        for index in range(first, first + places):
            i, j = (tf.constant(number) for number in divmod(index, width))
            codes = place(codes, i, j, noise[index])
        return codes

    return draw


def exponents(points: dict) -> dict:
    """Way -> the slope of log time over log positions, by least squares from 8x8 on."""
    slopes = {}
    for way, of_side in points.items():
        sides = [side for side in of_side if side >= 8]
        if len(sides) > 1:
            places = np.log([side * side for side in sides])
            seconds = np.log([of_side[side]["seconds"] for side in sides])
            slopes[way] = float(np.polyfit(places, seconds, 1)[0])
    return slopes


def draw(points: dict, path: str) -> None:
    """Plots seconds against positions, both logarithmic.

    Args:
        points: way -> {side: figures}.
        path: of the picture.
    """
    import matplotlib
    from figures import PLOT_STYLE
    from matplotlib.figure import Figure

    with matplotlib.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(6, 3.8), layout="constrained")
        axes = figure.subplots()
        for way, marker in zip(WAYS, "os^", strict=True):
            places = [side * side for side in points[way]]
            seconds = [one["seconds"] for one in points[way].values()]
            axes.plot(places, seconds, marker=marker, markersize=4, label=way)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks([side * side for side in SIDES], [f"{side}x{side}" for side in SIDES])
        axes.set_xlabel("grid")
        axes.set_ylabel("CPU seconds per sample")
        axes.legend()
        figure.savefig(path, dpi=110)
