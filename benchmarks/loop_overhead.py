"""The training loop and its data against the bare compiled step, for `sonnet` and `photos`."""

import dataclasses
import itertools
import os
import tempfile
import time
from typing import NamedTuple

import _timing  # first: it sets TensorFlow's threads
from _image_model import batches, configuration, training_step
from PIL import Image

from vqvae_tf import data, training
from vqvae_tf.models import ImageVQVAE

STEPS = {"sonnet": 50, "photos": 300}  # in a window: one log, one checkpoint and its pictures
NOTES = """\
A window of the loop is followed by one of the bare step on a batch that is always the same, in
turn; minima of both. A window is 50 steps of `sonnet` (300 of `photos`) with one log, one
checkpoint and TensorBoard's pictures, twenty (three) times as often as by default. Wall time needs
a machine with nothing else to do. "batches" is what making one batch takes: on another core it
hides behind the step as long as it is shorter. The folder holds the same photographs as PNG files:
held in memory as sets up to 1 GiB are, or decoded anew in every epoch as larger ones are."""


class Clock(NamedTuple):
    """Seconds, or stamps of them."""

    cpu: float
    wall: float

    @classmethod
    def now(cls):
        return cls(time.process_time(), time.perf_counter())

    def since(self, start, times):
        return Clock((self.cpu - start.cpu) / times, (self.wall - start.wall) / times)

    def least(self, other):
        return Clock(min(self.cpu, other.cpu), min(self.wall, other.wall))


class Windows:
    """Stands in for the evaluation, which the loop calls after every window of steps."""

    def __init__(self, bare_step, steps):
        self._bare_step, self._steps = bare_step, steps
        self.loop = self.bare = Clock(float("inf"), float("inf"))
        self._start = None

    def __call__(self, model):
        if self._start is not None:  # the first window has the compilation in it
            self.loop = self.loop.least(Clock.now().since(self._start, self._steps))
        start = Clock.now()
        for _ in range(self._steps):
            self._bare_step()
        self.bare = self.bare.least(Clock.now().since(start, self._steps))
        self._start = Clock.now()
        return {}


def loop(name: str, windows: int) -> Windows:
    """Trains the preset for some windows, each beside one of the bare step."""
    steps, config = STEPS[name], configuration(name)
    # One window more at either end: the first compiles, and the last is not evaluated in the loop.
    config = dataclasses.replace(
        config,
        training=dataclasses.replace(
            config.training,
            steps=(windows + 2) * steps,
            log_every=steps,
            evaluate_every=steps,
        ),
    )
    batch = next(iter(batches(config)))
    step = training_step(ImageVQVAE(config))
    step(batch)
    clocks = Windows(lambda: step(batch), steps)
    with tempfile.TemporaryDirectory() as workdir:
        training.train(
            ImageVQVAE(config),
            lambda start: batches(config, start_step=start),
            config.training,
            workdir,
            evaluate=clocks,
        )
    return clocks


def seconds_per_batch(dataset, count: int, repeats: int = 3) -> Clock:
    """What the data pipeline alone takes."""
    iterator = iter(dataset)
    for _ in itertools.islice(iterator, count):
        pass
    least = Clock(float("inf"), float("inf"))
    for _ in range(repeats):
        start = Clock.now()
        for _ in itertools.islice(iterator, count):
            pass
        least = least.least(Clock.now().since(start, count))
    return least


def write_photographs(folder: str) -> None:
    """The training photographs as files."""
    for picture in data.open_source("embedded:photos").pictures():
        Image.fromarray(picture["image"]).save(os.path.join(folder, f"{picture['name']}.png"))


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(folder)
        in_folder = data.open_source(f"folder:{folder}")
        for name in STEPS:
            config, clocks = configuration(name), loop(name, repeats)
            bare = clocks.bare
            goal = 1.03 if name == "sonnet" else None
            lines += [
                _timing.cost(f"{name}: loop", clocks.loop.cpu, "bare step", bare.cpu, goal),
                _timing.cost(
                    f"{name}: loop, wall", clocks.loop.wall, "bare step, wall", bare.wall, goal
                ),
            ]
            for source, dataset in (
                ("embedded", batches(config)),
                ("folder in memory", batches(config, in_folder)),
                ("folder decoded", batches(config, in_folder, memory_bytes=0)),
            ):
                each = seconds_per_batch(dataset, STEPS[name])
                lines.append(
                    _timing.cost(f"{name}: batches, {source}", each.cpu, "bare step", bare.cpu, 1.0)
                )
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=3, notes=NOTES)
