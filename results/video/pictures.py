"""Draws the pictures of results/video.md from the runs of results/video/run.sh.

Usage: python results/video/pictures.py RUNS
"""

import os
import sys

import numpy as np

from vqvae_tf import data, reporting, workflows
from vqvae_tf.media import rollout_clips, rollouts

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import runs

HERE = os.path.dirname(os.path.abspath(__file__))
FRAMES, STARTS = 10, 2
COMMANDS = ("forward", "turn_left", "turn_right")


def rows_of(prior, model, source):
    """For each start and command a row of real frames and one of imagined ones."""
    context = prior.config.context
    group = rollout_clips.commanded(
        source, model.config, rollout_clips.FORWARD, context, FRAMES, STARTS, seed=1
    )
    rows = []
    for clip, (index, first) in enumerate(group.places):
        given = group.context[clip]
        done = source.fitted(index, model.config.data)["actions"][first : first + context]
        for command in COMMANDS:
            commands = np.full(FRAMES, source.class_names.index(command), np.int32)
            real = rollouts.true_future(source, index, first + context - 1, commands, 1).frames
            imagined = rollouts.imagine(
                model,
                prior,
                given[None],
                rollouts.commanded(done, commands, context, FRAMES)[None],
                FRAMES,
                count=1,
                seed=0,
            ).frames[0]
            rows += [np.concatenate([given[-2:], each]) for each in (real, imagined)]
    return rows


def main() -> None:
    """Writes WORLD-futures.webp and WORLD-reconstructions.webp of the first seed of each world."""
    (folder,) = sys.argv[1:]
    for world in ("labmaze", "doom"):
        path = os.path.join(folder, f"{world}-0-prior")
        if not os.path.exists(os.path.join(path, "evaluation.json")):
            continue
        prior, model = workflows.load_pair(path)
        source = data.open_episodes(f"embedded:{world}/test")
        rows = rows_of(prior, model, source)
        runs.save(os.path.join(HERE, f"{world}-futures.webp"), reporting.strip(*rows, columns=12))
        pairs = []
        for split in ("test", "other_style" if world == "labmaze" else "other_map"):
            seen = data.open_episodes(f"embedded:{world}/{split}").read(0)["frames"][10::20][:10]
            pairs += [seen, model.reconstruct(seen[None]).numpy()[0]]
        picture = reporting.strip(*pairs, columns=10)
        runs.save(os.path.join(HERE, f"{world}-reconstructions.webp"), picture)


if __name__ == "__main__":
    main()
