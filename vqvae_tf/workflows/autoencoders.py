"""An autoencoder from a configuration and a data URI: trained, measured, shown at work."""

import functools
import os
from typing import Any

import keras

from vqvae_tf import models, training
from vqvae_tf.errors import UserError
from vqvae_tf.media import medium_of
from vqvae_tf.training import strategies, workdir
from vqvae_tf.workflows.labels import LabelsByName
from vqvae_tf.workflows.priors import bits_of
from vqvae_tf.workflows.trained import load_autoencoder, load_pair


@strategies.naming_lost_peers()
def train(
    config: models.AutoencoderConfig,
    data_uri: str,
    path: str,
    *,
    validation_uri: str | None = None,
    strategy: str = "default",
) -> dict[str, Any]:
    """Trains an autoencoder in the workdir `path`, or goes on with the one in it.

    Args:
        config: its configuration.
        data_uri: the training pictures, as in `vqvae_tf.data.open_source`, or sounds, as in
            `vqvae_tf.data.open_sounds`.
        path: the workdir.
        validation_uri: those to evaluate on, whole; None takes the training data.
        strategy: a name of `vqvae_tf.training.strategies.get`.

    Returns:
        The last evaluation, as the medium's `measure` gives it.

    Raises:
        UserError: for anything that the user can put right.
    """
    placed = strategies.get(strategy)
    medium = medium_of(models.FAMILIES[models.family_of(config)])
    source = medium.open_source(data_uri)
    held_out = source if validation_uri is None else medium.open_source(validation_uri)
    config = medium.fitted(config, source)
    keras.utils.set_random_seed(config.training.seed)
    with placed.scope():
        model = models.build(models.family_of(config), config)

    @functools.cache  # the data may be held in it
    def make_dataset(start_step):
        return medium.batches(source, config, start_step)

    # What is refused leaves no folder behind, which would refuse the corrected command.
    training.check(model, config.training, placed)
    make_dataset(0)
    if held_out is not source:
        next(medium.code_maps(model, held_out), None)  # the first that can be read, or an error
    record = models.record(config, data=data_uri)
    strategies.chief_first(lambda: workdir.prepare(path, record))
    workdir.agree(path, record)
    return training.train(
        model,
        make_dataset,
        config.training,
        path,
        strategy=placed,
        evaluate=lambda model: medium.measure(model, held_out),
    )


def evaluate(
    model_path: str,
    data_uri: str,
    prior_path: str | None = None,
    *,
    search_passes: int = 0,
    rate_weight: float = 0.0,
) -> dict[str, Any]:
    """Evaluates a trained autoencoder, and the prior over its codes if there is one.

    The prior is given the data's labels, by the names of the classes that it was trained with; the
    log says which it is not given.

    Args:
        model_path, prior_path: their workdirs.
        data_uri: the pictures or sounds.
        search_passes, rate_weight: of a `models.CodeSearch`; without passes the codes are the
            nearest.

    Raises:
        UserError: also if the prior was trained on another codebook.
    """
    model = load_autoencoder(model_path)
    medium = medium_of(model)
    source = medium.open_source(data_uri)
    prior = prior_bits = search = None
    known = []
    if prior_path is not None:
        prior, _ = load_pair(prior_path, expected=model)
        known = workdir.read(prior_path).get("class_names", [])
    labels = LabelsByName(source.uri, source.class_names, known)
    if prior is not None:
        prior_bits = labels.applied_to(bits_of(prior))
    if search_passes or rate_weight:
        found = models.CodeSearch(model, passes=search_passes, prior=prior, rate_weight=rate_weight)
        search = labels.applied_to(found.encode)
    return medium.measure(model, source, prior_bits, search)


def reconstruct(
    model_path: str,
    data_uri: str,
    output: str,
    count: int | None = None,
    search_passes: int = 0,
) -> int:
    """Writes reconstructions beside what they are of, and their codes.

    For each picture `NAME.png` holds original and reconstruction side by side; of a sound,
    `NAME.original.wav` the one and `NAME.wav` the other. `NAME.npz` holds the codes as `codes`.
    NAME is the file's, with its number behind it where two would have the same.

    Args:
        model_path: workdir of the autoencoder.
        data_uri: the pictures or sounds.
        output: folder for the results.
        count: how many at most; None for all.
        search_passes: of a `models.CodeSearch`; without any the codes are the nearest.

    Returns:
        How many were written.

    Raises:
        UserError: also if `output` is in the folder of the data, whose files have such names too.
    """
    scheme, _, folder = data_uri.partition(":")
    if scheme == "folder" and _lies_in(output, folder):
        raise UserError(
            f"--output={output} lies in the folder of the data, whose files could be overwritten; "
            "give another folder"
        )
    model = load_autoencoder(model_path)
    search = models.CodeSearch(model, passes=search_passes).encode if search_passes else None
    medium = medium_of(model)
    source = medium.open_source(data_uri)
    os.makedirs(output, exist_ok=True)
    return medium.reconstruct(model, source, output, count, search)


def _lies_in(path, folder):
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder
