"""Presets of sound: a training step against its networks alone, its data, and fast decoding."""

import dataclasses
import itertools
import time

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf
from _image_model import training_step

from vqvae_tf import data, models
from vqvae_tf.presets import preset

SPEAKERS = tuple(f"voice_{number}" for number in range(10))
PRESETS = ("phonemes", "phonemes_from_waveforms", "speech", "voices", "wavenet_voices")
FROZEN = ("voices", "wavenet_voices")  # trained on the codes of another model
SECONDS = 10  # of sound that is decoded
NOTES = """\
A step is everything that the training loop compiles: frames, warping, networks, quantizer, losses,
gradients and optimizer. "networks" are the convolutions and dense layers of encoder and decoder
alone, forward and backward, on inputs that are ready: at the ratio 1.25 a step runs at 80 % of
their speed. "networks and frames" also computes the frames of the waveforms, which must come from
somewhere where the encoder takes frames. "a batch" is what the data pipeline takes: on another core
it hides behind the step as long as it is shorter. Ten seconds of 16 kHz sound are decoded from
their codes, one sequence."""


def configuration(name):
    """A preset as it is trained, for ten voices."""
    config = dataclasses.replace(preset(name), speakers=SPEAKERS)
    return dataclasses.replace(config, frozen_codes=True) if name in FROZEN else config


def networks_alone(model, batch):
    """The networks' part of a training step, compiled: outputs and gradients from ready inputs."""
    config = model.config
    told = tf.constant(batch["speaker"])
    audio = tf.constant(batch["audio"])
    inputs = tf.constant(model._inputs(audio, told))
    vectors = tf.constant(model.encoder(inputs))
    outputs = [each for each in (model._output, model._guide, model._auxiliary) if each is not None]
    decoders = [weight for each in outputs for weight in each.network.trainable_variables]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            latents = model.encoder(inputs)
            encoded = tf.reduce_sum(tf.square(tf.cast(latents, tf.float32)))
        found = (
            [] if config.frozen_codes else tape.gradient(encoded, model.encoder.trainable_variables)
        )
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            decoded = tf.add_n(
                [
                    tf.reduce_sum(
                        tf.square(tf.cast(each.predict(audio, vectors, told), tf.float32))
                    )
                    for each in outputs
                ]
            )
        return encoded, found, tape.gradient(decoded, [vectors, *decoders])

    return step


def seconds_per_batch(config, repeats):
    """CPU seconds of a training batch."""
    config = dataclasses.replace(config, speakers=())
    source = data.open_sounds("embedded:speech_small")
    settings = config.training
    batches = iter(
        data.sound_batches(
            source, config.sample_rate, config.window, settings.batch_size, settings.seed
        )
    )
    count, least = 20, float("inf")
    for _ in range(repeats + 1):
        start = time.process_time()
        for _ in itertools.islice(batches, count):
            pass
        least = min(least, (time.process_time() - start) / count)
    return least


def training(name, repeats):
    """Lines of a preset's step."""
    config = configuration(name)
    draws = np.random.default_rng(0)
    shape = config.training.batch_size, config.window
    batch = {
        "audio": tf.constant(draws.normal(0, 0.1, shape).astype(np.float32)),
        "speaker": tf.constant(draws.integers(0, len(SPEAKERS), shape[0]).astype(np.int32)),
    }
    model = models.build(models.family_of(config), config)
    step, bare = training_step(model), networks_alone(model, batch)
    functions = {"step": lambda: step(batch), "networks": bare}
    if config.input == "frames":
        frames = tf.function(lambda: model.spectra.frames(batch["audio"]))
        functions["networks and frames"] = lambda: (bare(), frames())
    found = _timing.interleaved(functions, repeats)
    step_alone = found.pop("step")
    loading = seconds_per_batch(config, repeats)
    return [
        *(
            _timing.cost(f"{name}: step", step_alone, against, seconds, 1 / 0.8)
            for against, seconds in found.items()
        ),
        _timing.cost(f"{name}: a batch", loading, "step", step_alone, 1.0),
    ]


def decoding(name, repeats):
    """The line of a preset's decoder, which gives all samples at once."""
    config = configuration(name)
    model = models.build(models.family_of(config), config)
    codes = np.arange(SECONDS * config.sample_rate // config.stride, dtype=np.int32)[None] % 128
    decode = tf.function(lambda: model.decode(codes, 0))
    found = _timing.interleaved({"decode": decode}, repeats)
    goal = 20.0 if name == "voices" else None
    return _timing.speed(f"{name}: decode 10 s", found["decode"], "real time", SECONDS, goal)


def measure(repeats):
    """Lines of the table."""
    lines = [line for name in PRESETS for line in training(name, repeats)]
    return [*lines, *(decoding(name, repeats) for name in ("voices", "phonemes"))]


if __name__ == "__main__":
    _timing.run(measure, repeats=10, notes=NOTES)
