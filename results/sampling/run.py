"""Measures and draws what results/sampling.md reports; writes that page.

Usage: python results/sampling/run.py [--again] [--speech=FOLDER] [PART ...]

Without names every part is gone on with, `likelihood` only if there is speech to train on. Figures
are kept in figures.json as they come, so that a run that is broken off goes on; `--again` throws
those of the named parts away first. `page` writes the page alone.
"""

import argparse
import functools
import itertools
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import growth
import page
import realtime
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
FIGURES = HERE / "figures.json"

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


def go_on(part: str, function) -> None:
    """Measures the cases of a part that have no figures yet."""
    for case in PARTS[part][1]:
        key = ", ".join(map(str, case))
        if key in read().get(part, {}):
            continue
        found = {
            name: float(f"{value:.4g}") if isinstance(value, float) else value
            for name, value in function(*case).items()
        }
        print(f"{part}: {key}: {found}", flush=True)
        figures = read()  # anew: another part may be under way beside this one
        figures.setdefault(part, {})[key] = found
        write(FIGURES, json.dumps(figures, indent=1) + "\n")


def read() -> dict:
    """All figures so far: part -> case -> name -> number."""
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def write(path: pathlib.Path, text: str) -> None:
    """At once or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def main():
    """The parts asked for, the picture, the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "page"]))
    parser.add_argument("--again", action="store_true", help="throw the parts' figures away first")
    parser.add_argument("--speech", type=pathlib.Path, help="folder of 16 kHz WAV files")
    options = parser.parse_args()
    parts = options.parts or [part for part in PARTS if options.speech or part != "likelihood"]
    unknown = set(parts) - {*PARTS, "page"}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; know {', '.join(PARTS)}, page")
    if "likelihood" in parts and options.speech is None:
        parser.error("likelihood needs speech to train on: --speech=FOLDER of 16 kHz WAV files")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for part in parts:
        if options.again:
            write(FIGURES, json.dumps({k: v for k, v in read().items() if k != part}, indent=1))
        if part in PARTS:
            function = PARTS[part][0]
            if part == "likelihood":
                function = functools.partial(function, speech=options.speech)
            go_on(part, function)
    write(HERE.parent / "sampling.md", page.page(read(), HERE))


if __name__ == "__main__":
    main()
