"""Exports an autoencoder, and a prior over its codes, as a SavedModel, and checks the export."""

import os
import re
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
    path = arguments.path("path", path)
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
    cases = []
    for example in examples:
        data = {model.data_key: example[None]}
        reconstruction = model.reconstruct(example[None])
        cases += [
            Case("encode", data, {"codes": model.encode(example[None])}),
            Case("reconstruct", data, {"reconstruction": reconstruction}),
        ]
    if prior is not None:
        cases += _samples(model, prior, model_signatures.sampled_grid(model, prior, grid))
    return compare(path, cases)


def _samples(model, prior, grid):
    """Calls of `sample`, and of `log_prob` with the codes that the prior itself draws."""
    log_prob = tf.function(prior.log_prob, autograph=False)
    for seed, count, temperature in ((0, 2, 1.0), (2**64 - 1, 3, 0.7)):
        classes = prior.config.num_classes
        numbers = np.arange(count, dtype=np.int32) % (classes + 1) - 1  # none, the first, ...
        told = {name: numbers for name in prior.conditions}
        drawn = prior.sample(count, grid=grid, seed=seed, temperature=temperature, **told)
        codes = {"codes": np.asarray(drawn)}
        controls = {
            "seed": np.uint64(seed).astype(np.int64),
            "count": np.int32(count),
            "temperature": np.float32(temperature),
        }
        yield Case("sample", controls | told, codes | {model.data_key: model.decode(drawn)})
        yield Case("log_prob", codes | told, {"log_prob": log_prob(drawn, **told)})
