"""Measures and draws what results/quantizers.md reports; writes that page.

Usage: python results/quantizers/run.py [--again] [PART ...]

Without names every part is gone on with but `growth`, which wants a calm machine and is asked for
by name. Figures are kept in figures.json as they come, so that a run that is broken off goes on;
`--again` throws those of the named parts away first. `page` writes the page alone.
"""

import argparse
import itertools
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import comparison
import growth
import health
import page
import tensorflow as tf
import vectors

HERE = pathlib.Path(__file__).parent
FIGURES = HERE / "figures.json"

# Part -> (its function, the arguments of each of its cases).
PARTS = {
    "health": (health.run, list(itertools.product(health.CASES, health.SEEDS))),
    "revival": (
        vectors.revival,
        [
            (distribution, size, per_code, rule)
            for distribution, size in (("patches", 512), ("mixture", 512), ("patches", 8192))
            for per_code in vectors.STEPS[size]
            for rule in (vectors.NO_REVIVAL, *vectors.RULES)
        ],
    ),
    "overwritten": (
        vectors.overwritten,
        list(itertools.product(vectors.DISTRIBUTIONS, (1 / 16, 1, 4), vectors.RULES)),
    ),
    "settings": (comparison.choose, [(case,) for case in comparison.SETTINGS]),
    "comparison": (comparison.run, [(case,) for case in comparison.CASES]),
    "growth": (growth.run, [(work, *point) for work in growth.WORKS for point in growth.POINTS]),
}
ASKED_FOR = ("growth",)


def go_on(part: str) -> None:
    """Measures the cases of a part that have no figures yet."""
    function, cases = PARTS[part]
    for case in cases:
        key = ", ".join(map(str, case))
        if key in read().get(part, {}):
            continue
        found = {
            name: round(value, 7) if isinstance(value, float) else value
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
    """The parts asked for, the pictures, the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "page"]))
    parser.add_argument("--again", action="store_true", help="throw the parts' figures away first")
    options = parser.parse_args()
    parts = options.parts or [part for part in PARTS if part not in ASKED_FOR]
    unknown = set(parts) - {*PARTS, "page"}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; know {', '.join(PARTS)}, page")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for part in parts:
        if options.again:
            write(FIGURES, json.dumps({k: v for k, v in read().items() if k != part}, indent=1))
        if part in PARTS:
            go_on(part)
    figures = read()  # cases in the order of their list, whatever order they were measured in
    for part, (_, cases) in PARTS.items():
        keys = [", ".join(map(str, case)) for case in cases]
        found = figures.get(part, {})
        figures[part] = {key: found[key] for key in keys if key in found}
    write(HERE.parent / "quantizers.md", page.page(figures, HERE))


if __name__ == "__main__":
    main()
