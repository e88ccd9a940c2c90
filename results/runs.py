"""Functions that several topics share: training runs that can be resumed, tables, pages, files."""

import dataclasses
import json
import os
import time

from vqvae_tf import presets, workflows

# In a page, the line between what its script writes and what is written by hand.
NOTES = "<!-- Everything below this line is written by hand; the script keeps it. -->"


def with_seed(config, seed):
    """The configuration with another seed."""
    training = dataclasses.replace(config.training, seed=seed)
    return dataclasses.replace(config, training=training)


def timed(folder, job):
    """Runs `job` unless it is done; its wall and CPU seconds are written next to the workdir."""
    path = folder + ".seconds.json"
    if not os.path.exists(path):
        if os.path.exists(folder):
            raise SystemExit(f"{folder} was interrupted and has no times; remove it and run again")
        wall, cpu = time.perf_counter(), time.process_time()
        job()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        write(path, json.dumps(seconds))
    with open(path) as file:
        return json.load(file)


def train(root, preset, prior_preset, seed, data, validation):
    """Trains both stages of one preset and seed if they are not there; returns their times."""
    model_path = os.path.join(root, f"{preset}-{seed}")
    prior_path = model_path + "-prior"
    config = with_seed(presets.preset(preset), seed)
    prior_config = with_seed(presets.preset(prior_preset), seed)
    return {
        "preset": preset,
        "seed": seed,
        "steps": config.training.steps,
        "prior_steps": prior_config.training.steps,
        "model_seconds": timed(
            model_path,
            lambda: workflows.train(config, data, model_path, validation_uri=validation),
        ),
        "prior_seconds": timed(
            prior_path,
            lambda: workflows.train_prior(
                prior_config, model_path, data, prior_path, validation_uri=validation
            ),
        ),
    }


def load(root, preset, seed):
    """The prior and the autoencoder of a run."""
    return workflows.load_pair(os.path.join(root, f"{preset}-{seed}-prior"))


def figures_in(folder):
    """The figures in `figures.json` of a topic's folder, by run; those of earlier runs are kept."""
    with open(os.path.join(folder, "figures.json")) as file:
        return json.load(file)


def keep_figures(folder, figures):
    """Writes `figures.json`, a line for each run."""
    lines = (f"{json.dumps(run)}: {json.dumps(found)}" for run, found in figures.items())
    write(os.path.join(folder, "figures.json"), "{\n" + ",\n".join(lines) + "\n}\n")


def table(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write_page(path, generated):
    """Writes the part of a page above the line NOTES, and keeps the notes below it."""
    with open(path) as file:
        _, line, notes = file.read().partition(NOTES)
    if not line:
        raise SystemExit(f"{path} has no notes; add the line {NOTES}")
    write(path, f"{generated}\n{NOTES}{notes}")


def write(path, text):
    """Writes a file completely or not at all."""
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def save(path, image):
    """Writes a picture as a small WebP file."""
    from PIL import Image

    Image.fromarray(image).save(path + ".part", "WEBP", quality=90, method=6)
    os.replace(path + ".part", path)
