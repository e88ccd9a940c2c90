"""A prior over a trained autoencoder's codes: codes written once, the prior fitted."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from vqvae_tf import data, models, training
from vqvae_tf.errors import UserError
from vqvae_tf.media import evaluation, medium_of
from vqvae_tf.media.pieces import pieces
from vqvae_tf.presets import PRESETS
from vqvae_tf.training import strategies, workdir
from vqvae_tf.workflows import prior_files
from vqvae_tf.workflows.labels import LabelsByName
from vqvae_tf.workflows.trained import digest, load_autoencoder

MOST_LOGITS = 2**25  # that are computed at once: 256 x 256 codes of 512 values


@strategies.naming_lost_peers()
def train_prior(
    config: models.PriorConfig,
    model_path: str,
    data_uri: str,
    path: str,
    *,
    validation_uri: str | None = None,
    strategy: str = "default",
) -> dict[str, Any]:
    """Encodes a data set and fits a prior to its codes in the workdir `path`.

    The workdir gets a copy of the autoencoder (`model/`) and the codes (`codes/`), so that
    sampling needs nothing else; where they are damaged, a later start makes them again. Sizes of
    the codebook and classes are the autoencoder's and the data's, whatever `config` says.

    Args:
        config: the prior's configuration.
        model_path: workdir of the autoencoder.
        data_uri: pictures or sounds to encode, or `codes:GLOB` for codes that are there already.
        path: the prior's workdir.
        validation_uri: the like (or codes) that it is evaluated on; None takes the training data.
        strategy: a name of `vqvae_tf.training.strategies.get`.

    Returns:
        The last evaluation: `bits_per_code` over all validation codes.

    Raises:
        UserError: for anything that the user can put right.
    """
    placed = strategies.get(strategy)
    autoencoder = load_autoencoder(model_path)
    family = models.FAMILIES[models.family_of(config)]
    if len(config.crop) != autoencoder.grid_rank:
        fitting = models.priors_of(autoencoder.grid_rank)
        raise UserError(
            f"the codes of {model_path} have grids of rank {autoencoder.grid_rank}, and a "
            f"{family.__name__} models rank {len(config.crop)}; take a preset of "
            f"{' or '.join(fitting)}: {', '.join(_presets_of(fitting))}"
        )
    source = _open(autoencoder, data_uri)
    condition = medium_of(autoencoder).condition
    config = config.for_codes(
        autoencoder.code_sizes, _embedding_dim(autoencoder), condition, len(source.class_names)
    )
    maps = _given_maps(source, config) if isinstance(source, data.CodeRecords) else None
    held_out_source = None if validation_uri is None else _open(autoencoder, validation_uri)
    keras.utils.set_random_seed(config.training.seed)
    with placed.scope():
        prior = models.build(models.family_of(config), config)
    record = models.record(
        config,
        data=data_uri,
        codebook=digest(autoencoder),
        class_names=list(source.class_names) if config.num_classes else [],
    )
    # What is refused leaves no folder behind, which would refuse the corrected command.
    training.check(prior, config.training, placed)
    held_out = None
    if held_out_source is not None:
        held_out = _held_out_maps(autoencoder, held_out_source, config, record["class_names"])

    def encoded():
        return code_maps(autoencoder, source, config.variation, config.training.seed)

    def prepare():
        workdir.prepare(path, record)
        with workdir.locked(path):
            prior_files.keep_model(path, model_path)
            if maps is None:
                prior_files.keep_codes(path, encoded, source.class_names)

    strategies.chief_first(prepare)
    workdir.agree(path, record)
    if maps is None:
        maps = prior_files.read_codes(path)
    with placed.scope():
        prior.initialize(autoencoder.code_vectors, _log_frequencies(maps, config))
    settings = config.training
    crop, large = _crop_of(maps, config.crop)

    def make_dataset(start_step):
        batches = data.code_batches(large, crop, settings.batch_size, settings.seed, start_step)
        return batches.map(lambda batch: _told(prior, batch))

    return training.train(
        prior,
        make_dataset,
        settings,
        path,
        strategy=placed,
        evaluate=lambda prior: mean_bits(prior, maps if held_out is None else held_out),
    )


def code_maps(
    autoencoder: models.TrainableModel, source: Any, variation: Any = None, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Codes of all that a source holds, as the medium's `code_maps` gives them.

    Args:
        autoencoder: the trained model.
        source: the pictures or sounds.
        variation: how each is varied, by the medium; None encodes each once, as it is.
        seed: of the draws among the variations.

    Yields:
        Mappings with `name`, `codes` (int32 `[*grid, slots]`), `rank` (of the grid) and `label` (or
        None).
    """
    for item in medium_of(autoencoder).code_maps(autoencoder, source, variation, seed):
        yield item | {"codes": data.grid_of(item)}


def _presets_of(families):
    return [name for name, make in PRESETS.items() if models.family_of(make()) in families]


def _embedding_dim(autoencoder):
    """D of the vectors that codes stand for, where all slots have one codebook."""
    vectors = autoencoder.code_vectors
    return None if vectors is None else vectors.shape[-1]


