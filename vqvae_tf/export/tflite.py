"""Exports an autoencoder, and a prior over its codes, as a TFLite file, and checks the export."""

import math
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf import arguments, files
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError, reason
from vqvae_tf.export import graph_checks, manifest, model_signatures
from vqvae_tf.export.comparison import Case, compare
from vqvae_tf.models import Autoencoder, Prior
from vqvae_tf.networks.sampling.controls import checked_grid


class _MissingError(Exception):
    """The converter's error: operations that TFLite lacks."""


def export_tflite(
    model: Autoencoder,
    path: str,
    size: tuple[int, ...],
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Writes `model` with the signatures `encode` and `decode`, for one example of a fixed size.

    `encode(image)` returns `codes`, `decode(codes)` returns `image`. A decoder with conditions
    takes them too (`speaker` `[1]`). One that draws takes Gumbel noise, float32
    `[1, samples, 1, levels]` for a sound, and also returns the `log_prob` of each value.

    With a prior there is a third: `sample(noise)`, for Gumbel noise float32 `[*grid, slots, size]`,
    returns `codes`, their `image` unless the decoder draws, and `log_prob` of each code; it takes
    `label` `[1]` if the prior has classes. All operations are built into TFLite, weights are
    float32 and shared. For an input of another shape or with values out of range the interpreter
    raises an error. A decoder with operations that TFLite lacks is left out, with a warning:
    there is no `decode` then, and `sample` returns codes only. There is no `sample` with a prior of
    videos, whose roll-outs a SavedModel makes.

    Args:
        model: the trained model.
        path: a file that ends in `.tflite`; its folder is created if it does not exist, and gets a
            list of the exported files, `vqvae_export.json`.
        size: sides of the example: (height, width) of a picture, (samples,) of a sound.
        prior: a prior that was trained on the model's codes.
        grid: (height, width) in codes of the samples, (time,) for sounds; None means the prior's
            training grid.
        class_names: as in `export_saved_model`.

    Raises:
        UserError: if `path` is a file that no export wrote or cannot be written, the prior is
            over other codes, the model computes in mixed precision, or TFLite lacks
            operations of its encoder.
    """
    path = arguments.path("path", path)
    model_signatures.check_models(model, prior)
    size = model_signatures.sides("size", size, model.grid_rank)
    if not path.endswith(".tflite"):
        raise UserError(f"a TFLite file's name must end in .tflite; received {path}")
    folder, name = os.path.split(path)
    manifest.check(folder, [name])
    if math.prod(size) > limits.LARGEST_PICTURE:
        raise UserError(
            f"an example has at most {limits.LARGEST_PICTURE:,} places; received {size}"
        )
    precision = model.config.training.precision
    if precision != "float32":  # a prior may have any precision: its sampler computes in float32
        raise UserError(
            f"TFLite's operations are for float32 and the model computes in {precision}; train "
            "it with training.precision=float32, or export a SavedModel"
        )
    grid = model_signatures.sampled_grid(model, prior, grid)
    if prior is not None and prior.given_frames:
        logging.warning("%s: without roll-outs, which a SavedModel makes", path)
        prior = None
    trained: list[Any] = [model] if prior is None else [model, prior]
    sampled = {"prior": prior, "grid": grid, "class_names": class_names}
    served = _signatures(model, size, **sampled)
    functions = _compiled(served)
    try:
        converted = _converted(functions, trained)
    except _MissingError as missing:
        logging.warning(
            "%s: without decode, as TFLite lacks operations of the decoder (%s); export a "
            "SavedModel to decode",
            path,
            missing,
        )
        served = _signatures(model, size, **sampled, decodes=False)
        functions = _compiled(served)
        try:
            converted = _converted(functions, trained)
        except _MissingError as of_encoder:
            raise UserError(
                f"TFLite lacks operations of this {type(model).__name__} ({of_encoder}); export a "
                "SavedModel"
            ) from None

    def write(new):
        with tf.io.gfile.GFile(os.path.join(new, name), "wb") as file:
            file.write(converted)

    manifest.install(folder, name, write, model_signatures.described(served, functions))


def _signatures(model, size, prior=None, grid=None, class_names=None, decodes=True):
    """`encode`, `decode` if it `decodes`, and `sample` if there is a prior."""
    served = model_signatures.model_signatures(model, 1, size)
    if model.draws:
        served |= model_signatures.decode_from_noise_signature(model, size)
    served = {name: served[name] for name in ("encode", "decode")[: 1 + decodes]}
    if prior is not None:
        served |= model_signatures.sample_from_noise_signature(
            model, prior, grid, class_names, decodes
        )
    return served


def _compiled(served):
    return {name: signature.compiled(graph_checks.in_tflite) for name, signature in served.items()}


def check_tflite(
    model: Autoencoder,
    path: str,
    examples: list[np.ndarray],
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Runs the file at `path` in a process that cannot import vqvae_tf, and compares results.

    What is drawn in a loop is compared by its values and by their probabilities: a wrong cache of
    the past can shift the logits without changing any value of a small sample.

    Args:
        model: the exported model.
        path: the exported file.
        examples: data for the model, without the batch axis, of the exported size.
        prior, grid, class_names: as in the export; samples are then compared too.

    Returns:
        As in `check_saved_model`.

    Raises:
        UserError: if the other process fails; the message has the last line that it wrote.
    """
    size = examples[0].shape[: model.grid_rank]
    grid = model_signatures.sampled_grid(model, prior, grid)
    prior = None if prior is not None and prior.given_frames else prior
    folder, name = os.path.split(path)
    decodes = "decode" in manifest.signatures(folder, name)
    served = _signatures(model, size, prior, grid, class_names, decodes)
    functions = {
        name: tf.function(signature.function, autograph=False) for name, signature in served.items()
    }
    # A graph, as in `saved_model.check_saved_model`.
    encode = tf.function(model.encode, autograph=False, reduce_retracing=True)
    cases = []
    for number, example in enumerate(examples):
        told = {
            name: np.array([number % (each.num_classes + 1) - 1], np.int32)
            for name, each in model.conditions.items()
        }
        data = {model.data_key: example[None]} | model.of_encoder(told)
        codes = {"codes": np.asarray(encode(example[None], **model.of_encoder(told)))}
        cases.append(Case("encode", data, codes))
        if decodes:
            given = codes | told
            if model.draws:
                given |= noise_of(model, model_signatures.grid_of(model, size), sample=number)
            drawn = model.data_key if model.draws else ""
            cases.append(Case("decode", given, functions["decode"](**given), drawn))
    if prior is not None and grid is not None:
        cases += [
            Case("sample", given, functions["sample"](**given)) for given in _draws(prior, grid)
        ]
    return compare(path, cases)


def noise_of(
    drawing: Any, grid: tuple[int, ...], seed: int = 0, sample: int = 0
) -> dict[str, np.ndarray]:
    """The noise of one sample: a TFLite file then draws the same as the model.

    `sample` draws the codes of `prior.sample`, and `decode` of a model that draws the data of
    `model.decode` with this seed.

    Args:
        drawing: the exported prior, or the exported model.
        grid: (height, width) in codes, (time,) for sounds.
        seed: 0 to 2^64 - 1.
        sample: number of the sample among those of the seed.

    Returns:
        float32 arrays by the names of the file's inputs: `noise`, and `lower_noise` for a prior of
        two levels. Multiply it by a temperature to sample at it.

    >>> from vqvae_tf import models
    >>> config = models.PixelCNNPriorConfig(code_sizes=(16,), channels=8, layers=2)
    >>> prior = models.PixelCNNPrior(config)
    >>> noise_of(prior, (3, 5), seed=1)["noise"].shape
    (3, 5, 1, 16)
    """
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SAMPLING_SEED)
    sample = arguments.whole("sample", sample, 0, limits.LARGEST_SAMPLE)
    slots = math.prod(drawing.codes_spec.shape[1 + drawing.grid_rank :])
    grid = checked_grid(grid, drawing.grid_rank, slots)
    of_row = drawing.seeded_noise(tf.constant(seed, tf.uint64), 1, grid, first_sample=sample)
    return {
        name: tf.stack([of_row[name](row)[:, 0] for row in range(shape[0])]).numpy()
        for name, shape in drawing.noise_shapes(grid).items()
    }


def _converted(functions, trained):
    with files.temporary_folder() as folder:
        # Not from the concrete functions, whose variables would be resources without values.
        model_signatures.save(folder, functions, *trained)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        except Exception as error:  # of several types, none of them public
            found = sorted(set(re.findall(r"tf\.[A-Z]\w+", str(error))))
            raise _MissingError(", ".join(found) or reason(error)) from error


def _draws(prior, grid):
    """Noise and class of two samples: with a class at temperature 1, and cooler without one."""
    for sample, (temperature, number) in enumerate(((1.0, 0), (0.7, -1))):
        noise = noise_of(prior, grid, sample=sample)
        told = {name: np.array([number], np.int32) for name in prior.conditions}
        yield {name: each * np.float32(temperature) for name, each in noise.items()} | told
