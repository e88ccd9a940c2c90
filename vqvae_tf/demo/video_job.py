"""The demo of videos: records walks through mazes, trains both stages, imagines, writes a report.

Everything is in one folder: `model/` and `prior/` (workdirs), `futures/` (videos), `report.html`
and `timings.json`. The same call resumes an interrupted demo.
"""

import dataclasses
import json
import os
from typing import Any

import numpy as np

from vqvae_tf import data, models, presets, reporting, workflows, written_files
from vqvae_tf.demo.clock import trained_seconds
from vqvae_tf.demo.run_facts import code_counts, rows_of, stage_of, start, this_run
from vqvae_tf.demo.video_facts import Imagination, Start, VideoFacts
from vqvae_tf.demo.video_report import video_report
from vqvae_tf.media import rollout_clips, rollouts
from vqvae_tf.media.output_files import write_mp4
from vqvae_tf.media.video import RATE

DATA = "embedded:labmaze"
FRAMES = 10  # that are imagined
CLIPS = 16  # of each command, that are measured
STARTS = 2  # that are shown
COMMANDS = {
    "forward": "walk forward",
    "turn_left": "turn left",
    "turn_right": "turn right",
}
# Parts of the run, by their names in the report.
_RECORDING = "recording walks"
_MODEL = "training the autoencoder"
_PRIOR = "encoding the walks and training the prior"


def run(
    output: str,
    model_config: models.VideoConfig | None = None,
    prior_config: models.VideoPriorConfig | None = None,
    data_uri: str = DATA,
) -> str:
    """Runs the demo of videos into the folder `output`.

    Args:
        output: the folder.
        model_config, prior_config: by default the presets `labmaze` and `labmaze_prior`.
        data_uri: "embedded:labmaze", or another embedded one.

    Returns:
        The path of the report.

    Raises:
        UserError: for anything that the user can correct.
    """
    model_config = model_config or _preset("labmaze", steps=2_500)
    prior_config = prior_config or _preset("labmaze_prior", steps=1_000)
    output, report, clock = start(output)
    model_path, prior_path = (os.path.join(output, name) for name in ("model", "prior"))
    source, held_out = (data.open_episodes(uri) for uri in (data_uri, f"{data_uri}/validation"))
    with clock.part(_RECORDING):
        frames = sum(len(episode["frames"]) for episode in source.episodes())
    with clock.part(_MODEL):
        workflows.train(model_config, data_uri, model_path, validation_uri=held_out.uri)
    with clock.part(_PRIOR):
        of_prior = workflows.train_prior(
            prior_config, model_path, data_uri, prior_path, validation_uri=held_out.uri
        )
    model: models.VideoVQVAE
    prior, model = workflows.load_pair(prior_path)
    with clock.part("imagining"):
        starts = _starts(prior, model, held_out)
        measured = workflows.evaluate_rollouts(prior_path, held_out.uri, frames=FRAMES, clips=CLIPS)
        counts = code_counts(model, source)
    with open(os.path.join(model_path, "evaluation.json")) as file:
        figures = json.load(file)
    _write_futures(starts, os.path.join(output, "futures"))
    paths = {_MODEL: model_path, _PRIOR: prior_path}
    rows = {part: rows_of(path) for part, path in paths.items()}
    for part in paths:
        clock.at_least(part, trained_seconds(rows[part]))
    facts = VideoFacts(
        episodes=len(source),
        frames=frames,
        codebook=np.asarray(model.code_vectors),
        code_counts=counts,
        starts=starts,
        figures=figures,
        rollouts=measured,
        prior_bits_per_code=of_prior["bits_per_code"],
        stages=[
            stage_of(
                "The autoencoder",
                model,
                clock.seconds[_MODEL],
                rows[_MODEL],
                {"reconstruction": "squared error / variance"},
                "loss",
                log=True,
            ),
            stage_of(
                "The prior",
                prior,
                clock.seconds[_PRIOR],
                rows[_PRIOR],
                {"bits_per_code": "on training codes"},
                "bits per code",
            ),
        ],
        run=this_run(clock, model_config.training.seed, _commands(output, data_uri)),
    )
    written_files.write_bytes(report, reporting.render(video_report(facts)).encode())
    return report


def _preset(name: str, steps: int) -> Any:
    """A preset with fewer steps."""
    config = presets.preset(name)
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, steps=steps, checkpoint_every=200)
    )


def _starts(
    prior: models.Prior, model: models.VideoVQVAE, source: data.EpisodeSource
) -> list[Start]:
    """Starts from which one can walk on, each with its futures under all commands."""
    context = prior.config.context
    group = rollout_clips.commanded(
        source, model.config, rollout_clips.FORWARD, context, FRAMES, STARTS
    )
    found = []
    for clip, (index, first) in enumerate(group.places):
        seen = source.fitted(index, model.config.data)
        given = group.context[clip][None]
        futures = []
        for name, words in COMMANDS.items():
            commands = np.full(FRAMES, source.class_names.index(name), np.int32)
            done = seen["actions"]
            before = None if done is None else done[first : first + context]
            actions = rollouts.commanded(before, commands, context, FRAMES)
            imagined = rollouts.imagine(model, prior, given, actions[None], FRAMES, count=1)
            real = rollouts.true_future(
                source, index, first + context - 1, commands, model.config.data.frame_stride
            )
            codes = imagined.codes[0, context:]
            futures.append(Imagination(words, real.frames, imagined.frames[0], codes))
        found.append(Start(given[0], model.encode(given).numpy()[0], futures))
    return found


def _write_futures(starts: list[Start], folder: str) -> None:
    """Each future as a video, behind the frames that were given: real on the left."""
    os.makedirs(folder, exist_ok=True)
    for number, each in enumerate(starts):
        for future in each.futures:
            beside = np.concatenate([future.real, future.imagined], axis=2)
            before = np.concatenate([each.context, each.context], axis=2)
            name = f"{number}_{future.command.replace(' ', '_')}.mp4"
            write_mp4(os.path.join(folder, name), np.concatenate([before, beside]), RATE)


def _commands(output: str, data_uri: str) -> list[tuple[str, str]]:
    return [
        (
            "Imagine other actions: forward for five steps, then to the right",
            f"vqvae-rollout --prior={output}/prior --data={data_uri}/test --actions="
            + ",".join(["forward"] * 5 + ["turn_right"] * 5)
            + " --output=imagined",
        ),
        (
            "Four futures of what was recorded, from another moment of another walk",
            f"vqvae-rollout --prior={output}/prior --data={data_uri}/test --episode=3 --start=100 "
            "--count=4 --output=futures",
        ),
        (
            "Measure it on mazes that nothing was chosen by",
            f"vqvae-evaluate --model={output}/model --prior={output}/prior --rollouts "
            f"--data={data_uri}/test --output=rollouts.json",
        ),
        (
            "Train on your own episodes: videos, each with a file of actions of the same name",
            "vqvae-train --preset=labmaze --data=folder:EPISODES --config.data.resize=true "
            "--workdir=runs/model",
        ),
        (
            "Train a prior for them",
            "vqvae-train-prior --preset=labmaze_prior --model=runs/model --data=folder:EPISODES "
            "--workdir=runs/prior",
        ),
    ]