def _told(prior, batch):
    """A batch with its classes under the name of the prior's condition."""
    batch = dict(batch)
    label = batch.pop("label", None)
    return batch if label is None else batch | {name: label for name in prior.conditions}


def _open(autoencoder, uri):
    """The source of a URI: codes, or what the autoencoder is of."""
    if uri.startswith("codes:"):
        return data.open_source(uri)
    return medium_of(autoencoder).open_source(uri)


def _crop_of(maps, wanted):
    """Size of the training crops, and the maps that hold one: `wanted` where any is so large."""
    sides = [min(data.grid_of(item).shape[:-1]) for item in maps]
    crop = tuple(min(want, max(sides)) for want in wanted)
    large = [item for item, side in zip(maps, sides, strict=True) if side >= max(crop)]
    if len(large) < len(maps):
        logging.warning(
            "%d of %d code maps do not hold a crop of %d codes and are not trained on",
            len(maps) - len(large), len(maps), max(crop),
        )  # fmt: skip
    return crop, large


def mean_bits(prior: models.Prior, maps: list[Mapping[str, Any]]) -> dict[str, Any]:
    """`bits_per_code` over all codes of all maps, given their labels where the prior takes them."""
    bits = bits_of(prior)
    total, count = 0.0, 0
    for item in maps:
        label = None if item["label"] is None else np.array([item["label"]])
        total += float(bits(data.grid_of(item)[None], label)[0])
        count += item["codes"].size
    return {"bits_per_code": total / count, "codes": count}


def bits_of(prior: models.Prior) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """A function of codes and labels (or None) that gives the bits of each grid.

    A grid of more than `MOST_LOGITS` logits is scored in pieces. With each goes what lies around it
    as far as the prior sees (`config.reach`); where that is anything, a piece is scored as a grid
    of its own.
    """
    sizes, margin = prior.config.code_sizes, prior.config.reach or 0
    codes_spec = tf.TensorSpec([None] * (prior.grid_rank + 1) + [len(sizes)], tf.int32)
    label_spec = tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[codes_spec, label_spec], autograph=False)
    def nats(codes, label):
        logits = tf.cast(prior(codes, {name: label for name in prior.conditions}), tf.float32)
        codes = codes[..., 0] if len(sizes) == 1 else codes
        return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, logits)

    def bits(codes, labels):
        codes = np.asarray(codes)
        codes = codes.reshape(*codes.shape[: prior.grid_rank + 1], len(sizes))
        known = np.full(len(codes), -1) if labels is None else labels
        # The first two sides of the grid are cut, or the only one.
        sides = codes.shape[1:-1]
        logits = sum(sizes) * len(codes) * math.prod(sides[2:])  # of a place
        height, width = sides[:2] if len(sides) > 1 else (sides[0], 1)
        total = np.zeros(len(codes))
        for piece in pieces(height, width, max(1, MOST_LOGITS // logits), margin):
            outer, within = piece.outer[: len(sides)], piece.within[: len(sides)]
            part = nats(codes[:, *outer], known.astype(np.int32)).numpy()[:, *within]
            total += part.reshape(len(part), -1).sum(1, np.float64)
        return total / np.log(2.0)

    return bits


def _given_maps(source, config):
    """The maps of a `codes:` source, if they can be the model's."""
    sizes, rank = config.code_sizes, len(config.crop)
    maps = [_of_earlier_version(item) if rank == 1 else item for item in source.maps()]
    for item in maps:
        codes = data.grid_of(item)
        if item["rank"] != rank or codes.shape[-1] != len(sizes):
            raise UserError(
                f"{source.uri}: {item['name']} holds a grid of rank {item['rank']} with "
                f"{codes.shape[-1]} codes per place; the model's have rank {rank} and {len(sizes)}"
                ": give the codes of this model"
            )
        if (codes.reshape(-1, len(sizes)).max(0) >= sizes).any():
            raise UserError(
                f"{source.uri}: {item['name']} holds codes up to {codes.max()}; the model's lie "
                f"below {max(sizes)}: give the codes of this model"
            )
    return maps


def _of_earlier_version(item):
    """A sequence that was written as a map of one row, as what it is; others as they are."""
    if item["rank"] == 2 and len(item["codes"]) == 1:
        return {**item, "codes": item["codes"][0], "rank": 1}
    return item


def _held_out_maps(autoencoder, source, config, class_names):
    """Maps to evaluate on, with labels by the names of the prior's classes."""
    if isinstance(source, data.CodeRecords):
        maps = _given_maps(source, config)
    else:
        maps = code_maps(autoencoder, source)
    labels = LabelsByName(source.uri, source.class_names, class_names)
    return [{**item, "label": labels(item["label"])} for item in maps]


def _log_frequencies(maps, config):
    counts = np.ones((len(config.code_sizes), max(config.code_sizes)))
    for item in maps:
        evaluation.count_slots(counts, data.grid_of(item))
    return np.log(counts / counts.sum(1, keepdims=True))
