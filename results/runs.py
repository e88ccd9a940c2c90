"""What the scripts of several topics share: training runs that are gone on with, tables, files."""

import dataclasses
import json
import os
import time

from vqvae_tf import presets, workflows


def with_seed(config, seed):
    """The configuration with another seed."""
    training = dataclasses.replace(config.training, seed=seed)
    return dataclasses.replace(config, training=training)


def timed(folder, job):
    """Runs `job` unless it is done; its wall and CPU seconds are kept beside the workdir."""
    path = folder + ".seconds.json"
    if not os.path.exists(path):
        if os.path.exists(folder):
            raise SystemExit(f"{folder} was begun and not timed whole; remove it and start again")
        wall, cpu = time.perf_counter(), time.process_time()
        job()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        write(path, json.dumps(seconds))
    with open(path) as file:
        return json.load(file)


def train(root, preset, prior_preset, seed, data, validation):
    """Both stages of one preset and seed, unless they are there; how long they took."""
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


def table(header, rows):
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(path, text):
    """At once or not at all."""
    with open(path + ".part", "w") as file:
        file.write(text)
    os.replace(path + ".part", path)


def save(path, image):
    """Writes a picture, small."""
    from PIL import Image

    Image.fromarray(image).save(path + ".part", "WEBP", quality=90, method=6)
    os.replace(path + ".part", path)
