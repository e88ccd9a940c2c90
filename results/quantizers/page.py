"""The generated part of results/quantizers.md and its pictures, from the figures."""

import os
import pathlib
import platform
import statistics

import comparison
import growth
import health
import runs
import vectors

RUN = "results/quantizers/run.sh"
# Split -> its name on the page.
SPLITS = {"region": "regions", "photo": "photographs"}
SETTINGS_SPLITS = {"validation": "validation"}


def page(figures: dict, folder: pathlib.Path) -> str:
    """The generated part of the page; pictures go to `folder`."""
    parts = {name: figures.get(name) for name in SECTIONS}
    sections = [
        SECTIONS[name](found) + f"\nMeasured by `sh {RUN} --again {name}`.\n"
        for name, found in parts.items()
        if found
    ]
    if figures.get("revival"):
        draw_revival(figures["revival"], folder / "revival.png")
    sections.append(growth_section(figures.get("growth"), folder))
    return (
        "# Quantizers: use of the codebook, and all quantizers compared\n\n"
        f"`sh {RUN}` measures what is not in `quantizers/figures.json` yet, and writes the tables. "
        f"Machine: one thread of {os.cpu_count()} {platform.machine()} CPU cores, shared with "
        "other work.\n\n" + "\n".join(sections)
    )


def health_section(found: dict) -> str:
    """A row for each case, with all seeds in it."""
    rows = []
    for case in health.CASES:
        seeds = [found[f"{case}, {seed}"] for seed in health.SEEDS if f"{case}, {seed}" in found]
        if seeds:
            errors = [1e3 * one["mse"] for one in seeds]
            rows.append(
                [
                    case,
                    ", ".join(str(one["in_use"]) for one in seeds),
                    ", ".join(f"{one['perplexity']:.0f}" for one in seeds),
                    ", ".join(f"{error:.2f}" for error in errors),
                    f"{statistics.mean(errors):.2f}",
                ]
            )
    header = ["quantizer", "codes in use of 512", "perplexity", "MSE x 1e3", "mean"]
    return (
        "## Does a codebook stay alive?\n\n"
        f"{health.STEPS} steps of Adam at 1e-3 on batches of {health.CROPS} crops (32x32) of six "
        "photographs. Two strided convolutions give 8x8 vectors of 64 numbers per crop, so 2,048 "
        f"vectors per step for 512 codes. Measured on {health.TEST_CROPS} fixed crops (16,384 "
        f"vectors), for the seeds 0 to {max(health.SEEDS)}.\n\n" + runs.table(header, rows) + "\n"
    )


def revival_section(found: dict) -> str:
    """Error of each rule relative to no revival, and how many codes were revived."""
    rows = []
    for distribution, size in (("patches", 512), ("mixture", 512), ("patches", 8192)):
        for per_code, steps in vectors.STEPS[size].items():
            plain = found.get(f"{distribution}, {size}, {per_code}, {vectors.NO_REVIVAL}")
            if plain is None:
                continue
            line = [distribution, f"{size:,}", words(per_code), steps, used(plain, size)]
            for rule in vectors.RULES:
                one = found.get(f"{distribution}, {size}, {per_code}, {rule}")
                if one is None:
                    line += ["", "", ""]
                    continue
                change = 100 * (one["error"] / plain["error"] - 1)
                line += [f"{change:+.1f} %", used(one, size), f"{one['revived_a_step']:.2f}"]
            rows.append(line)
    header = ["vectors", "K", "per code and step", "steps", "no revival: in use"]
    for rule in vectors.RULES:
        header += [f"{rule}: error", "in use", "revived per step"]
    return (
        "## What does revival cost with few and with many vectors per code?\n\n"
        "`VectorQuantizerEMA` with its default decay, trained on vectors of a fixed distribution: "
        "4x4 patches of the embedded photographs (48 numbers), or a mixture of 4,096 Gaussians in "
        "16 dimensions whose shares fall as 1/n. The error is the squared error on 16,384 other "
        "vectors, relative to that of a codebook without revival that starts from random vectors "
        "of the data. Codes revived per step are the mean over the second half of the run.\n\n"
        + runs.table(header, rows)
        + "\n\n![error for each number of vectors per code and step](quantizers/revival.png)\n"
    )


