"""Measures the samplers for results/sampling.md, draws its picture and writes its tables.

Usage: python results/sampling/run.py [--again] [--speech=FOLDER] [PART ...]

Without names, all parts are measured; `likelihood` only if there is speech to train on. Figures are
written to figures.json as they are measured, so that an interrupted run can be resumed. `--again`
removes the figures of the named parts first. `page` only writes the page.
"""

import functools
import itertools
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import figures
import growth
import page
import realtime
import runs
import tensorflow as tf

HERE = pathlib.Path(__file__).parent

# Part -> (its function, the arguments of each of its cases).
PARTS = {
    "growth": (
        growth.run,
        [
            (way, side)
            for way in growth.WAYS
            for side in (growth.NAIVE_SIDES if way == "naive" else growth.SIDES)
        ],
    ),
    "speed": (realtime.speed, list(itertools.product(realtime.THREADS, realtime.SKIPS))),
    "likelihood": (realtime.likelihood, [(skip,) for skip in realtime.SKIPS]),
}


def main():
    """Measures the requested parts, draws the picture, writes the page."""
    parser = figures.parser_of(__doc__, PARTS)
    parser.add_argument("--speech", type=pathlib.Path, help="folder of 16 kHz WAV files")
    options = parser.parse_args()
    parts = options.parts or [part for part in PARTS if options.speech or part != "likelihood"]
    figures.refuse_unknown(parser, parts, PARTS)
    if "likelihood" in parts and options.speech is None:
        parser.error("likelihood needs speech to train on: --speech=FOLDER of 16 kHz WAV files")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    kept = figures.Figures(HERE / "figures.json")
    for part in parts:
        if options.again:
            kept.forget(part)
        if part in PARTS:
            function, cases = PARTS[part]
            if part == "likelihood":
                function = functools.partial(function, speech=options.speech)
            kept.measure(part, function, cases)
    runs.write_page(str(HERE.parent / "sampling.md"), page.page(kept.read(), HERE))


if __name__ == "__main__":
    main()
