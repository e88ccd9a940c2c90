"""Exports an autoencoder, and a prior over its codes, as a TFLite file, and checks the export."""

import math
import os
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.export import graph_checks, manifest, model_signatures
from vqvae_tf.export.comparison import Case, compare
from vqvae_tf.models import Autoencoder, Prior
from vqvae_tf.networks.sampling.controls import checked_grid


def export_tflite(
    model: Autoencoder,
    path: str,
    size: tuple[int, ...],
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
) -> None:
    """Writes `model` with the signatures `encode` and `decode`, for one example of a fixed size.

    `encode(image)` returns `codes`, `decode(codes)` returns `image`. With a prior there is a third:
    `sample(noise)`, for Gumbel noise float32 `[*grid, slots, size]`, returns `codes`, their
    `image`, and `log_prob` of each code; it takes `label` `[1]` if the prior has classes. All
    operations are built into TFLite, weights are float32 and shared. For an input of another shape
    or with values out of range the interpreter raises an error.

    Args:
        model: the trained model.
        path: a file that ends in `.tflite`; its folder is created if it does not exist, and gets a
            list of the exported files, `vqvae_export.json`.
        size: sides of the example: (height, width) of a picture.
        prior: a prior that was trained on the model's codes.
        grid: (height, width) in codes of the samples; None means the prior's training grid.

    Raises:
        UserError: if `path` is a file that no export wrote or cannot be written, the prior is
            over other codes, or the model computes in mixed precision.
    """
    path = arguments.path("path", path)
    if not path.endswith(".tflite"):
        raise UserError(f"a TFLite file's name must end in .tflite; received {path}")
    folder, name = os.path.split(path)
    manifest.check(folder, [name])
    if math.prod(size) > limits.LARGEST_PICTURE:
        raise UserError(
            f"an example has at most {limits.LARGEST_PICTURE:,} places; received {tuple(size)}"
        )
    precision = model.config.training.precision
    if precision != "float32":  # a prior may have any precision: its sampler computes in float32
        raise UserError(
            f"TFLite's operations are for float32 and the model computes in {precision}; train "
            "it with training.precision=float32, or export a SavedModel"
        )
    grid = model_signatures.sampled_grid(model, prior, grid)
    served = model_signatures.model_signatures(model, 1, size)
    del served["reconstruct"]
    trained: list[Any] = [model]
    if prior is not None and grid is not None:
        served |= model_signatures.sample_from_noise_signature(model, prior, grid)
        trained.append(prior)
    functions = {
        name: signature.compiled(graph_checks.in_tflite) for name, signature in served.items()
    }
    converted = _converted(functions, trained)

    def write(new):
        with tf.io.gfile.GFile(os.path.join(new, name), "wb") as file:
            file.write(converted)

    manifest.install(folder, name, write, model_signatures.described(served, functions))


def check_tflite(
    model: Autoencoder,
    path: str,
    examples: list[np.ndarray],
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """Runs the file at `path` in a process that cannot import vqvae_tf, and compares results.

    Samples are compared by codes and by probabilities: a wrong cache of past codes can shift the
    logits without changing any code of a small sample.

    Args:
        model: the exported model.
        path: the exported file.
        examples: data for the model, without the batch axis, of the exported size.
        prior, grid: as in the export; samples are then compared too.

    Returns:
        As in `check_saved_model`.

    Raises:
        UserError: if the other process fails; the message has the last line that it wrote.
    """
    key = model.data_key
    cases = []
    for example in examples:
        codes = np.asarray(model.encode(example[None]))
        cases += [
            Case("encode", {key: example[None]}, {"codes": codes}),
            Case("decode", {"codes": codes}, {key: model.decode(codes)}),
        ]
    grid = model_signatures.sampled_grid(model, prior, grid)
    if prior is not None and grid is not None:
        drawn = model_signatures.sample_from_noise_signature(model, prior, grid)["sample"]
        sample = tf.function(drawn.function, autograph=False)
        cases += [Case("sample", given, sample(**given)) for given in _draws(prior, grid)]
    return compare(path, cases)


def noise_of(
    prior: Prior, grid: tuple[int, ...], seed: int = 0, sample: int = 0
) -> dict[str, np.ndarray]:
    """The noise of one sample: `sample` of a TFLite file then draws the codes of `prior.sample`.

    Args:
        prior: the exported prior.
        grid: (height, width) in codes.
        seed: 0 to 2^64 - 1.
        sample: number of the sample among those of the seed.

    Returns:
        float32 `[*grid, slots, size]` by the names of the file's inputs: `noise`, and
        `lower_noise` for a prior of two levels. Multiply it by a temperature to sample at it.

    >>> from vqvae_tf import models
    >>> config = models.PixelCNNPriorConfig(code_sizes=(16,), channels=8, layers=2)
    >>> prior = models.PixelCNNPrior(config)
    >>> noise_of(prior, (3, 5), seed=1)["noise"].shape
    (3, 5, 1, 16)
    """
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SAMPLING_SEED)
    sample = arguments.whole("sample", sample, 0, limits.LARGEST_SAMPLE)
    grid = checked_grid(grid, prior.grid_rank, len(prior.config.code_sizes))
    of_row = prior.seeded_noise(tf.constant(seed, tf.uint64), 1, grid, first_sample=sample)
    return {
        name: tf.stack([of_row[name](row)[:, 0] for row in range(shape[0])]).numpy()
        for name, shape in prior.noise_shapes(grid).items()
    }


def _converted(functions, trained):
    with tempfile.TemporaryDirectory() as folder:
        # Not from the concrete functions, whose variables would be resources without values.
        model_signatures.save(folder, functions, *trained)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()


def _draws(prior, grid):
    """Noise and class of two samples: with a class at temperature 1, and cooler without one."""
    for sample, (temperature, number) in enumerate(((1.0, 0), (0.7, -1))):
        noise = noise_of(prior, grid, sample=sample)
        told = {name: np.array([number], np.int32) for name in prior.conditions}
        yield {name: each * np.float32(temperature) for name, each in noise.items()} | told
