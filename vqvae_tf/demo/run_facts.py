"""What a demo knows of its own run: its trainings, its times, the machine."""

import csv
import dataclasses
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import __version__, arguments, models, optional_packages, written_files
from vqvae_tf.demo.clock import Clock
from vqvae_tf.media import medium_of


@dataclasses.dataclass(frozen=True)
class Stage:
    """One of the trainings.

    Attributes:
        title: "The autoencoder", "The prior".
        steps, batch_size, parameters: number of steps, batch size, number of trained weights.
        seconds: wall-clock time.
        rows: rows of its `metrics.csv`, as `csv.DictReader` yields them.
        curves: the columns to draw: column -> name in the legend.
        y_label: label of the vertical axis, with the unit.
        log: whether the vertical axis is logarithmic.
    """

    title: str
    steps: int
    batch_size: int
    parameters: int
    seconds: float
    rows: Sequence[Mapping[str, Any]]
    curves: Mapping[str, str]
    y_label: str
    log: bool = False


@dataclasses.dataclass(frozen=True)
class Run:
    """A whole run of a demo.

    Attributes:
        timings: (part, seconds) for every part of the run, in order, over all starts.
        seed: seed of the run.
        machine: the machine in words: "2 x86_64 CPU cores".
        versions: package -> version.
        commands: (purpose, command) pairs to try next.
        starts: number of starts until the run was complete.
    """

    timings: Sequence[tuple[str, float]]
    seed: int
    machine: str
    versions: Mapping[str, str]
    commands: Sequence[tuple[str, str]]
    starts: int = 1

    @property
    def total_seconds(self) -> float:
        """Time of the whole run."""
        return sum(seconds for _, seconds in self.timings)


def start(output: str) -> tuple[str, str, Clock]:
    """Checks what the end of a run would refuse, before the work.

    Args:
        output: the folder for everything.

    Returns:
        The folder, the path of the report in it, and the clock.

    Raises:
        UserError: for a folder that is no path, a report or timings that the library did not write,
            or packages that are not installed.
    """
    output = arguments.path("output", output)
    report, timings = (os.path.join(output, name) for name in ("report.html", "timings.json"))
    for path in (report, timings):
        written_files.check(path)
    for package in ("jinja2", "matplotlib"):
        optional_packages.require(package, "report", "reports")
    return output, report, Clock(timings)


def this_run(clock: Clock, seed: int, commands: Sequence[tuple[str, str]]) -> Run:
    """The run that a clock has timed, on this machine.

    >>> import tempfile
    >>> clock = Clock(os.path.join(tempfile.mkdtemp(), "timings.json"))
    >>> this_run(clock, seed=3, commands=[]).seed
    3
    """
    gpus = len(tf.config.list_physical_devices("GPU"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Run(
        timings=list(clock.seconds.items()),
        seed=seed,
        machine=f"{cores} {platform.machine()} CPU core{'' if cores == 1 else 's'}"
        + (f" and {gpus} GPUs" if gpus else ""),
        versions={
            "vqvae_tf": __version__,
            "TensorFlow": tf.__version__,
            "Keras": keras.__version__,
        },
        commands=commands,
        starts=clock.starts,
    )


def code_counts(model: Any, source: Any) -> np.ndarray:
    """Uses of every code of an autoencoder in a source, encoded whole: int64 `[num_embeddings]`."""
    counts = np.zeros(model.code_sizes[0], np.int64)
    for item in medium_of(model).code_maps(model, source):
        counts += np.bincount(item["codes"].ravel(), minlength=len(counts))
    return counts


def rows_of(path: str) -> list[dict[str, Any]]:
    """The rows of the `metrics.csv` in a workdir."""
    with tf.io.gfile.GFile(os.path.join(path, "metrics.csv")) as file:
        return list(csv.DictReader(file))


def stage_of(
    title: str,
    model: models.TrainableModel,
    seconds: float,
    rows: Sequence[Mapping[str, Any]],
    curves: Mapping[str, str],
    y_label: str,
    log: bool = False,
) -> Stage:
    """The training of a model; the other arguments are the attributes of `Stage`."""
    return Stage(
        title=title,
        steps=model.config.training.steps,
        batch_size=model.config.training.batch_size,
        parameters=sum(int(np.prod(variable.shape)) for variable in model.trainable_variables),
        seconds=seconds,
        rows=rows,
        curves=curves,
        y_label=y_label,
        log=log,
    )
