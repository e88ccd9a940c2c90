"""Exports an autoencoder, and a prior over its codes, as a SavedModel, and checks the export."""

import os
import re
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.export import graph_checks, manifest, model_signatures, other_process
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


def export_saved_model(
    model: Autoencoder,
    path: str,
    *,
    prior: Prior | None = None,
    grid: tuple[int, ...] | None = None,
) -> None:
    """Writes `model` with the signatures `encode`, `decode` and `reconstruct`.

    Batch and size are dynamic, pixels are uint8 in and out: `encode(image)` returns `codes`,
    `decode(codes)` returns `image`, `reconstruct(image)` returns `reconstruction`. With a prior
    there are two more: `sample(seed, count, temperature)` returns `codes` and `image`, and
    `log_prob(codes)` returns `log_prob`; both take `label` if the prior has classes. A request
    without a signature name calls `encode`. Wrong inputs are errors for the client that
    sends them. The graphs have no assignments and no optimizer state.

    Args:
        model: the trained model.
        path: a folder, created if it does not exist; files that no export wrote are kept.
        prior: a prior that was trained on the model's codes.
        grid: (height, width) in codes of the samples; None means the prior's training grid.

    Raises:
        UserError: if `path` has a file of the same name that no export wrote, if it cannot be
            written, if the prior is over other codes, or if there is a bracket or a backslash in
            the path, which TensorFlow interprets as a pattern when it loads the model.
    """
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
        served |= model_signatures.prior_signatures(model, prior, grid)
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
) -> dict[str, Any]:
    """Runs the export at `path` in a process that cannot import vqvae_tf, and compares results.

    Args:
        model: the exported model.
        path: folder of the export.
        examples: data for the model, without the batch axis, of any sizes.
        prior, grid: as in the export; samples and their probabilities are then compared too.

    Returns:
        `codes` compared, `codes_differing`, `largest_difference` of the reconstructions
        (both 0 if the export is exact), and the other process's `load_seconds` and
        `first_call_seconds`. With a prior also `sampled_codes`, `sampled_codes_differing` and
        `largest_log_prob_difference`, in nats per code.

    Raises:
        UserError: if the other process fails; the message has the last line that it wrote.
    """
    batches = [example[None] for example in examples]
    calls: list[tuple[str, dict[str, Any]]] = [
        (name, {model.data_key: batch}) for batch in batches for name in ("encode", "reconstruct")
    ]
    draws = (
        [] if prior is None else _draws(prior, model_signatures.sampled_grid(model, prior, grid))
    )
    for draw in draws:
        calls += [("sample", draw.arguments), ("log_prob", {"codes": draw.codes, **draw.label})]
    results, times = other_process.outputs(path, calls)
    served = iter(results)
    codes, differing, largest = 0, 0, 0.0
    for batch in batches:
        expected, found = np.asarray(model.encode(batch)), next(served)["codes"]
        codes, differing = codes + found.size, differing + int((expected != found).sum())
        found = next(served)["reconstruction"]
        largest = max(largest, difference(model.reconstruct(batch), found))
    checked = {"codes": codes, "codes_differing": differing, "largest_difference": largest}
    if prior is not None:
        sampled, of_samples = _compare_samples(model, prior, draws, served)
        checked |= sampled | {"largest_difference": max(largest, of_samples)}
    return checked | times


def difference(expected: Any, found: np.ndarray) -> float:
    """The largest difference of two arrays of the same shape."""
    return float(np.abs(np.asarray(expected, np.float64) - found).max())


class _Draw(NamedTuple):
    """Arguments of `sample`, and the codes that the prior draws."""

    arguments: dict[str, np.ndarray]
    label: dict[str, np.ndarray]  # empty for a prior without classes
    codes: np.ndarray


def _draws(prior, grid):
    draws = []
    # Seeds are modulo 2^64, which a negative one tests.
    for seed, count, temperature in ((0, 2, 1.0), (-1, 3, 0.7)):
        classes = prior.config.num_classes
        labels = np.arange(count, dtype=np.int32) % (classes + 1) - 1  # none, the first, ...
        label = {name: labels for name in prior.conditions}
        arguments: dict[str, Any] = {
            "seed": np.int64(seed),
            "count": np.int32(count),
            "temperature": np.float32(temperature),
        }
        codes = prior.sample(count, grid=grid, seed=seed, temperature=temperature, **label)
        draws.append(_Draw(arguments | label, label, np.asarray(codes)))
    return draws


def _compare_samples(model, prior, draws, served):
    """Figures of the samples, and the largest difference of the decoded data."""
    log_prob = tf.function(prior.log_prob, autograph=False)
    codes, differing, largest, gaps = 0, 0, 0.0, []
    for draw in draws:
        found = next(served)
        codes += draw.codes.size
        differing += int((draw.codes != found["codes"]).sum())
        largest = max(largest, difference(model.decode(draw.codes), found[model.data_key]))
        gap = np.abs(log_prob(draw.codes, **draw.label) - next(served)["log_prob"]).max()
        gaps.append(float(gap) / draw.codes[0].size)
    compared = {
        "sampled_codes": codes,
        "sampled_codes_differing": differing,
        "largest_log_prob_difference": max(gaps),
    }
    return compared, largest
