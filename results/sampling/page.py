"""results/sampling.md and its picture, from the figures alone."""

import os
import pathlib
import platform

import growth
import realtime
import runs

RUN = "results/sampling/run.sh"


def page(figures: dict, folder: pathlib.Path) -> str:
    """The page; the picture goes to `folder`."""
    sections = []
    if figures.get("growth"):
        sections.append(growth_section(figures["growth"], folder))
    if figures.get("speed"):
        sections.append(realtime_section(figures["speed"], figures.get("likelihood", {})))
    notes = (folder / "notes.md").read_text()
    return (
        "# Sampling: how its time grows, and what real time costs\n\n"
        f"Written by `sh {RUN}`, which measures what `sampling/figures.json` does not hold yet. "
        f"Machine: one thread of {os.cpu_count()} {platform.machine()} CPU cores, shared with "
        "other work, so times are the smallest of a few CPU times, and rough. The goals of speed "
        "are in [docs/benchmarks.md](../docs/benchmarks.md).\n\n"
        + "\n".join(sections)
        + "\n"
        + notes
    )


def growth_section(found: dict, folder: pathlib.Path) -> str:
    """A column a way, a line a grid, and the picture."""
    points = {way: {} for way in growth.WAYS}
    for key, one in found.items():
        way, side = key.rsplit(", ", 1)
        points[way][int(side)] = one
    growth.draw(points, str(folder / "growth.png"))
    rows = []
    for side in growth.SIDES:
        cells = [points[way].get(side) for way in growth.WAYS]
        rows.append([f"{side}x{side}", *(seconds(cell, side) for cell in cells)])
    slopes = growth.exponents(points)
    rows.append(
        [
            "grows as places to the",
            *(f"{slopes[way]:.2f}" if way in slopes else "" for way in points),
        ]
    )
    loads = [one["load"] for one in found.values()]
    return (
        "## How does the time of a sample grow?\n\n"
        "PixelCNN, K = 512, 16 layers of 128 channels, one sample, CPU seconds. The naive sampler "
        "is a pass of the whole network, as a plain graph, for each place; of the larger grids "
        f"{growth.NAIVE_PLACES} places were drawn and the time scaled (marked ~). The last line is "
        "the slope in the picture from 8x8 on: 1 is linear, 2 quadratic. Load of the machine "
        f"{min(loads):.0f} to {max(loads):.0f} on {os.cpu_count()} cores.\n\n"
        + runs.table(["grid", *growth.WAYS], rows)
        + f"\n\n![time against places](sampling/growth.png)\n\nBy `sh {RUN} --again growth`.\n"
    )


def realtime_section(speed: dict, likelihood: dict) -> str:
    """A line a width of the skip; columns without figures are left out."""
    measured = [n for n in realtime.THREADS if any(key.startswith(f"{n}, ") for key in speed)]
    exact, *rounded = realtime.PRECISIONS if likelihood else [None]
    rows = []
    for skip in realtime.SKIPS:
        line = [skip]
        for threads in measured:
            one = speed.get(f"{threads}, {skip}")
            line.append(f"{1 / one['cpu' if threads == 1 else 'wall']:.2f}" if one else "")
        one = likelihood.get(str(skip))
        if one:
            line += [f"{one[exact]:.3f}", *(f"{one[name]:+.5f}" for name in rounded)]
        rows.append(line)
    header = ["skip", *(f"times real time, threads: {threads}" for threads in measured)]
    training = ""
    if likelihood:
        header += [f"bits a sample, {exact}", *(f"{name} adds" for name in rounded)]
        samples = next(iter(likelihood.values()))["training_samples"]
        training = (
            " Bits a sample of held-out recorded speech, 256 mu-law codes, after "
            f"{samples:,} samples of training: long before the end, so a comparison and no more. "
            "The last columns are what rounding the trained network's matrices adds."
        )
    loads = [one["load"] for one in speed.values()]
    return (
        "## Thirty layers in real time?\n\n"
        "WaveNet, 30 layers of 64, one sequence, XLA: seconds of 16 kHz sound a second, of CPU "
        f"time with one thread, by the clock with two, at a load of {min(loads):.0f} to "
        f"{max(loads):.0f}.{training}\n\n"
        + runs.table(header, rows)
        + f"\n\nBy `sh {RUN} --again speed` and `sh {RUN} --again --speech=FOLDER likelihood`.\n"
    )


def seconds(one: dict | None, side: int) -> str:
    """Marked where it was scaled."""
    if one is None:
        return ""
    return f"{'~' if one['drawn'] < side * side else ''}{one['seconds']:.3g}"
