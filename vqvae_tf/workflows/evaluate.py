"""Evaluates a trained autoencoder, with or without a prior over its codes."""

from typing import Any

from vqvae_tf import arguments, models
from vqvae_tf.media import medium_of
from vqvae_tf.workflows.classes_by_name import ClassesByName
from vqvae_tf.workflows.load import class_names, load_autoencoder, load_pair
from vqvae_tf.workflows.open_data import open_data
from vqvae_tf.workflows.prior_bits import bits_of


def evaluate(
    model_path: str,
    data_uri: str,
    prior_path: str | None = None,
    *,
    search_passes: int = 0,
    rate_weight: float = 0.0,
) -> dict[str, Any]:
    """Evaluates a trained autoencoder, and the prior over its codes if there is one.

    The prior gets the labels of the data, matched by the names of its classes; labels that it
    does not get are logged.

    Args:
        model_path, prior_path: workdirs of the autoencoder and of the prior.
        data_uri: the pictures, sounds or episodes.
        search_passes, rate_weight: arguments of `models.CodeSearch`; with no passes the nearest
            codes are used.

    Raises:
        UserError: for bad input, or if the prior was trained on another codebook.
    """
    search_passes = arguments.whole("search_passes", search_passes, least=0)
    rate_weight = arguments.not_negative("rate_weight", rate_weight)
    model = load_autoencoder(model_path)
    medium = medium_of(model)
    source = open_data(medium, data_uri)
    prior = prior_bits = search = None
    known = []
    if prior_path is not None:
        prior, _ = load_pair(prior_path, expected=model)
        known = class_names(prior_path)
    classes = ClassesByName(source.uri, source.class_names, known)
    if prior is not None:
        prior_bits = classes.applied_to(bits_of(prior))
    if search_passes or rate_weight:
        found = models.CodeSearch(model, passes=search_passes, prior=prior, rate_weight=rate_weight)
        search = classes.applied_to(found.encode)
    return medium.measure(model, source, prior_bits, search)