def draw_revival(found: dict, path: pathlib.Path) -> None:
    """Plots the error relative to no revival over the number of vectors per code and step."""
    import matplotlib
    from figures import PLOT_STYLE
    from matplotlib.figure import Figure

    with matplotlib.rc_context(PLOT_STYLE):
        figure = Figure(figsize=(8, 2.8), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        settings = (("patches", 512), ("mixture", 512), ("patches", 8192))
        for place, (distribution, size) in zip(axes, settings, strict=True):
            for rule, marker in zip(vectors.RULES, "os^s", strict=False):
                points = []
                for per_code in vectors.STEPS[size]:
                    keys = [
                        f"{distribution}, {size}, {per_code}, {one}"
                        for one in (rule, vectors.NO_REVIVAL)
                    ]
                    if all(key in found for key in keys):
                        mine, plain = (found[key]["error"] for key in keys)
                        points.append((per_code, 100 * (mine / plain - 1)))
                if points:
                    place.plot(*zip(*points, strict=True), marker=marker, markersize=4, label=rule)
            place.axhline(0, color="#888888", linewidth=1)
            place.set_xscale("log", base=2)
            place.set_title(f"{distribution}, K = {size:,}")
            place.set_xlabel("vectors per code and step")
        axes[0].set_ylabel("error relative to no revival, %")
        axes[0].legend()
        figure.savefig(path, dpi=110)


def overwritten_section(found: dict) -> str:
    """How many good codes were overwritten, and what that cost."""
    header = ["vectors", "per code and step", "error when loaded", "batches"]
    header += ["overwritten, of 512", "most used of these", "worth more before"]
    header += ["total worth before", "after", "final error"]
    rows = []
    for key, one in found.items():
        distribution, per_code, _ = key.split(", ", 2)
        line = [distribution, words(float(per_code)), f"{one['loaded_error']:.4g}"]
        for name, batches in (("loaded", "first size"), ("grown", "x 8")):
            before, after = one[f"{name}_worth_before"], one[f"{name}_worth_after"]
            moves = [f"{one[name + '_most_used']:.2f}", one[f"{name}_worth_more_before"]]
            moves += [f"{100 * before:.2f} %", f"{100 * after:.2f} %"]
            moves = moves if one[name] else [""] * 4
            rows.append([*line, batches, one[name], *moves, f"{one[name + '_error_after']:.4g}"])
    return (
        "## Are good codes overwritten?\n\n"
        "A codebook of 512 codes from k-means is loaded by `load_codebook` (all counts 1) and "
        "trained further; then the batches become eight times as large. Use is in multiples of the "
        "mean. The worth of a place is the share by which the error of 32,768 fixed vectors would "
        "rise without a code there, after the code has moved to the mean of its vectors. The table "
        "counts the codes whose place was worth more before the revival than after it, and has "
        "the sums of both.\n\n" + runs.table(header, rows) + "\n"
    )


def settings_section(found: dict) -> str:
    """A row for each setting."""
    return (
        "## Which settings?\n\n"
        "Settings of the quantizers in the next table that have one to choose, trained by its "
        "command (seed 0) and measured on `embedded:photos/validation`.\n\n"
        + comparison_table({name: [one] for name, one in found.items()}, SETTINGS_SPLITS)
    )


def comparison_section(found: dict) -> str:
    """A row for each case, over its seeds."""
    cases: dict[str, list] = {}
    for key, one in found.items():
        cases.setdefault(key.rpartition(", ")[0], []).append(one)
    seeds = ", ".join(map(str, comparison.SEEDS))
    return (
        "## All quantizers on photographs, at the same bits\n\n"
        f"Each row is the preset `photos` with {comparison.STEPS:,} steps in place of 16,000 and "
        "the row's flags, trained and measured by\n\n"
        "```sh\n"
        f"{' '.join(comparison.TRAIN)} --config.training.seed=SEED FLAGS --workdir=runs/one\n"
        f"vqvae-evaluate --model=runs/one --data={comparison.DATA}/region\n"
        f"vqvae-evaluate --model=runs/one --data={comparison.DATA}/photo\n"
        "```\n\n"
        "The two splits are the held-out regions and the held-out photographs of "
        f"[image.md](image.md). Means over the seeds {seeds}; in brackets the smallest and the "
        "largest PSNR. The perplexity of several codes per vector is the geometric mean over "
        "them.\n\n" + comparison_table(cases, SPLITS)
    )


def comparison_table(cases: dict[str, list], splits: dict[str, str]) -> str:
    """A row for each case and its runs; `splits` gives the names of the splits on the page."""
    rows = []
    for case, runs_of_case in cases.items():
        flags = runs_of_case[0]["flags"]
        line = [case, f"`{flags}`" if flags else "", f"{runs_of_case[0]['bits']:g}"]
        for split in splits:
            here = [one[split] for one in runs_of_case]
            decibels = [one["psnr"] for one in here]
            spread = f" ({min(decibels):.2f}-{max(decibels):.2f})" if len(here) > 1 else ""
            line += [
                f"{statistics.mean(decibels):.2f}{spread}",
                f"{100 * statistics.mean(one['usage'] for one in here):.0f} %",
                f"{statistics.mean(one['perplexity'] for one in here):.0f}",
            ]
        rows.append(line)
    header = ["quantizer", "flags", "bits per vector"]
    for words_of_split in splits.values():
        header += [f"{words_of_split}: PSNR, dB", "codes used", "perplexity"]
    return runs.table(header, rows) + "\n"


def growth_section(found: dict | None, folder: pathlib.Path) -> str:
    """The picture, if there are figures."""
    title = "## How do time and memory grow?\n\n"
    command = f"`sh {RUN} --again growth`"
    if not found:
        return f"{title}Not measured yet; {command} does it on an idle machine.\n"
    points = {work: {} for work in growth.WORKS}
    for key, one in found.items():
        work, *place = key.split(", ")
        points[work][tuple(map(int, place))] = one
    growth.draw(points, str(folder / "growth.png"))
    return (
        f"{title}One thread, vectors of {growth.DIM} numbers. Memory is the peak of the first call "
        "above its inputs.\n\n![time and memory](quantizers/growth.png)\n\n"
        f"Measured by {command}.\n"
    )


SECTIONS = {
    "health": health_section,
    "revival": revival_section,
    "overwritten": overwritten_section,
    "settings": settings_section,
    "comparison": comparison_section,
}


def used(figures: dict, size: int) -> str:
    """The share of the codes in use, in per cent."""
    return f"{100 * figures['in_use'] / size:.1f} %"


def words(per_code: float) -> str:
    """A power of two, as a fraction if it is below 1."""
    return f"{per_code:g}" if per_code >= 1 else f"1/{round(1 / per_code)}"
