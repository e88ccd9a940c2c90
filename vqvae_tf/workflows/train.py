"""Trains an autoencoder: from a configuration and a data URI to a workdir."""

import functools
from typing import Any

import keras

from vqvae_tf import arguments, models, training
from vqvae_tf.errors import UserError
from vqvae_tf.media import medium_of
from vqvae_tf.training import strategies, workdir
from vqvae_tf.workflows.load import digest, load_autoencoder
from vqvae_tf.workflows.log_evaluation import log_evaluation
from vqvae_tf.workflows.open_data import open_data


@strategies.naming_lost_peers()
def train(
    config: models.AutoencoderConfig,
    data_uri: str,
    path: str,
    *,
    validation_uri: str | None = None,
    codes_from: str | None = None,
    strategy: str = "default",
) -> dict[str, Any]:
    """Trains an autoencoder in the workdir `path`, or resumes the one in it.

    Args:
        config: configuration of the autoencoder.
        data_uri: the training pictures, as in `vqvae_tf.data.open_source`, or sounds, as in
            `vqvae_tf.data.open_sounds`.
        path: the workdir.
        validation_uri: data for the evaluation, uncropped; None means the training data.
        codes_from: workdir of a trained model of sound: its encoder and quantizer are taken as they
            are, the fields of `config` that decide codes with them, and only the decoder is
            trained.
        strategy: a name of `vqvae_tf.training.strategies.get`.

    Returns:
        The last evaluation, as returned by the medium's `measure`.

    Raises:
        UserError: for anything that the user can correct.
    """
    path = arguments.path("workdir", path)
    placed = strategies.get(strategy)
    family = models.FAMILIES[models.family_of(config)]
    if issubclass(family, models.Prior):
        raise UserError(
            f"train takes the configuration of an autoencoder; received {type(config).__name__}, "
            "which train_prior takes"
        )
    medium = medium_of(family)
    source = open_data(medium, data_uri)
    held_out = source if validation_uri is None else open_data(medium, validation_uri)
    coder = None
    if codes_from is not None:
        coder = load_autoencoder(arguments.path("codes_from", codes_from))
    if coder is not None:
        config = config.with_codes_of(coder.config)
    elif getattr(config, "frozen_codes", False):
        raise UserError("frozen_codes needs --codes_from, the workdir of the model of the codes")
    config = medium.fitted(config, source)
    keras.utils.set_random_seed(config.training.seed)
    with placed.scope():
        model = models.build(models.family_of(config), config)
        if coder is not None:
            model.take_codes_of(coder)

    @functools.cache  # the dataset may hold the data
    def make_dataset(start_step):
        return medium.batches(source, config, start_step)

    def measure(model):
        log_evaluation(held_out.uri, validation_uri)
        return medium.measure(model, held_out)

    # Checked before the folder is created, which would refuse the corrected command.
    training.check(model, config.training, placed)
    make_dataset(0)
    if held_out is not source:
        next(medium.code_maps(model, held_out), None)  # the first that can be read, or an error
    record = models.record(config, data=data_uri)
    if coder is not None:  # a resumed run keeps its codes, which must be those of the coder
        record["codes_from"] = {"weights": digest(coder)}
    strategies.chief_first(lambda: workdir.prepare(path, record))
    workdir.agree(path, record)
    return training.train(
        model,
        make_dataset,
        config.training,
        path,
        strategy=placed,
        evaluate=measure,
    )
