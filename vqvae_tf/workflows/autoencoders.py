"""An autoencoder from a configuration and a data URI: trained, measured, shown at work."""

import functools
import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf import data, models, reporting, training
from vqvae_tf.config import UserError
from vqvae_tf.training import evaluation, strategies, workdir


def train(
    config: models.ImageModelConfig,
    data_uri: str,
    path: str,
    *,
    validation_uri: str | None = None,
    strategy: str = "default",
) -> dict[str, Any]:
    """Trains an autoencoder in the workdir `path`, or goes on with the one in it.

    Args:
        config: its configuration.
        data_uri: the training pictures, as in `vqvae_tf.data.open_source`.
        path: the workdir.
        validation_uri: pictures to evaluate on, whole; None takes the training pictures.
        strategy: a name of `vqvae_tf.training.strategies.get`.

    Returns:
        The last evaluation, as in `vqvae_tf.training.evaluation.evaluate`.

    Raises:
        UserError: for anything that the user can put right.
    """
    placed = strategies.get(strategy)
    source = open_pictures(data_uri)
    held_out = source if validation_uri is None else open_pictures(validation_uri)
    keras.utils.set_random_seed(config.training.seed)
    with placed.scope():
        model = models.build(models.family_of(config), config)
    settings = config.training

    @functools.cache  # the pictures may be held in it
    def make_dataset(start_step):
        return data.batches(source, config.data, settings.batch_size, settings.seed, start_step)

    make_dataset(0)  # what the data refuses leaves no folder behind
    workdir.prepare(path, models.record(config, data=data_uri))
    return training.train(
        model,
        make_dataset,
        settings,
        path,
        strategy=placed,
        evaluate=lambda model: measure(model, held_out),
    )


def open_pictures(uri: str) -> data.Source:
    """`data.open_source` where pictures are wanted.

    Raises:
        UserError: also if `uri` names codes.
    """
    source = data.open_source(uri)
    if isinstance(source, data.CodeRecords):
        raise UserError(
            f"{uri}: holds codes; pictures come from embedded:, folder:, tfds: or tfrecord:"
        )
    return source


def measure(
    model: models.ImageModel,
    source: data.Source,
    prior_bits: Callable[[np.ndarray, np.ndarray | None], Any] | None = None,
    search: models.CodeSearch | None = None,
) -> dict[str, Any]:
    """`evaluation.evaluate` of a model over all whole pictures of a source.

    Args:
        model: the autoencoder.
        source: the pictures.
        prior_bits: of a prior, as in `evaluation.evaluate`.
        search: what to encode with; None takes the nearest codes.
    """
    results = evaluation.evaluate(
        Compiled(model, search),
        source.pictures(model.config.data.channels),
        num_embeddings=model.config.num_embeddings,
        codebook_of_code=model.config.codebook_of_code,
        prior_bits=prior_bits,
    )
    return {"data": source.uri, "skipped_pictures": source.skipped, **results}


def evaluate(
    model_path: str,
    data_uri: str,
    prior_path: str | None = None,
    *,
    search_passes: int = 0,
    rate_weight: float = 0.0,
) -> dict[str, Any]:
    """Evaluates a trained autoencoder, and the prior over its codes if there is one.

    The prior is given the pictures' classes where they are those that it was trained with.

    Args:
        model_path, prior_path: their workdirs.
        data_uri: the pictures.
        search_passes, rate_weight: of a `models.CodeSearch`; without passes the codes are the
            nearest.

    Raises:
        UserError: also if the prior was trained on another codebook.
    """
    from vqvae_tf.workflows import priors

    model = load(model_path)
    source = open_pictures(data_uri)
    prior = prior_bits = None
    known = False
    if prior_path is not None:
        prior, _ = priors.load_pair(prior_path, expected=model)
        bits = priors.bits_of(prior)
        known = list(source.class_names) == workdir.read(prior_path)["class_names"]
        prior_bits = bits if known else lambda codes, labels: bits(codes, None)
    search = None
    if search_passes or rate_weight:
        search = models.CodeSearch(
            model, passes=search_passes, prior=prior, rate_weight=rate_weight
        )
    return measure(model, source, prior_bits, search)


def reconstruct(
    model_path: str,
    data_uri: str,
    output: str,
    count: int | None = None,
    search_passes: int = 0,
) -> int:
    """Writes pictures beside their reconstructions, with their codes.

    For each picture `NAME.png` holds original and reconstruction side by side, and `NAME.npz`
    the codes as `codes`. NAME is the picture's, with its number behind it where two would have
    the same.

    Args:
        model_path: workdir of the autoencoder.
        data_uri: the pictures.
        output: folder for the results.
        count: how many pictures at most; None for all.
        search_passes: of a `models.CodeSearch`; without any the codes are the nearest.

    Returns:
        How many pictures were written.
    """
    model = load(model_path)
    search = models.CodeSearch(model, passes=search_passes) if search_passes else None
    source = open_pictures(data_uri)
    os.makedirs(output, exist_ok=True)
    fast = Compiled(model, search)
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
        name = os.path.splitext(picture["name"])[0].replace("/", "_")
        name = f"{name}_{len(names)}" if name in names else name
        names.add(name)
        write_png(os.path.join(output, name + ".png"), beside)
        np.savez_compressed(os.path.join(output, name + ".npz"), codes=np.asarray(codes))
    return len(names)


class Compiled:
    """A model's pixel-level functions, each traced once for pictures of any size.

    Args:
        model: the autoencoder.
        search: what to encode with; None takes the nearest codes.
    """

    def __init__(self, model: models.ImageModel, search: models.CodeSearch | None = None):
        picture = tf.TensorSpec([None, None, None, model.config.data.channels], tf.uint8)
        slots = [model.config.codes_per_position] if model.config.codes_per_position > 1 else []
        codes = tf.TensorSpec([None, None, None, *slots], tf.int32)

        def traced(function, *arguments):
            return tf.function(function, input_signature=arguments, autograph=False)

        self._nearest, self._search = traced(model.encode, picture), search
        self.decode = traced(model.decode, codes)
        self.bits = traced(model.bits, {"image": picture}, codes)

    def encode(self, images, labels=None):
        """Codes of pictures; their classes, `[batch]` or None, tell a search with a prior more."""
        if self._search is None:
            return self._nearest(images)
        return self._search.encode(images, labels)


def write_png(path: str, image: np.ndarray) -> None:
    """Writes a picture aside and renames it, so that no half picture is ever seen."""
    with open(path + ".part", "wb") as file:
        file.write(reporting.encode_png(image))
    os.replace(path + ".part", path)


def load(path: str) -> models.ImageModel:
    """The autoencoder in a workdir.

    Raises:
        UserError: also if it holds a prior.
    """
    model = models.load(path)
    if isinstance(model, models.Prior):
        raise UserError(f"{path} holds a prior; --model wants the autoencoder's workdir")
    return model
