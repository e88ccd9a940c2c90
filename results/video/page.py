"""Writes the tables of results/video.md from the figures of results/video/run.sh.

Usage: python results/video/page.py RUNS
"""

import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import runs

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = {
    "labmaze": "labmaze",
    "doom": "Doom",
    "labmaze_84": "labmaze, 84x84 to 21x21",
    "labmaze_space_time": "labmaze, space-time form",
}
PLACES = {
    "test": {"labmaze": "mazes never seen", "doom": "the same rooms, other ways"},
    "other": {
        "labmaze": "other textures (`other_style`)",
        "doom": "another map (`other_map`)",
    },
}
KINDS = ("", "-rollouts", "-rollouts_without_actions")
GROUPS = ("forward", "turn_left", "turn_right", "recorded")
ROWS = {
    "imagined": "imagined",
    "imagined_without_actions": "the same, not told the actions",
    "trained_without_actions": "a prior trained without actions",
    "imagined_swapped": "the same, told the other turn",
    "copy": "copy of the last frame",
    "blurred_copy": "blurred copy",
    "uniform": "one colour",
    "zoom": "best zoom (fitted)",
    "slide": "best shift (fitted)",
    "reconstruction": "reconstruction (ceiling)",
}
SEEDS = range(3)


def read(folder, name):
    """The figures in a file; None if it was not measured."""
    path = os.path.join(folder, name + ".json")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def gather(folder, kept):
    """Adds the figures of the runs in a folder, with five digits, to those kept."""
    for name in SETS:
        for seed in SEEDS:
            for place in PLACES:
                for kind in KINDS:
                    run = f"{name}-{seed}-{place}{kind}"
                    found = read(folder, run)
                    if found is not None:
                        kept[run] = rounded(found)
    return kept


def rounded(value):
    """All numbers with five digits."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def spread(values, digits):
    """The mean of several seeds, and their range."""
    values = [each for each in values if each is not None and not math.isnan(each)]
    if not values:
        return "-"
    mean = f"{sum(values) / len(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def of_seeds(figures, name, place, kind=""):
    """The figures of each seed of a set that was measured."""
    runs_of = [f"{name}-{seed}-{place}{kind}" for seed in SEEDS]
    return [figures[each] for each in runs_of if each in figures]


def scenes():
    """Every set with each of its scenes, and the words for both."""
    for name, title in SETS.items():
        for place, words in PLACES.items():
            yield name, place, title, words[name.split("_")[0]]


def reconstructions(figures):
    """A row for each world and scene."""
    rows = []
    columns = (
        ("psnr", 2),
        ("ssim", 3),
        ("gradient", 2),
        ("edges", 2),
        ("perplexity", 0),
        ("codes_in_use", 0),
    )
    for name, place, title, words in scenes():
        found = of_seeds(figures, name, place)
        if found:
            cells = [spread([each[key] for each in found], digits) for key, digits in columns]
            rows.append([title, words, len(found), *cells])
    header = [
        "set",
        "scene",
        "seeds",
        "PSNR (dB)",
        "SSIM",
        "gradient",
        "edges",
        "perplexity",
        "codes",
    ]
    return runs.table(header, rows)


def rows_of(figures, name, place, group):
    """The rows of a group of clips, `{way: figures of each seed}`, and all that was measured."""
    found = of_seeds(figures, name, place, "-rollouts")
    found = [each for each in found if group in each["groups"]]
    ways = {row: [each["groups"][group]["rows"].get(row) for each in found] for row in ROWS}
    ways = {row: each for row, each in ways.items() if None not in each}
    untold = of_seeds(figures, name, place, "-rollouts_without_actions")
    if untold:
        row = "trained_without_actions"
        ways[row] = [each["groups"][group]["rows"]["imagined"] for each in untold]
    return found, ways


def futures(figures, name, place, group):
    """A row for each way to a future."""
    found, ways = rows_of(figures, name, place, group)
    if not found:
        return None
    steps = found[0]["frames"]
    chosen = (0, (steps - 1) // 2, steps - 1)
    rows = []
    for row, words in ROWS.items():
        if row not in ways:
            continue
        cells = [spread([each["psnr"][step] for each in ways[row]], 1) for step in chosen]
        for key in ("ssim", "gradient", "edges"):
            cells += [spread([each[key][step] for each in ways[row]], 2) for step in (0, steps - 1)]
        if group != "forward":  # where little moves sideways
            for key in ("sign", "shift_error"):
                cells.append(spread([mean(each[key]) for each in ways[row]], 2))
        rows.append([words, *cells])
    header = [""] + [f"PSNR {step + 1}" for step in chosen]
    for key in ("SSIM", "gradient", "edges"):
        header += [f"{key} 1", f"{key} {steps}"]
    clips = found[0]["groups"][group]["clips"]
    title = group.replace("_", " ").capitalize()
    header += [] if group == "forward" else ["sign", "shift error"]
    return f"### {title}, {clips} clips\n\n" + runs.table(header, rows)


def mean(values):
    """The mean of those that are numbers."""
    known = [each for each in values if each is not None and not math.isnan(each)]
    return sum(known) / len(known) if known else math.nan


def bits(figures):
    """Bits per code of the next frame, by what the prior is told."""
    rows = []
    for name, place, title, words in scenes():
        kinds = [of_seeds(figures, name, place, kind) for kind in KINDS[1:]]
        if not kinds[0]:
            continue
        told, untold = [
            [each["groups"]["recorded"]["bits_per_code"] for each in of] for of in kinds
        ]
        cells = [
            spread([each.get(way) for each in told], 3)
            for way in ("right", "none", "shuffled", "swapped")
        ]
        without = spread([each["none"] for each in untold], 3)
        rows.append([title, words, len(told), *cells, without])
    header = ["set", "scene", "seeds", "right", "none", "shuffled", "swapped"]
    return runs.table([*header, "trained without actions"], rows)


def page(figures):
    """The generated part of the page."""
    parts = [
        "# Videos",
        "`results/video/run.sh` trains and measures what this page shows, with the presets "
        "`labmaze` and `doom` and their priors, on episodes that are recorded on the spot. Six "
        "frames are given and ten imagined; figures are those of "
        "[docs/video.md](../docs/video.md#roll-outs), means over the clips, with the range over "
        "seeds. All episodes are held out.",
        "## Reconstructions",
        reconstructions(figures),
        "## Bits per code of the next frame",
        bits(figures),
    ]
    for name, place, title, words in scenes():
        tables = [futures(figures, name, place, group) for group in GROUPS]
        if any(tables):
            parts.append(f"## {title}: {words}")
            parts += [each for each in tables if each]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Writes figures.json and the page."""
    (folder,) = sys.argv[1:]
    figures = gather(folder, runs.figures_in(HERE))
    runs.keep_figures(HERE, figures)
    runs.write_page(os.path.join(HERE, "..", "video.md"), page(figures))


if __name__ == "__main__":
    main()
