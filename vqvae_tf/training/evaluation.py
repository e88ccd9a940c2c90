"""What a trained image model is worth over a whole set of pictures: distortion, codes, bits."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tqdm

_BATCH_PIXELS = 2**18  # pictures of one size go together up to so many pixels
_SSIM_WINDOW = 11


class PictureModel(Protocol):
    """What `evaluate` asks of a model; those of `vqvae_tf.models` for pictures offer it.

    Pictures are uint8 `[batch, height, width, channels]`.
    """

    def encode(self, images: Any) -> Any:
        """Codes of pictures, int32 `[batch, rows, columns, ...]`."""

    def decode(self, codes: Any) -> Any:
        """Pictures, of which the upper left corner is that which was encoded."""

    def bits(self, batch: Any, codes: Any) -> Any:
        """`reconstruction` and `latent`, `[batch]` each, and `dimensions` of `batch["image"]`."""


def evaluate(
    model: PictureModel,
    pictures: Iterable[Mapping[str, Any]],
    *,
    num_embeddings: int,
    codebook_of_code: Sequence[int] = (0,),
    prior_bits: Callable[[np.ndarray, np.ndarray | None], Any] | None = None,
    encode: Callable[[np.ndarray, np.ndarray | None], Any] | None = None,
) -> dict[str, Any]:
    """Encodes and reconstructs whole pictures and measures them together and one by one.

    Everything is pooled: PSNR comes from the mean squared error over all pixels, perplexity from
    the frequencies of all codes (the geometric mean over codebooks), bits/dim from all bits over
    all dimensions. SSIM is a mean over pictures (of those at least 11 pixels a side). A latent
    costs log2 K bits, and where a prior is given also what the prior says.

    Args:
        model: a trained model of pictures.
        pictures: mappings with `name`, `image` (uint8 `[height, width, channels]`) and, where
            there is one, `label`. Neighbours of the same size are measured in one batch.
        num_embeddings: K, codes in a codebook.
        codebook_of_code: number of the codebook of each code of a place.
        prior_bits: gives the bits `[batch]` of codes `[batch, height, width]` and labels
            `[batch]` (None where a picture has none).
        encode: gives codes of pictures and labels, as a `models.CodeSearch` does; the model's
            own `encode` by default.

    Returns:
        `pictures`, `mse` (of pixels on a scale of width 1), `psnr`, `ssim`, `perplexity`,
        `usage`, `codes_in_use`, `reconstruction_bits_per_dimension`,
        `latent_bits_per_dimension`, `bits_per_dimension`; with a prior `prior_bits_per_code`,
        `prior_bits_per_dimension`, `bits_per_dimension_with_prior`; and under `per_picture` a
        row for each picture.
    """
    rows, counts = [], np.zeros((max(codebook_of_code) + 1, num_embeddings), np.int64)
    shown = tqdm.tqdm(pictures, unit="picture", desc="evaluating", disable=None, leave=False)
    for batch in _batches(shown):
        codes, measured = _measure(model, batch, prior_bits, encode)
        columns = codes.reshape(-1, len(codebook_of_code)).T
        for number, column in zip(codebook_of_code, columns, strict=True):
            counts[number] += np.bincount(column, minlength=num_embeddings)
        rows += measured
    if not rows:
        raise ValueError("there are no pictures to evaluate")
    return {
        "pictures": len(rows),
        **_pooled(rows),
        **code_statistics(counts),
        "per_picture": [_public(row) for row in rows],
    }


def table(results: Mapping[str, Any]) -> str:
    """The numbers of `evaluate` as two columns of text.

    >>> print(table({"psnr": 27.5, "usage": 0.875, "pictures": 4, "per_picture": []}))
    psnr      27.5
    usage     0.875
    pictures  4
    """
    numbers = {name: value for name, value in results.items() if isinstance(value, (int, float))}
    width = max(map(len, numbers))
    return "\n".join(
        f"{name:<{width}}  {value:,}" if isinstance(value, int) else f"{name:<{width}}  {value:.5g}"
        for name, value in numbers.items()
    )


def _batches(pictures) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for picture in pictures:
        shape = picture["image"].shape
        full = (len(batch) + 1) * shape[0] * shape[1] > _BATCH_PIXELS
        if batch and (full or shape != batch[0]["image"].shape):
            yield batch
            batch = []
        batch.append(picture)
    if batch:
        yield batch


def _measure(model, batch, prior_bits, encode):
    """Codes of a batch, and a row of sums for each of its pictures."""
    images = np.stack([picture["image"] for picture in batch])
    given = [picture.get("label") for picture in batch]
    labels = None if None in given else np.asarray(given)
    codes = np.asarray(model.encode(images) if encode is None else encode(images, labels))
    decoded = np.asarray(model.decode(codes))
    reconstructions = decoded[:, : images.shape[1], : images.shape[2]]
    bits = model.bits({"image": images}, codes)
    columns = {
        "squared_error": ((images / 255.0 - reconstructions / 255.0) ** 2).sum((1, 2, 3)),
        "reconstruction_bits": np.asarray(bits["reconstruction"], np.float64),
        "latent_bits": np.asarray(bits["latent"], np.float64),
    }
    if min(images.shape[1:3]) >= _SSIM_WINDOW:
        columns["ssim"] = tf.image.ssim(images, reconstructions, 255).numpy().astype(np.float64)
    if prior_bits is not None:
        columns["prior_bits"] = np.asarray(prior_bits(codes, labels), np.float64)
    shared = {
        "height": images.shape[1],
        "width": images.shape[2],
        "dimensions": int(bits["dimensions"]),
        "codes": codes[0].size,
    }
    rows = [
        {"name": picture["name"], **shared, **dict(zip(columns, values, strict=True))}
        for picture, *values in zip(batch, *map(np.ndarray.tolist, columns.values()), strict=True)
    ]
    return codes, rows


def _pooled(rows):
    """Ratios of sums over rows; of one row, that picture's own figures."""

    def total(name):
        return math.fsum(row[name] for row in rows)

    dimensions = total("dimensions")
    mse = total("squared_error") / dimensions
    similar = [row["ssim"] for row in rows if "ssim" in row]
    reconstruction = total("reconstruction_bits") / dimensions
    latent = total("latent_bits") / dimensions
    figures = {
        "mse": mse,
        "psnr": -10.0 * math.log10(mse) if mse else math.inf,
        "ssim": math.fsum(similar) / len(similar) if similar else math.nan,
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


def code_statistics(counts: np.ndarray) -> dict[str, Any]:
    """`perplexity`, `usage` and `codes_in_use`, pooled as by `vqvae_tf.metrics`.

    Args:
        counts: of the codes of each codebook, `[codebooks, num_embeddings]`.

    >>> code_statistics(np.array([[3, 0, 3, 0]]))
    {'perplexity': 2.0, 'usage': 0.5, 'codes_in_use': 2}
    """
    shares = [own[own > 0] / own.sum() for own in counts]
    entropies = [-(share * np.log(share)).sum() for share in shares]
    in_use = sum(map(len, shares))
    return {
        "perplexity": float(np.exp(np.mean(entropies))),
        "usage": in_use / counts.size,
        "codes_in_use": in_use,
    }


def _public(row):
    shared = {name: row[name] for name in ("name", "height", "width")}
    return {**shared, **_pooled([row])}
