"""Exports an autoencoder, and a prior over its codes, as a SavedModel, and checks the export."""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.errors import UserError
from vqvae_tf.export import graph_checks, manifest, model_signatures
from vqvae_tf.export.comparison import Case, compare
from vqvae_tf.models import Autoencoder, Prior

# Every file that TensorFlow writes, and two other forms of saved_model.pb that it would read.
SAVED_MODEL_FILES = (
    "saved_model.pb",
    "saved_model.cpb",
    "saved_model.pbtxt",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)
_DRAWS = ((0, 1.0), (2**64 - 1, 0.7))  # seeds and temperatures of the check


def export_saved_model(
    model: Autoencoder,
    path: str,
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Writes `model` with the signatures `encode`, `decode` and `reconstruct`.

    Batch and size are dynamic. Pixels are uint8 in and out: `encode(image)` returns `codes`,
    `decode(codes)` returns `image`, `reconstruct(image)` returns `reconstruction`. Sounds are
    float32 in [-1, 1], named `audio`; a decoder that draws them also takes `seed` and
    `temperature`. A decoder with speakers takes `speaker`, and `convert(audio, speaker)`, which
    returns `audio`, replaces `reconstruct`. With a prior there are two more:
    `sample(seed, count, temperature)` returns `codes` and the decoded data, and
    `log_prob(codes)` returns `log_prob`; both take `label` (or `speaker`) if the prior has classes.
    A prior of videos has `rollout(codes, actions, seed, count, temperature)` in place of `sample`:
    it continues the frames of `codes`, and `actions` are those of all frames of the grid.
    A request without a signature name calls `encode`. Wrong inputs are errors for the client that
    sends them. The graphs have no assignments and no optimizer state.

    Args:
        model: the trained model.
        path: a folder, created if it does not exist; files that no export wrote are kept.
        prior: a prior that was trained on the model's codes.
        grid: (height, width) in codes of the samples, (time,) for sounds; None means the prior's
            training grid.
        class_names: names of the prior's classes, by which the decoder is told the class that it
            knows by the same name; None means that both have the same classes.

    Raises:
        UserError: if `path` has a file of the same name that no export wrote, if it cannot be
            written, if the prior is over other codes, or if there is a bracket or a backslash in
            the path, which TensorFlow interprets as a pattern when it loads the model.
    """
    path = arguments.path("path", path)
    model_signatures.check_models(model, prior)
    if re.search(r"[\[\\]", os.path.abspath(path)):
        raise UserError(
            f"TensorFlow cannot load a SavedModel from {os.path.abspath(path)}, since it takes "
            'brackets and backslashes for a pattern; give a path without "[" and "\\"'
        )
    manifest.check(path, SAVED_MODEL_FILES)
    grid = model_signatures.sampled_grid(model, prior, grid)
    served = model_signatures.model_signatures(model)
    trained: list[Any] = [model]
    if prior is not None and grid is not None:
        served |= model_signatures.prior_signatures(model, prior, grid, class_names)
        trained.append(prior)
    functions = {
        name: signature.compiled(graph_checks.in_saved_model) for name, signature in served.items()
    }

    def write(folder):
        # TensorFlow Serving calls this one if a request names none.
        default = {"serving_default": functions["encode"]}
        model_signatures.save(folder, functions | default, *trained)

    manifest.install(path, "saved_model", write, model_signatures.described(served, functions))


def check_saved_model(
    model: Autoencoder,
    path: str,
    examples: list[np.ndarray],
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Runs the export at `path` in a process that cannot import vqvae_tf, and compares results.

    Args:
        model: the exported model.
        path: folder of the export.
        examples: data for the model, without the batch axis, of any sizes.
        prior, grid, class_names: as in the export; samples and their probabilities are then
            compared too.

    Returns:
        `codes` compared, `codes_differing`, `largest_difference` of the reconstructions
        (both 0 if the export is exact), and the other process's `load_seconds` and
        `first_call_seconds`. For a decoder that draws, `drawn_values` and `drawn_values_differing`
        for the same seed are compared instead, and the difference is 0. With a prior also
        `sampled_codes`, `sampled_codes_differing` and `largest_log_prob_difference`, in nats per
        code.

    Raises:
        UserError: if the other process fails; the message has the last line that it wrote.
    """
    key = model.data_key
    both, output = model_signatures.both_in_one(model)
    # Graphs, as the export is one: eager convolutions round otherwise, and one latent in a hundred
    # thousand lies so near to the middle of two codes that this decides.
    encode = tf.function(model.encode, autograph=False, reduce_retracing=True)
    decode, reconstruct = model.decode, model.reconstruct
    if not model.draws:
        decode, reconstruct = (
            tf.function(method, autograph=False, reduce_retracing=True)
            for method in (model.decode, model.reconstruct)
        )
    cases = []
    for number, example in enumerate(examples):
        data = {key: example[None]}
        given = {name: _numbers(each, 1, number) for name, each in model.conditions.items()}
        of_encoder = model.of_encoder(given)
        codes = np.asarray(encode(tf.constant(example[None]), **of_encoder))
        controls, drawing = {}, {}
        if model.draws:
            seed, temperature = _DRAWS[number % len(_DRAWS)]
            controls = _controls(seed, temperature)
            drawing = _drawing(seed, temperature)
        decoded = decode(codes, **given, **drawing)
        reconstruction = reconstruct(example[None], **given, **drawing)
        given |= controls
        cases += [
            Case("encode", data | of_encoder, {"codes": codes}),
            Case("decode", {"codes": codes} | given, {key: decoded}, key if model.draws else ""),
            Case(both, data | given, {output: reconstruction}, output if model.draws else ""),
        ]
    if prior is not None:
        grid = model_signatures.sampled_grid(model, prior, grid)
        cases += _samples(model, prior, grid, class_names)
    return compare(path, cases)


def _samples(model, prior, grid, class_names):
    """Calls of `sample`, and of `log_prob` with the codes that the prior itself draws."""
    log_prob = tf.function(prior.log_prob, autograph=False)
    tables = model_signatures.numbers_for_decoder(model, prior, class_names)
    for count, (seed, temperature) in zip((2, 3), _DRAWS, strict=True):
        told = {
            name: _of_frames(each, count, grid[0]) if each.per_frame else _numbers(each, count)
            for name, each in prior.conditions.items()
        }
        given, start = {}, {}
        if prior.given_frames:
            first = prior.sample(1, grid=grid, **{name: value[:1] for name, value in told.items()})
            given = {"codes": np.asarray(first)[:, : prior.given_frames]}
            start = {"prefix": given["codes"]}
        drawn = prior.sample(count, grid=grid, seed=seed, temperature=temperature, **start, **told)
        heard = {name: table[told[name] + 1] for name, table in tables.items()}
        drawing = _drawing(seed, 1.0) if model.draws else {}
        data = {model.data_key: model.decode(drawn, **heard, **drawing)}
        codes = {"codes": np.asarray(drawn)}
        controls = {"count": np.int32(count)} | _controls(seed, temperature)
        drawn_name = model.data_key if model.draws else ""
        name = "rollout" if prior.given_frames else "sample"
        yield Case(name, given | controls | told, codes | data, drawn_name)
        yield Case("log_prob", codes | told, {"log_prob": log_prob(drawn, **told)})


def _numbers(condition, count, first=0):
    """A number for each of `count` examples: none, the first class, ..., from `first` on."""
    return (np.arange(first, first + count) % (condition.num_classes + 1) - 1).astype(np.int32)


def _of_frames(condition, count, time):
    """What each of `time` frames of `count` examples is told."""
    if condition.dims:
        draws = np.random.default_rng(0)
        return draws.normal(size=(count, time, condition.dims)).astype(np.float32)
    return _numbers(condition, count * time).reshape(count, time)


def _controls(seed, temperature):
    """A seed and a temperature as the export takes them."""
    return {
        "seed": np.uint64(seed).astype(np.int64),
        "temperature": np.float32(temperature),
    }


def _drawing(seed, temperature):
    """The controls of a decoder that draws; by a graph, as the rounding of XLA differs."""
    return {"seed": seed, "temperature": temperature, "jit_compile": False}
