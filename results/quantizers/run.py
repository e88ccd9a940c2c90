"""Measures what results/quantizers.md reports, draws its pictures and writes its tables.

Usage: python results/quantizers/run.py [--again] [PART ...]

Without names, all parts are measured except `growth`, which needs an idle machine. Figures are
written to figures.json as they are measured, so that an interrupted run can be resumed. `--again`
removes the figures of the named parts first. `page` only writes the page.
"""

import itertools
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import comparison
import figures
import growth
import health
import page
import runs
import tensorflow as tf
import vectors

HERE = pathlib.Path(__file__).parent

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
    "comparison": (
        comparison.run,
        [(case, seed) for seed in comparison.SEEDS for case in comparison.CASES],
    ),
    "growth": (growth.run, [(work, *point) for work in growth.WORKS for point in growth.POINTS]),
}
ASKED_FOR = ("growth",)


def main():
    """Measures the requested parts, draws the pictures, writes the page."""
    parser = figures.parser_of(__doc__, PARTS)
    options = parser.parse_args()
    parts = options.parts or [part for part in PARTS if part not in ASKED_FOR]
    figures.refuse_unknown(parser, parts, PARTS)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    kept = figures.Figures(HERE / "figures.json")
    for part in parts:
        if options.again:
            kept.forget(part)
        if part in PARTS:
            kept.measure(part, *PARTS[part])
    found = kept.read()  # cases in the order of PARTS, whatever order they were measured in
    for part, (_, cases) in PARTS.items():
        keys = [", ".join(map(str, case)) for case in cases]
        found[part] = {key: found[part][key] for key in keys if key in found.get(part, {})}
    runs.write_page(str(HERE.parent / "quantizers.md"), page.page(found, HERE))


if __name__ == "__main__":
    main()
