"""Trains a prior over the codes of a trained autoencoder, which are written once."""

from typing import Any

import keras
import numpy as np
from absl import logging

from vqvae_tf import arguments, data, models, training
from vqvae_tf.errors import UserError
from vqvae_tf.media import evaluation, medium_of
from vqvae_tf.presets import PRIORS
from vqvae_tf.training import strategies, workdir
from vqvae_tf.workflows import prior_files
from vqvae_tf.workflows.classes_by_name import ClassesByName
from vqvae_tf.workflows.load import digest, load_autoencoder
from vqvae_tf.workflows.log_evaluation import log_evaluation
from vqvae_tf.workflows.open_data import open_data
from vqvae_tf.workflows.prior_bits import mean_bits


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
    sampling needs nothing else. If they are damaged, a later start makes them again. Sizes of
    the codebook and classes are those of the autoencoder and the data; those of `config` are
    ignored.

    Args:
        config: the prior's configuration.
        model_path: workdir of the autoencoder.
        data_uri: pictures, sounds or episodes to encode, or `codes:GLOB` for existing codes.
        path: the prior's workdir.
        validation_uri: the same for the evaluation; None means the training data.
        strategy: a name of `vqvae_tf.training.strategies.get`.

    Returns:
        The last evaluation: `bits_per_code` over all validation codes.

    Raises:
        UserError: for anything that the user can correct.
    """
    path = arguments.path("workdir", path)
    placed = strategies.get(strategy)
    family = models.FAMILIES[models.family_of(config)]
    if not issubclass(family, models.Prior):
        raise UserError(
            f"train_prior takes the configuration of a prior; received {type(config).__name__}, "
            "which train takes"
        )
    autoencoder = load_autoencoder(model_path)
    if len(config.crop) != autoencoder.grid_rank:
        fitting = models.priors_of(autoencoder.grid_rank)
        raise UserError(
            f"the codes of {model_path} have grids of rank {autoencoder.grid_rank}, and a "
            f"{family.__name__} models rank {len(config.crop)}; take a preset of "
            f"{' or '.join(fitting)}: {', '.join(_presets_of(fitting))}"
        )
    two_levels = isinstance(autoencoder, models.TwoLevelVQVAE)
    if two_levels and type(config) is models.PixelCNNPriorConfig and config.code_dim:
        raise UserError(
            f"{model_path} holds a model of two levels, whose codebooks are no input of one "
            f"{family.__name__}; take a preset of two_level_prior: "
            f"{', '.join(_presets_of(['two_level_prior']))}, or set code_dim to None"
        )
    medium = medium_of(autoencoder)
    source = _open(medium, data_uri)
    maps = _grids(source.maps()) if isinstance(source, data.CodeRecords) else None
    config = config.for_codes(
        autoencoder.code_sizes,
        _embedding_dim(autoencoder),
        medium.condition,
        len(source.class_names),
        medium.condition_dims(autoencoder.config, source)
        if maps is None
        else _dims_of(maps, medium.condition),
    )
    if maps is not None:
        _check_maps(source, maps, config)
    elif autoencoder.grid_rank == 3:
        side = autoencoder.config.data.image_size // autoencoder.config.stride
        _check_frames(model_path, (side, side), config)
    held_out_source = None if validation_uri is None else _open(medium, validation_uri)
    keras.utils.set_random_seed(config.training.seed)
    with placed.scope():
        prior = models.build(models.family_of(config), config)
    record = models.record(
        config,
        data=data_uri,
        codebook=digest(autoencoder),
        class_names=list(source.class_names) if config.num_classes else [],
    )
    # Checked before the folder is created, which would refuse the corrected command.
    training.check(prior, config.training, placed)
    held_out = None
    if held_out_source is not None:
        held_out = _held_out_maps(autoencoder, held_out_source, config, record["class_names"])

    def encoded():
        logging.info("encoding %s", source.uri)
        return medium.code_maps(autoencoder, source, config.variation, config.training.seed)

    def prepare():
        workdir.prepare(path, record)
        with workdir.locked(path):
            prior_files.keep_model(path, model_path)
            if maps is None:
                prior_files.keep_codes(path, encoded, source.class_names, medium.condition)

    strategies.chief_first(prepare)
    workdir.agree(path, record)
    if maps is None:
        maps = _grids(prior_files.read_codes(path, medium.condition))
    with placed.scope():
        prior.initialize(autoencoder.code_vectors, _log_frequencies(maps, config), maps)
    settings = config.training
    crop, large = _crop_of(maps, config.crop)

    def make_dataset(start_step):
        return data.code_batches(
            large, crop, settings.batch_size, settings.seed, start_step, config.condition
        )

    def measure(prior):
        log_evaluation(validation_uri or data_uri, validation_uri)
        return mean_bits(prior, maps if held_out is None else held_out)

    return training.train(
        prior,
        make_dataset,
        settings,
        path,
        strategy=placed,
        evaluate=measure,
    )


def _presets_of(families):
    return [name for name, make in PRIORS.items() if models.family_of(make()) in families]


def _embedding_dim(autoencoder):
    """Dimension of the code vectors, if all slots share one codebook, else None."""
    vectors = autoencoder.code_vectors
    return None if vectors is None else vectors.shape[-1]


def _open(medium, uri):
    """The source of a URI: codes, or data of the medium."""
    if arguments.text("data", uri).startswith("codes:"):
        return data.open_source(uri, condition=medium.condition)
    return open_data(medium, uri)


def _grids(maps):
    """The maps with codes `[*grid, slots]`."""
    return [item | {"codes": data.grid_of(item)} for item in maps]


def _dims_of(maps, condition):
    """How many numbers a condition of numbers has; 0 if it is classes, or none."""
    value = maps[0].get(condition)
    return 0 if value is None or np.ndim(value) < 2 else value.shape[-1]


def _crop_of(maps, wanted):
    """Size of the training crops, and the maps that hold one; `wanted` if any map is as large."""
    if len(wanted) == 3:
        return _window_of(maps, wanted)
    sides = [min(item["codes"].shape[:-1]) for item in maps]
    crop = tuple(min(want, max(sides)) for want in wanted)
    large = [item for item, side in zip(maps, sides, strict=True) if side >= max(crop)]
    if len(large) < len(maps):
        logging.warning(
            "%d of %d code maps are smaller than a crop of %d codes and are not trained on; a "
            "lower --config.%s has smaller crops",
            len(maps) - len(large), len(maps), max(crop), "length" if len(crop) == 1 else "grid",
        )  # fmt: skip
    return crop, large


def _window_of(maps, wanted):
    """The same of videos, whose frames have the wanted size: a window in time."""
    longest = max(len(item["codes"]) for item in maps)
    crop = (min(wanted[0], longest), *wanted[1:])
    large = [item for item in maps if len(item["codes"]) >= crop[0]]
    if len(large) < len(maps):
        logging.warning(
            "%d of %d episodes have fewer than %d frames and are not trained on; a lower "
            "--config.frames takes shorter ones",
            len(maps) - len(large), len(maps), crop[0],
        )  # fmt: skip
    return crop, large


def _check_maps(source, maps, config):
    """Refuses maps of a `codes:` source whose codes do not fit the model."""
    sizes, rank = config.code_sizes, len(config.crop)
    for item in maps:
        codes = item["codes"]
        if item["rank"] != rank or codes.shape[-1] != len(sizes):
            raise UserError(
                f"{source.uri}: {item['name']} holds a grid of rank {item['rank']} with "
                f"{codes.shape[-1]} codes per place; the model's have rank {rank} and {len(sizes)}"
                ": give the codes of this model"
            )
        if (codes.reshape(-1, len(sizes)).max(0) >= sizes).any():
            raise UserError(
                f"{source.uri}: {item['name']} holds codes up to {codes.max()}; the model's are "
                f"below {max(sizes)}: give the codes of this model"
            )
        if rank == 3:
            _check_frames(f"{source.uri}: {item['name']}", codes.shape[1:3], config)


def _check_frames(what, frame, config):
    """Refuses frames of codes that have another size than those of a prior of videos."""
    if frame != config.grid:
        height, width = frame
        raise UserError(
            f"{what} has frames of {height} x {width} codes, and the prior's have "
            f"{config.grid[0]} x {config.grid[1]}; set --config.grid={height},{width}"
        )


def _held_out_maps(autoencoder, source, config, class_names):
    """Maps for the evaluation, with class numbers of the prior, matched by name."""
    if isinstance(source, data.CodeRecords):
        maps = _grids(source.maps())
        _check_maps(source, maps, config)
    else:
        maps = _grids(medium_of(autoencoder).code_maps(autoencoder, source))
    name = config.condition
    _check_kind(source, maps, config)
    if _dims_of(maps, name):
        return maps
    classes = ClassesByName(source.uri, source.class_names, class_names)
    return [item if item[name] is None else item | classes({name: item[name]}) for item in maps]


def _check_kind(source, maps, config):
    """Refuses held-out actions of another kind than those of training, before it begins."""
    given, taken = _dims_of(maps, config.condition), getattr(config, "action_dims", 0)
    if maps[0].get(config.condition) is None or not (config.num_classes or taken):
        return
    if given != taken:
        theirs, own = (f"{dims} numbers" if dims else "discrete" for dims in (taken, given))
        raise UserError(
            f"{source.uri}: the actions are {own}, those of the training data {theirs}; take "
            "validation data with actions of the same kind"
        )


def _log_frequencies(maps, config):
    counts = np.ones((len(config.code_sizes), max(config.code_sizes)))
    for item in maps:
        evaluation.count_slots(counts, item["codes"])
    return np.log(counts / counts.sum(1, keepdims=True))
