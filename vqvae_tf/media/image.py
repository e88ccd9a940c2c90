"""The medium of pictures: opens, batches, measures, encodes and writes them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf import data, models, reporting
from vqvae_tf.config import DataConfig
from vqvae_tf.data import images
from vqvae_tf.data.recolour import recolour
from vqvae_tf.errors import UserError
from vqvae_tf.media import evaluation, medium
from vqvae_tf.media.compiled_image_model import CompiledImageModel
from vqvae_tf.media.output_files import new_name, write_codes, write_png


class ImageMedium(medium.Medium):
    """Pictures, for models whose batches have the key `image`."""

    condition = "label"

    def open_source(self, uri: str) -> data.Source:
        """`data.open_source` for pictures.

        Raises:
            UserError: if it cannot be opened, or if `uri` names codes.
        """
        source = data.open_source(uri)
        if isinstance(source, data.CodeRecords):
            raise UserError(
                f"{uri}: holds codes; pictures come from embedded:, folder:, tfds: or tfrecord:"
            )
        return source

    def fitted(
        self, config: models.ImageModelConfig, source: data.Source
    ) -> models.ImageModelConfig:
        """The configuration, unchanged."""
        return config

    def batches(
        self, source: data.Source, config: models.ImageModelConfig, start_step: int = 0
    ) -> tf.data.Dataset:
        """Training batches, as in `data.batches`."""
        settings = config.training
        return data.batches(source, config.data, settings.batch_size, settings.seed, start_step)

    def measure(
        self,
        model: models.ImageModel,
        source: data.Source,
        prior_bits: medium.Bits | None = None,
        search: medium.Encode | None = None,
    ) -> dict[str, Any]:
        """`evaluation.evaluate` of a model over all whole pictures of a source.

        Args:
            model: the autoencoder.
            source: the pictures.
            prior_bits: bits under a prior, as in `evaluation.evaluate`.
            search: `encode` of `evaluation.evaluate`; None takes the nearest codes.
        """
        fast = CompiledImageModel(model, search)
        results = evaluation.evaluate(
            fast,
            source.pictures(model.config.data.channels),
            code_sizes=model.code_sizes,
            prior_bits=prior_bits,
            encode=fast.encode,
        )
        return {"data": source.uri, "skipped_pictures": source.skipped, **results}

    def reconstruct(
        self,
        model: models.ImageModel,
        source: data.Source,
        output: str,
        count: int | None = None,
        search: medium.Encode | None = None,
    ) -> int:
        """Writes `NAME.png`, a picture and its reconstruction side by side, and the codes."""
        fast = CompiledImageModel(model, search)
        total = len(source) if count is None else min(count, len(source))
        pictures = source.pictures(model.config.data.channels)
        names: set[str] = set()
        for picture in tqdm.tqdm(pictures, total=total, unit="picture", disable=None):
            if len(names) == total:
                break
            codes = fast.encode(picture["image"][None])[0]
            height, width = picture["image"].shape[:2]
            reconstruction = fast.decode(codes[None])[0, :height, :width]
            beside = reporting.beside(picture["image"], np.asarray(reconstruction))
            name = new_name(picture["name"], names)
            write_png(os.path.join(output, name + ".png"), beside)
            write_codes(os.path.join(output, name + ".npz"), codes)
        return len(names)

    def code_maps(
        self,
        model: models.ImageModel,
        source: data.Source,
        variation: DataConfig | None = None,
        seed: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Codes of all whole pictures of a source.

        With a `variation` each picture is encoded several times: from two offsets of half a stride
        along each side and, if configured, mirrored and at half its size; and a share of all these
        again in random colours. The prior is thus trained on the same material under many codes.
        Recoloured maps have the label -1: they show which codes occur together, not what a class
        looks like.

        Args:
            model: the trained model.
            source: the pictures.
            variation: a `DataConfig`, of which `flip`, `half_size_share` and `recolour_share`
                are used; None encodes each picture once, unchanged.
            seed: seed of the recolouring.

        Yields:
            Mappings with `name`, `codes` (int32 `[height, width, ...]`), `rank` (2) and `label` (or
            None).
        """
        encode = CompiledImageModel(model).encode
        pictures = source.pictures(model.config.data.channels)
        progress = tqdm.tqdm(
            pictures, "encoding", total=len(source), unit="picture", disable=None, leave=False
        )
        half = model.config.stride // 2
        for number, picture in enumerate(progress):
            versions: Iterable[tuple[np.ndarray, int | None]] = [
                (picture["image"], picture["label"])
            ]
            if variation is not None:
                versions = _variations(
                    picture["image"], picture["label"], variation, half, [seed, number]
                )
            for image, label in versions:
                codes = np.asarray(encode(image[None])[0])
                yield {"name": picture["name"], "codes": codes, "rank": 2, "label": label}

    def write_samples(
        self,
        model: models.ImageModel,
        codes: np.ndarray,
        output: str,
        conditions: Mapping[str, str],
    ) -> list[str]:
        """Writes `sheet.png`, all pictures of `codes`, and `sample_000.png`, ...; their paths."""
        samples = np.concatenate([model.decode(code[None]) for code in codes])
        written = [
            os.path.join(output, f"sample_{number:03}.png") for number in range(len(samples))
        ]
        for name, picture in zip(written, samples, strict=True):
            write_png(name, picture)
        sheet = os.path.join(output, "sheet.png")
        columns = max(1, round(len(samples) ** 0.5))
        write_png(sheet, reporting.sheet(list(samples), columns=columns))
        return [sheet, *written]

    def examples(self, model, size=None):
        """Pictures of uniform noise, of sizes that the strides divide and of others."""
        draws, channels = np.random.default_rng(0), model.config.data.channels
        sizes = [(32, 32), (45, 61), (7, 130)] if size is None else [size, size]
        return [draws.integers(0, 256, (*each, channels), np.uint8) for each in sizes]


def _variations(image, label, variation, half, seed):
    """Yields pairs of an image and its label for one picture."""
    plain = [image]
    if variation.half_size_share:
        height, width = image.shape[:2]
        plain.append(images.resize(image, max(height // 2, 1), max(width // 2, 1)))
    if variation.flip:
        plain += [version[:, ::-1] for version in plain]
    cuts = [
        version[y:, x:]
        for version in plain
        for y in (0, half)
        for x in (0, half)
        if y < version.shape[0] and x < version.shape[1]
    ]
    yield from ((cut, label) for cut in cuts)
    number = round(variation.recolour_share * len(cuts))
    if number:
        chosen = np.linspace(0, len(cuts), number, endpoint=False).astype(int)
        draws = tf.random.split(tf.constant(seed, tf.int64), number)
        for place, draw in zip(chosen, draws, strict=True):
            recoloured = _recoloured(cuts[place], draw, variation.recolour_strength)
            yield recoloured, None if label is None else -1


def _recoloured(image, draw, strength):
    """`recolour` of a whole picture, a few rows at a time."""
    mean = image.mean((0, 1), np.float64)[None]
    rows = max(1, evaluation.BATCH_PIXELS // image.shape[1])
    parts = [
        recolour(image[None, start : start + rows], 1.0, draw, strength, mean).numpy()[0]
        for start in range(0, len(image), rows)
    ]
    return np.concatenate(parts)
