"""Times of the parts of the demo, over all of its starts."""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf import files, written_files


class Clock:
    """Seconds of the named parts of the demo, summed over its starts.

    They are written when a part ends, even by an interruption or an error, and read at the next
    start. A file that cannot be read is ignored.

    Args:
        path: path of the JSON file.

    Attributes:
        starts: number of starts, including this one.
        seconds: part -> seconds, in the order of the first start.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "timings.json")
    >>> with Clock(path).part("training"):
    ...     pass
    training: 0 s
    >>> again = Clock(path)
    >>> again.starts, list(again.seconds)
    (2, ['training'])
    """

    def __init__(self, path: str):
        self._path = path
        self.starts, self.seconds = _read(path)
        self.starts += 1

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A context that measures and prints its time."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.at_least(name, self.seconds.get(name, 0.0) + seconds)
        print(f"{name}: {seconds:.0f} s", flush=True)

    def at_least(self, name: str, seconds: float) -> None:
        """Raises the time of a part to at least `seconds`: a killed start has written none."""
        self.seconds[name] = max(seconds, self.seconds.get(name, 0.0))
        if tf.io.gfile.isdir(os.path.dirname(self._path) or "."):  # else nothing has started
            written = {"starts": self.starts, "seconds": self.seconds}
            written_files.write_bytes(self._path, files.as_json(written).encode())


def _read(path: str) -> tuple[int, dict[str, float]]:
    try:
        with tf.io.gfile.GFile(path) as file:
            written = json.load(file)
        return int(written["starts"]), {k: float(v) for k, v in written["seconds"].items()}
    except (tf.errors.OpError, ValueError, KeyError, TypeError, AttributeError):
        return 0, {}


def trained_seconds(rows: Iterable[Mapping[str, Any]]) -> float:
    """Seconds of all training steps in a run's `metrics.csv`.

    Args:
        rows: as `csv.DictReader` yields them.

    >>> rows = [{"step": "100", "steps_per_second": "10"}, {"step": "200", "steps_per_second": "5"}]
    >>> trained_seconds([*rows, {"step": "200", "steps_per_second": ""}])
    30.0
    """
    seconds, before = 0.0, 0
    for row in rows:
        if row.get("steps_per_second"):
            seconds += (int(row["step"]) - before) / float(row["steps_per_second"])
            before = int(row["step"])
    return seconds
