"""results/quantizers.md and its pictures, from the figures alone."""

import math
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
SPLITS = {"region": "regions", "photo": "photographs"}  # in words
SETTINGS_SPLITS = {"validation": "validation"}


def page(figures: dict, folder: pathlib.Path) -> str:
    """The page; pictures go to `folder`."""
    parts = {name: figures.get(name) for name in SECTIONS}
    sections = [
        SECTIONS[name](found) + f"\nBy `sh {RUN} --again {name}`.\n"
        for name, found in parts.items()
        if found
    ]
    if figures.get("revival"):
        draw_revival(figures["revival"], folder / "revival.png")
    sections.append(growth_section(figures.get("growth"), folder))
    notes = (folder / "notes.md").read_text()
    return (
        "# Quantizers: health of the codebook, and all of them side by side\n\n"
        f"Written by `sh {RUN}`, which measures what `quantizers/figures.json` does not hold yet. "
        f"Machine: one thread of {os.cpu_count()} {platform.machine()} CPU cores, shared with "
        "other work, so times are CPU times and rough.\n\n" + "\n".join(sections) + "\n" + notes
    )


def health_section(found: dict) -> str:
    """A line a case, each seed in it."""
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
        "Crops of 32x32 of six photographs, 32 a step, 400 steps of Adam at 1e-3; two strided "
        "convolutions to 8x8 vectors of 64 numbers; 2,048 vectors for 512 codes a step. Judged on "
        "256 fixed crops, 16,384 vectors. A figure for each seed, from 0 on.\n\n"
        + runs.table(header, rows)
        + "\n"
    )


def revival_section(found: dict) -> str:
    """Error of each rule against the start without revival, and what the rule did."""
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
    header = ["vectors", "K", "a code and step", "steps", "in use without"]
    for rule in vectors.RULES:
        header += [f"{rule}: error", "in use", "revived a step"]
    return (
        "## What does revival cost, at few and at many vectors a code?\n\n"
        "`VectorQuantizerEMA` with its own decay on vectors of a fixed distribution: 4x4 patches "
        "of the embedded photographs (48 numbers), and a mixture of 4,096 Gaussians in 16 "
        "dimensions whose shares fall as 1/n. The error is the squared error on 16,384 other "
        "vectors, against a codebook without revival that starts on random vectors of the data; "
        "revived a step: the mean over the second half of the run.\n\n"
        + runs.table(header, rows)
        + "\n\n![error against vectors a code and step](quantizers/revival.png)\n"
    )


def draw_revival(found: dict, path: pathlib.Path) -> None:
    """Error of each rule relative to no revival, against vectors a code and step."""
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
            place.set_xlabel("vectors a code and step")
        axes[0].set_ylabel("error against no revival, %")
        axes[0].legend()
        figure.savefig(path, dpi=110)


def overwritten_section(found: dict) -> str:
    """How many good codes were lost, and what that cost."""
    header = ["vectors", "a code and step", "error as loaded", "batches"]
    header += ["overwritten, of 512", "the most used of them", "worth more before"]
    header += ["worth of all before", "after", "error at the end"]
    rows = []
    for key, one in found.items():
        distribution, per_code, _ = key.split(", ", 2)
        line = [distribution, words(float(per_code)), f"{one['loaded_error']:.4g}"]
        for name, batches in (("loaded", "as loaded"), ("grown", "x 8")):
            before, after = one[f"{name}_worth_before"], one[f"{name}_worth_after"]
            moves = [f"{one[name + '_most_used']:.2f}", one[f"{name}_worth_more_before"]]
            moves += [f"{100 * before:.2f} %", f"{100 * after:.2f} %"]
            moves = moves if one[name] else [""] * 4
            rows.append([*line, batches, one[name], *moves, f"{one[name + '_error_after']:.4g}"])
    return (
        "## Are good codes overwritten?\n\n"
        "A codebook of 512 codes by k-means is loaded by `load_codebook` (all counts 1) and "
        "trained on; then batches grow eightfold. Use is in multiples of the mean. A code's place "
        "is worth what the error of 32,768 fixed vectors would rise if it were taken away; how "
        "many places were worth more than the ones that the codes got (both moved to the means of "
        "their vectors), and the sums of both, in shares of the error.\n\n"
        + runs.table(header, rows)
        + "\n"
    )


def settings_section(found: dict) -> str:
    """A line a setting."""
    return (
        "## Which settings?\n\n"
        "Of the quantizers of the next table that have one to choose, on the validation strip.\n\n"
        + comparison_table({name: [one] for name, one in found.items()}, SETTINGS_SPLITS)
    )


def comparison_section(found: dict) -> str:
    """A line a case, its seeds together."""
    cases: dict[str, list] = {}
    for key, one in found.items():
        cases.setdefault(key.rpartition(", ")[0], []).append(one)
    return (
        "## All of them on photographs, at the same bits\n\n"
        "The networks, data and optimizer of the `photos` preset, 2,500 steps in place of 16,000, "
        f"quantizers by default but for what their line says. Means over "
        f"{len(comparison.SEEDS)} seeds, in brackets the smallest and the largest. Judged on the "
        "two held-out splits of [image.md](image.md).\n\n" + comparison_table(cases, SPLITS)
    )


def comparison_table(cases: dict[str, list], splits: dict[str, str]) -> str:
    """A line for each case and its runs; `splits` gives each split's name in words."""
    rows = []
    for case, runs_of_case in cases.items():
        line = [case, f"{runs_of_case[0]['bits']:g}"]
        for split in splits:
            here = [one[split] for one in runs_of_case]
            decibels = [-10 * math.log10(one["mse"]) for one in here]
            spread = f" ({min(decibels):.2f}-{max(decibels):.2f})" if len(here) > 1 else ""
            line += [
                f"{statistics.mean(decibels):.2f}{spread}",
                f"{100 * statistics.mean(one['in_use'] / one['codes'] for one in here):.0f} %",
                f"{statistics.mean(one['perplexity'] for one in here):.0f}",
            ]
        rows.append([*line, f"{min(one['ms'] for one in runs_of_case):.1f}"])
    header = ["quantizer", "bits a vector"]
    for words_of_split in splits.values():
        header += [f"{words_of_split}: PSNR, dB", "codes used", "perplexity"]
    return runs.table([*header, "CPU ms a step"], rows) + "\n"


def growth_section(found: dict | None, folder: pathlib.Path) -> str:
    """The picture, where there is one."""
    title = "## How do time and memory grow?\n\n"
    command = f"`sh {RUN} --again growth`"
    if not found:
        return f"{title}To be measured on a machine that does nothing else, by {command}.\n"
    points = {work: {} for work in growth.WORKS}
    for key, one in found.items():
        work, *place = key.split(", ")
        points[work][tuple(map(int, place))] = one
    growth.draw(points, str(folder / "growth.png"))
    return (
        f"{title}One thread, vectors of {growth.DIM} numbers; memory is the first call's peak "
        f"above its inputs. By {command}.\n\n![time and memory](quantizers/growth.png)\n"
    )


SECTIONS = {
    "health": health_section,
    "revival": revival_section,
    "overwritten": overwritten_section,
    "settings": settings_section,
    "comparison": comparison_section,
}


def used(figures: dict, size: int) -> str:
    """Share of the codes in use."""
    return f"{100 * figures['in_use'] / size:.1f} %"


def words(per_code: float) -> str:
    """A power of two as people write it."""
    return f"{per_code:g}" if per_code >= 1 else f"1/{round(1 / per_code)}"
