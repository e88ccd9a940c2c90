"""What the pages of the demos say of the run: its trainings, its times, the machine."""

from collections.abc import Sequence

import numpy as np

from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.media import evaluation
from vqvae_tf.reporting import charts, formatting, page


def time_taken(run: Run) -> tuple[str, str]:
    """The key figure of the time."""
    return (
        formatting.duration(run.total_seconds),
        "for all that this page shows" + (f", over {run.starts} starts" if run.starts > 1 else ""),
    )


def trainings(
    stages: Sequence[Stage], code_counts: np.ndarray, material: str, reason: str, run: Run
) -> page.Section:
    """The section about training: curves, the usage of codes, and times.

    Args:
        stages: the trainings.
        code_counts: uses of every code on the training data, `[num_embeddings]`.
        material: what the training data are: "photographs".
        reason: why some codes are used more than others, as a clause.
        run: the whole run.
    """
    size, statistics = len(code_counts), evaluation.code_statistics([code_counts])
    used = statistics["codes_in_use"]
    return page.Section(
        "How training went",
        [
            *(_curve(stage) for stage in stages),
            page.Drawing(
                charts.usage(code_counts),
                alt=f"Chart: share of every code in all uses, the most common first; {used} of "
                f"{size} are used.",
                caption=f"How often each code is used on the training {material}: {used} of "
                f"{size} are used. They are as varied as {statistics['perplexity']:.0f} codes "
                f"used equally often (the perplexity), as {reason}.",
            ),
            page.Table(
                ("stage", "weights", "steps", "examples per step", "time"),
                [
                    (
                        stage.title,
                        formatting.count(stage.parameters),
                        formatting.count(stage.steps),
                        formatting.count(stage.batch_size),
                        formatting.duration(stage.seconds),
                    )
                    for stage in stages
                ],
                caption="The trainings",
            ),
            page.Table(
                ("part of the run", "time"),
                [
                    *((what, formatting.duration(seconds)) for what, seconds in run.timings),
                    ("all of it", formatting.duration(run.total_seconds)),
                ],
                caption="Time of each part",
            ),
        ],
    )


def _curve(stage: Stage) -> page.Drawing:
    names = ", ".join(stage.curves.values())
    return page.Drawing(
        charts.curves(stage.rows, stage.curves, y_label=stage.y_label, log=stage.log),
        alt=f"Chart of {names} over {formatting.count(stage.steps)} steps of training.",
        caption=f"{stage.title}, by step of training: {names}.",
    )


def one_run(stages: Sequence[Stage]) -> str:
    """The warning that another run gives other figures."""
    seconds = sum(stage.seconds for stage in stages)
    return (
        f"This is one run with one seed, after {formatting.duration(seconds)} of training. "
        "Another seed, or more time, gives other figures."
    )


def next_steps(run: Run, reading: Sequence[tuple[str, str]]) -> page.Section:
    """The last section: commands, and links as `page.Links` has them."""
    return page.Section("What to do next", [page.Commands(run.commands), page.Links(reading)])


def footer(run: Run, contents: str) -> str:
    """The last line; `contents` are what the page holds: "pictures"."""
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return (
        f"Seed {run.seed}; {run.machine}; {versions}. All {contents} are part of this page: it "
        "loads nothing and works offline."
    )
