"""The generated part of results/sampling.md and its picture, from the figures."""

import os
import pathlib
import platform

import growth
import realtime
import runs

RUN = "results/sampling/run.sh"


def page(figures: dict, folder: pathlib.Path) -> str:
    """The generated part of the page; the picture goes to `folder`."""
    sections = []
    if figures.get("growth"):
        sections.append(growth_section(figures["growth"], folder))
    if figures.get("speed"):
        sections.append(realtime_section(figures["speed"], figures.get("likelihood", {})))
    return (
        "# Speed of the samplers\n\n"
        f"`sh {RUN}` measures what is not in `sampling/figures.json` yet, and writes the first two "
        f"sections. Machine: one thread of {os.cpu_count()} {platform.machine()} CPU cores, shared "
        "with other work. The times are the smallest of a few CPU times and therefore rough.\n\n"
        + "\n".join(sections)
    )


def growth_section(found: dict, folder: pathlib.Path) -> str:
    """The table, with a column for each way and a row for each grid, and the picture."""
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
            "slope",
            *(f"{slopes[way]:.2f}" if way in slopes else "" for way in points),
        ]
    )
    loads = [one["load"] for one in found.values()]
    return (
        "## How does the time of a sample grow?\n\n"
        "CPU seconds of one sample of a PixelCNN with K = 512 and 16 layers of 128 channels. The "
        "naive sampler runs the whole network, as a plain graph, for each position. On the larger "
        f"grids it drew {growth.NAIVE_PLACES} positions, and the time was scaled (marked ~). The "
        "last row is the slope of log time over log positions from 8x8 on: 1 is linear, 2 is "
        f"quadratic. Load of the machine: {min(loads):.1f} to {max(loads):.1f} on "
        f"{os.cpu_count()} cores.\n\n"
        + runs.table(["grid", *growth.WAYS], rows)
        + "\n\n![time of a sample for each grid](sampling/growth.png)\n\n"
        f"Measured by `sh {RUN} --again growth`.\n"
    )


def realtime_section(speed: dict, likelihood: dict) -> str:
    """A row for each width of the skip; columns without figures are left out."""
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
    header = ["skip", *(f"times real time, {words(threads)}" for threads in measured)]
    training = ""
    if likelihood:
        header += [f"bits per sample, {exact}", *(f"{name} adds" for name in rounded)]
        samples = next(iter(likelihood.values()))["training_samples"]
        training = (
            " Bits per sample are those of held-out recorded speech (256 mu-law codes) after "
            f"training on {samples:,} samples. This is long before the training would end, so use "
            "them only to compare the rows. The last columns are the bits that rounding the "
            "trained network's matrices adds."
        )
    loads = [one["load"] for one in speed.values()]
    return (
        "## Thirty layers in real time?\n\n"
        "WaveNet with 30 layers of 64, one sequence, XLA. Times real time means seconds of 16 kHz "
        "sound per second: of CPU time with one thread, of wall time with two, at a load of "
        f"{min(loads):.1f} to {max(loads):.1f}.{training}\n\n"
        + runs.table(header, rows)
        + f"\n\nMeasured by `sh {RUN} --again speed` and "
        f"`sh {RUN} --again --speech=FOLDER likelihood`.\n"
    )


def seconds(one: dict | None, side: int) -> str:
    """Seconds to three digits, with a ~ if they were scaled."""
    if one is None:
        return ""
    return f"{'~' if one['drawn'] < side * side else ''}{one['seconds']:.3g}"


def words(threads: int) -> str:
    """A number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"
