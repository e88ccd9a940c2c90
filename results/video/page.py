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
WORLDS = {"labmaze": "labmaze", "doom": "Doom"}
PLACES = {
    "test": {"labmaze": "mazes never seen", "doom": "the same rooms, other ways"},
    "other": {
        "labmaze": "other textures (`other_style`)",
        "doom": "another map (`other_map`)",
    },
}
GROUPS = ("forward", "turn_left", "turn_right", "recorded")
ROWS = {
    "imagined": "imagined",
    "imagined_without_actions": "the same, not told the actions",
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


def gather(folder):
    """The figures of all runs that the page shows, with five digits."""
    kept = {}
    for world in WORLDS:
        for seed in SEEDS:
            for place in PLACES:
                for kind in ("", "-rollouts"):
                    name = f"{world}-{seed}-{place}{kind}"
                    found = read(folder, name)
                    if found is not None:
                        kept[name] = rounded(found)
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


def of_seeds(figures, world, place, kind=""):
    """The figures of each seed that was measured."""
    names = [f"{world}-{seed}-{place}{kind}" for seed in SEEDS]
    return [figures[name] for name in names if name in figures]


def reconstructions(figures):
    """A row for each world and scene."""
    rows = []
    for world, title in WORLDS.items():
        for place, words in PLACES.items():
            found = of_seeds(figures, world, place)
            if not found:
                continue
            columns = (
                ("psnr", 2),
                ("ssim", 3),
                ("gradient", 2),
                ("edges", 2),
                ("perplexity", 0),
                ("codes_in_use", 0),
            )
            cells = [spread([each[name] for each in found], digits) for name, digits in columns]
            rows.append([title, words[world], len(found), *cells])
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


def futures(figures, world, place, group):
    """A row for each way to a future."""
    found = of_seeds(figures, world, place, "-rollouts")
    found = [each for each in found if group in each["groups"]]
    if not found:
        return None
    steps = found[0]["frames"]
    chosen = (0, (steps - 1) // 2, steps - 1)
    rows = []
    for row, words in ROWS.items():
        each_seed = [each["groups"][group]["rows"].get(row) for each in found]
        if None in each_seed:
            continue
        cells = [spread([each["psnr"][step] for each in each_seed], 1) for step in chosen]
        for name in ("ssim", "gradient", "edges"):
            cells += [
                spread([each[name][step] for each in each_seed], 2) for step in (0, steps - 1)
            ]
        if group != "forward":  # where little moves sideways
            for name in ("sign", "shift_error"):
                cells.append(spread([mean(each[name]) for each in each_seed], 2))
        rows.append([words, *cells])
    header = [""] + [f"PSNR {step + 1}" for step in chosen]
    for name in ("SSIM", "gradient", "edges"):
        header += [f"{name} 1", f"{name} {steps}"]
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
    for world, title in WORLDS.items():
        for place, words in PLACES.items():
            found = of_seeds(figures, world, place, "-rollouts")
            if not found:
                continue
            told = [each["groups"]["recorded"]["bits_per_code"] for each in found]
            cells = [
                spread([each.get(way) for each in told], 3)
                for way in ("right", "none", "shuffled", "swapped")
            ]
            rows.append([title, words[world], len(found), *cells])
    return runs.table(["set", "scene", "seeds", "right", "none", "shuffled", "swapped"], rows)


def page(figures):
    """The generated part of the page."""
    parts = [
        "# Videos",
        "`results/video/run.sh` trains and measures what this page shows, with the presets "
        "`labmaze` and `doom` and their priors, on episodes that are recorded on the spot. Six "
        "frames are given and ten imagined, at temperature 0.7; figures are those of "
        "[docs/video.md](../docs/video.md#roll-outs), means over the clips, with the range over "
        "seeds. All episodes are held out.",
        "## Reconstructions",
        reconstructions(figures),
        "## Bits per code of the next frame",
        bits(figures),
    ]
    for world, title in WORLDS.items():
        for place, words in PLACES.items():
            tables = [futures(figures, world, place, group) for group in GROUPS]
            if any(tables):
                parts.append(f"## {title}: {words[world]}")
                parts += [each for each in tables if each]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Writes figures.json and the page."""
    (folder,) = sys.argv[1:]
    figures = gather(folder)
    runs.write(os.path.join(HERE, "figures.json"), json.dumps(figures, indent=1) + "\n")
    runs.write_page(os.path.join(HERE, "..", "video.md"), page(figures))


if __name__ == "__main__":
    main()
