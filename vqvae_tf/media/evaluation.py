"""Evaluation of an image model over a whole set of pictures: distortion, codes, bits."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf.media.medium import Bits, Encode
from vqvae_tf.media.pieces import pieces
from vqvae_tf.metrics import SSIM_WINDOW

BATCH_PIXELS = 2**18  # pictures of one size are batched up to this many pixels


class PictureModel(Protocol):
    """The interface of models for `evaluate`; image models of `vqvae_tf.models` have it.

    Pictures are uint8 `[batch, height, width, channels]`.
    """

    def encode(self, images: Any, /) -> Any:
        """Codes of pictures, int32 `[batch, rows, columns, ...]`."""

    def decode(self, codes: Any) -> Any:
        """Pictures whose upper left corner is the encoded picture."""

    def bits(self, batch: Any, codes: Any) -> Any:
        """`reconstruction`, `[batch]`: -log2 p(x|z) of the pictures `batch["image"]`."""


def evaluate(
    model: PictureModel,
    pictures: Iterable[Mapping[str, Any]],
    *,
    code_sizes: Sequence[int],
    prior_bits: Bits | None = None,
    encode: Encode | None = None,
) -> dict[str, Any]:
    """Encodes and reconstructs whole pictures, and measures them together and one by one.

    Figures are pooled: PSNR is computed from the mean squared error over all pixels, perplexity
    from the frequencies of all codes (the geometric mean over codebooks), bits/dim from all bits
    divided by all dimensions. SSIM is a mean over pictures of at least 11x11 pixels. The bits of a
    code are log2 of its entry in `code_sizes` and, if a prior is given, also those under the prior.

    Args:
        model: a trained model of pictures.
        pictures: mappings with `name`, `image` (uint8 `[height, width, channels]`) and optionally
            `label`. Consecutive pictures of the same size are measured in one batch.
        code_sizes: number of values of each code of a place.
        prior_bits: function of codes `[batch, height, width]` and conditions (`label`, `[batch]`,
            if all pictures have one) that returns their bits, `[batch]`.
        encode: function of pictures and conditions that returns codes; the model's `encode` by
            default.

    Returns:
        `pictures`, `mse` (of pixels on a scale of width 1), `psnr`, `ssim`, `perplexity`,
        `usage`, `codes_in_use`, `reconstruction_bits_per_dimension`,
        `latent_bits_per_dimension`, `bits_per_dimension`; with a prior `prior_bits_per_code`,
        `prior_bits_per_dimension`, `bits_per_dimension_with_prior`; and under `per_picture` a
        row for each picture. If pictures are too small for SSIM, there is an `ssim_note`, and
        `ssim` is None if all of them are.
    """
    rows, counts = [], [np.zeros(size, np.int64) for size in code_sizes]
    shown = tqdm.tqdm(pictures, unit="picture", desc="evaluating", disable=None, leave=False)
    for batch in _batches(shown):
        codes, measured = _measure(model, batch, prior_bits, encode)
        count_slots(counts, codes)
        rows += measured
    if not rows:
        raise ValueError("there are no pictures to evaluate")
    bits_per_code = math.fsum(map(math.log2, code_sizes)) / len(code_sizes)
    return {
        "pictures": len(rows),
        **_pooled(rows, bits_per_code),
        **code_statistics(counts),
        "per_picture": [_public(row, bits_per_code) for row in rows],
    }


def table(results: Mapping[str, Any]) -> str:
    """The numbers of `evaluate` as two columns of text, with notes on missing ones.

    >>> print(table({"psnr": 27.5, "usage": 0.875, "pictures": 4, "per_picture": []}))
    psnr      27.5
    usage     0.875
    pictures  4
    """
    shown = {
        name: value
        for name, value in results.items()
        if isinstance(value, (int, float)) or name.endswith("_note")
    }
    width = max(map(len, shown))
    return "\n".join(f"{name:<{width}}  {_text(value)}" for name, value in shown.items())


def _text(value):
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def _batches(pictures) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for picture in pictures:
        shape = picture["image"].shape
        full = (len(batch) + 1) * shape[0] * shape[1] > BATCH_PIXELS
        if batch and (full or shape != batch[0]["image"].shape):
            yield batch
            batch = []
        batch.append(picture)
    if batch:
        yield batch


def _measure(model, batch, prior_bits, encode):
    """Codes of a batch, and a row of sums for each of its pictures."""
    images = np.stack([picture["image"] for picture in batch])
    labels = [picture.get("label") for picture in batch]
    conditions = {} if None in labels else {"label": np.asarray(labels)}
    codes = np.asarray(model.encode(images) if encode is None else encode(images, conditions))
    decoded = np.asarray(model.decode(codes))
    reconstructions = decoded[:, : images.shape[1], : images.shape[2]]
    bits = model.bits({"image": images}, codes)["reconstruction"]
    columns = {
        "squared_error": squared_error(images, reconstructions),
        "reconstruction_bits": np.asarray(bits, np.float64),
    }
    if min(images.shape[1:3]) >= SSIM_WINDOW:
        columns["ssim"] = _ssim(images, reconstructions)
    if prior_bits is not None:
        columns["prior_bits"] = np.asarray(prior_bits(codes, conditions), np.float64)
    shared = {
        "height": images.shape[1],
        "width": images.shape[2],
        "dimensions": images[0].size,
        "codes": codes[0].size,
    }
    rows = [
        {"name": picture["name"], **shared, **dict(zip(columns, values, strict=True))}
        for picture, *values in zip(batch, *map(np.ndarray.tolist, columns.values()), strict=True)
    ]
    return codes, rows


def squared_error(images, reconstructions):
    """Squared error of each picture, summed over its pixels on a scale of width 1."""
    total = np.zeros(len(images), np.int64)
    for rows, columns in _parts(images.shape):
        difference = np.subtract(
            images[:, rows, columns], reconstructions[:, rows, columns], dtype=np.int32
        )
        total += np.square(difference).sum((1, 2, 3), np.int64)
    return total / 255**2


def _ssim(images, reconstructions):
    """SSIM of each picture, the mean over all positions of the window."""
    margin = SSIM_WINDOW - 1
    batch, height, width = images.shape[:3]
    total = np.zeros(batch)
    for rows, columns in _parts((batch, height - margin, width - margin)):
        part = (
            slice(None),
            slice(rows.start, rows.stop + margin),
            slice(columns.start, columns.stop + margin),
        )
        mean = tf.image.ssim(images[part], reconstructions[part], 255).numpy()
        places = (rows.stop - rows.start) * (columns.stop - columns.start)
        total += mean.astype(np.float64) * places
    return total / ((height - margin) * (width - margin))


def _parts(shape):
    """Rows and columns of pieces of a batch of pictures."""
    area = max(1, BATCH_PIXELS // shape[0])
    return (piece.inner for piece in pieces(shape[1], shape[2], area))


def _pooled(rows, bits_per_code):
    """Ratios of sums over rows; for one row, the figures of that picture."""

    def total(name):
        return math.fsum(row[name] for row in rows)

    dimensions = total("dimensions")
    mse = total("squared_error") / dimensions
    reconstruction = total("reconstruction_bits") / dimensions
    latent = total("codes") * bits_per_code / dimensions
    figures = {
        "mse": mse,
        "psnr": -10.0 * math.log10(mse) if mse else math.inf,
        **_pooled_ssim(rows),
        "reconstruction_bits_per_dimension": reconstruction,
        "latent_bits_per_dimension": latent,
        "bits_per_dimension": reconstruction + latent,
    }
    if "prior_bits" in rows[0]:
        prior = total("prior_bits")
        figures |= {
            "prior_bits_per_code": prior / total("codes"),
            "prior_bits_per_dimension": prior / dimensions,
            "bits_per_dimension_with_prior": reconstruction + prior / dimensions,
        }
    return figures


def _pooled_ssim(rows):
    """`ssim`, and a note on pictures that are not part of it."""
    known = [row["ssim"] for row in rows if "ssim" in row]
    figures: dict[str, Any] = {"ssim": math.fsum(known) / len(known) if known else None}
    if len(known) < len(rows):
        figures["ssim_note"] = (
            f"without {len(rows) - len(known)} of {len(rows)} pictures, smaller than its window "
            f"of {SSIM_WINDOW} x {SSIM_WINDOW} pixels"
        )
    return figures


def count_slots(counts: Sequence[np.ndarray] | np.ndarray, codes: np.ndarray) -> None:
    """Adds codes, of any shape whose last axis is the slots, to the counts of each slot."""
    for own, column in zip(counts, codes.reshape(-1, len(counts)).T, strict=True):
        own += np.bincount(column, minlength=len(own))


def code_statistics(counts: Sequence[np.ndarray]) -> dict[str, Any]:
    """`perplexity`, `usage` and `codes_in_use`, pooled as in `vqvae_tf.metrics`.

    Args:
        counts: counts of codes for each slot; the perplexity is the geometric mean over slots.

    >>> code_statistics([np.array([3, 0, 3, 0])])
    {'perplexity': 2.0, 'usage': 0.5, 'codes_in_use': 2}
    """
    shares = [own[own > 0] / own.sum() for own in counts]
    entropies = [-(share * np.log(share)).sum() for share in shares]
    in_use = sum(map(len, shares))
    return {
        "perplexity": float(np.exp(np.mean(entropies))),
        "usage": in_use / sum(map(len, counts)),
        "codes_in_use": in_use,
    }


def _public(row, bits_per_code):
    shared = {name: row[name] for name in ("name", "height", "width")}
    return {**shared, **_pooled([row], bits_per_code)}
