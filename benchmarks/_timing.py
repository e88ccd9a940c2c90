"""CPU times side by side: interleaved repeats on one thread of one process, and their minima.

A repeat runs every function once, in turn, so that a machine whose speed wanders slows all of
them alike; the minimum of each is the repeat in which it was disturbed least. What is compared
is the ratio of minima. CPU time is that of all threads of the process.

Import this module before TensorFlow: it holds TensorFlow to one thread of the CPU.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.set_visible_devices([], "GPU")

TOLERANCE = 0.03  # of a goal: ratios of minima wander by about as much


class Comparison(NamedTuple):
    """One line of a table.

    Attributes:
        work: what was measured.
        milliseconds: what it took.
        against: what it is compared with.
        reference: milliseconds that this took.
        ratio: of the two, either way: `costs` says what it is.
        costs: whether the ratio is milliseconds / reference, to be small; otherwise it is
            reference / milliseconds, how many times faster, to be large.
        goal: bound on the ratio, None where there is none.
    """

    work: str
    milliseconds: float
    against: str
    reference: float
    ratio: float
    costs: bool
    goal: float | None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        excess = self.ratio / self.goal if self.costs else self.goal / self.ratio
        if excess <= 1.0:
            return "yes"
        return "within 3 %" if excess <= 1.0 + TOLERANCE else "NO"


def cost(work, seconds, against, reference, goal=None) -> Comparison:
    """What `work` takes as a share of what something else takes."""
    return Comparison(
        work, seconds * 1e3, against, reference * 1e3, seconds / reference, True, goal
    )


def speed(work, seconds, against, reference, goal=None) -> Comparison:
    """How many times faster `work` is than something else."""
    return Comparison(
        work, seconds * 1e3, against, reference * 1e3, reference / seconds, False, goal
    )


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repeats: int, warm_up: int = 2
) -> dict[str, float]:
    """Smallest CPU seconds of each function; the first runs, which trace and compile, don't count.

    A function ends when its work is done: on CPU a `tf.function` returns no sooner.
    """
    for function in functions.values():
        for _ in range(warm_up):
            function()
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.process_time()
            function()
            best[name] = min(best[name], time.process_time() - start)
    return best


def run(measure: Callable[[int], list[Comparison]], repeats: int, notes: str) -> None:
    """Runs a benchmark from the command line and prints its table.

    Args:
        measure: from the number of repeats to the lines of the table.
        repeats: by default.
        notes: printed below the table.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--repeats", type=int, default=repeats, help="interleaved repeats")
    parser.add_argument(
        "--processes", type=int, default=1, help="processes, one after the other; shows medians"
    )
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(measure(options.repeats)))
        return
    print(machine())
    if options.processes == 1:
        lines = measure(options.repeats)
    else:
        runs = [_in_new_process(options.repeats) for _ in range(options.processes)]
        lines = [_median(same) for same in zip(*runs, strict=True)]
    print(table(lines))
    print(notes)


def is_here(module: str, packages: str) -> bool:
    """Whether a module to compare with is installed; says what to install where it is not."""
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"no {module} to compare with; to have it: pip install {packages}", file=sys.stderr)
    return found


def table(lines: list[Comparison]) -> str:
    """The lines as a Markdown table."""
    rows = [["work", "CPU ms", "against", "CPU ms", "ratio", "goal", "reached"]]
    rows += [
        [
            line.work,
            f"{line.milliseconds:.2f}",
            line.against,
            f"{line.reference:.2f}",
            f"{line.ratio:.3f}" if line.costs else f"{line.ratio:.2f} x faster",
            "" if line.goal is None else f"{'<=' if line.costs else '>='} {line.goal:g}",
            line.verdict,
        ]
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows)


def machine() -> str:
    """The machine and the versions in words; the load tells whether others were at work."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; "
        f"one thread; Python {platform.python_version()}, TensorFlow {tf.__version__}, "
        f"Keras {keras.__version__}"
    )


def processor_has(flag: str) -> bool:
    """Whether /proc/cpuinfo lists an instruction set, such as `avx512_bf16`."""
    return flag in _processor_facts().get("flags", "").split()


def _processor() -> str:
    sets = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if processor_has(flag)]
    return f"{_processor_facts().get('model name', platform.processor())} ({', '.join(sets)})"


def _processor_facts() -> dict[str, str]:
    try:
        with open("/proc/cpuinfo") as file:
            lines = (line.partition(":") for line in file.read().split("\n\n")[0].splitlines())
    except OSError:  # not Linux
        return {}
    return {name.strip(): value.strip() for name, _, value in lines}


def _in_new_process(repeats):
    command = [sys.executable, sys.argv[0], "--json", f"--repeats={repeats}"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Comparison(*line) for line in json.loads(output.splitlines()[-1])]


def _median(lines):
    return lines[0]._replace(
        **{
            name: statistics.median(getattr(line, name) for line in lines)
            for name in ("milliseconds", "reference", "ratio")
        }
    )
