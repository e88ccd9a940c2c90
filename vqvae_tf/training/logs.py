"""Logs of a run: TensorBoard, `metrics.csv` and a progress bar."""

import contextlib
import csv
import io
import itertools
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tqdm
from absl import logging

from vqvae_tf.errors import reason
from vqvae_tf.files import write_text, writing
from vqvae_tf.summaries import Summaries

_EXAMPLES = 8  # of a batch, shown in TensorBoard


class Logs:
    """Scalars, pictures and histograms of a run, by step.

    `metrics.csv` has a column `step` and one for each value, and a row for each step with logged
    values. A resumed run removes the rows of steps that it will repeat, so that the file is that of
    an uninterrupted run. The progress bar is shown on terminals only.

    Args:
        workdir: folder of `metrics.csv` and `tensorboard/`; any `tf.io.gfile` path.
        step: the step that the run starts from.
        steps: the step that it ends at.
        active: False writes nothing, for workers that are not the chief.
    """

    def __init__(self, workdir: str, step: int, steps: int, active: bool = True):
        self._workdir = workdir
        self._path = os.path.join(workdir, "metrics.csv")
        self._active = active
        self._columns: list[str] = ["step"]
        self._rows: list[dict[str, Any]] = []
        if active:
            with writing(workdir):
                self._writer = tf.summary.create_file_writer(os.path.join(workdir, "tensorboard"))
                self._read_rows(up_to=step)
        else:
            self._writer = tf.summary.create_noop_writer()
        # `disable=None` disables tqdm unless on a terminal.
        self._bar = tqdm.tqdm(
            initial=step,
            total=steps,
            unit="step",
            dynamic_ncols=True,
            disable=None if active else True,
        )

    def advance(self) -> None:
        """Moves the progress bar by one step."""
        self._bar.update()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes values under their names; those of one step share a row."""
        if not self._active:
            return
        if "loss" in values:
            self._bar.set_postfix(loss=f"{values['loss']:.4g}", refresh=False)
        with writing(self._workdir):
            with self._writer.as_default(step):
                for name, value in values.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()
            self._add_row({"step": step, **values})

    def summaries(self, step: int, summaries: Summaries) -> None:
        """Writes pictures, histograms and sounds to TensorBoard."""
        with writing(self._workdir), self._writer.as_default(step):
            for name, images in summaries.images.items():
                tf.summary.image(name, images, max_outputs=_EXAMPLES)
            for name, values in summaries.histograms.items():
                tf.summary.histogram(name, values)
            for name, (audio, sample_rate) in summaries.audio.items():
                tf.summary.audio(name, audio[..., None], sample_rate, max_outputs=_EXAMPLES)
            self._writer.flush()

    def close(self) -> None:
        """Ends the bar and the TensorBoard file."""
        self._bar.close()
        # Everything is flushed already; on a full disk closing would only hide the first error.
        with contextlib.suppress(tf.errors.OpError):
            self._writer.close()

    def _read_rows(self, up_to):
        if not tf.io.gfile.exists(self._path):
            return
        try:
            columns, rows = _parsed(self._path)
        except (ValueError, csv.Error, tf.errors.OpError) as error:
            numbered = (f"{self._path}.damaged-{number}" for number in itertools.count(1))
            aside = next(path for path in numbered if not tf.io.gfile.exists(path))
            tf.io.gfile.rename(self._path, aside)
            logging.warning(
                "%s is damaged (%s): it is kept as %s and a new one is started",
                self._path, reason(error), aside,
            )  # fmt: skip
            return
        self._columns = columns
        self._rows = [row for row in rows if int(row["step"]) <= up_to]
        self._write_all()

    def _add_row(self, row):
        new_columns = [name for name in row if name not in self._columns]
        same_step = bool(self._rows) and int(self._rows[-1]["step"]) == row["step"]
        if same_step:
            self._rows[-1].update(row)
        else:
            self._rows.append(row)
        if new_columns or same_step or len(self._rows) == 1:
            self._columns += new_columns
            self._write_all()
        else:
            with tf.io.gfile.GFile(self._path, "a") as file:
                file.write(self._as_text([row]))

    def _write_all(self):
        write_text(self._path, self._as_text(self._rows, header=True))

    def _as_text(self, rows, header=False):
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, restval="", lineterminator="\n")
        if header:
            writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


def _parsed(path):
    """Columns and rows of a file that `Logs` wrote.

    Raises:
        ValueError, csv.Error, tf.errors.OpError: the file is not a log of `Logs`, or is damaged.
    """
    with tf.io.gfile.GFile(path) as file:
        # Whole lines only: the last one may have been cut off when the run was killed.
        lines = file.read().split("\n")[:-1]
    if not lines:
        raise ValueError("it has no lines")
    columns, *values = csv.reader(lines, strict=True)
    if columns[:1] != ["step"] or len(set(columns)) < len(columns):
        raise ValueError(f"its first line is {lines[0][:40]!r}")
    if any(len(row) != len(columns) for row in values):
        raise ValueError("its rows have different lengths")
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    steps = [int(row["step"]) for row in rows]
    if steps != sorted(set(steps)):
        raise ValueError("its steps are out of order")
    for row in rows:
        for value in filter(None, row.values()):
            float(value)
    return columns, rows
