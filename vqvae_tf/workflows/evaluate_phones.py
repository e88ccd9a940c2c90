"""Evaluates what the codes of a model of speech say about phones."""

from typing import Any

from vqvae_tf import arguments, reporting, written_files
from vqvae_tf.errors import UserError
from vqvae_tf.media import AudioMedium, medium_of, phone_evaluation
from vqvae_tf.media.output_files import write_png
from vqvae_tf.workflows.load import load_autoencoder
from vqvae_tf.workflows.open_data import open_data


def evaluate_phones(
    model_path: str, data_uri: str, training_uri: str, picture: str | None = None
) -> dict[str, Any]:
    """Figures of `media.phone_evaluation.evaluate`, and a picture of the table behind them.

    Args:
        model_path: workdir of an autoencoder of sound.
        data_uri: sounds with phones that the map of codes to phones is scored on.
        training_uri: those that it is fitted on.
        picture: a PNG file to write: p(phone | code) on the training data.

    Raises:
        UserError: for a model of something else, sounds without phones, or a `picture` that the
            library did not write.
    """
    if picture is not None:
        picture = arguments.path("picture", picture)
        written_files.check(picture)
    model = load_autoencoder(model_path)
    medium = medium_of(model)
    if not isinstance(medium, AudioMedium):
        raise UserError(f"{model_path} holds a model of {model.data_key}; phones need one of audio")
    results = phone_evaluation.evaluate(
        model, open_data(medium, training_uri), open_data(medium, data_uri)
    )
    if picture is not None:
        shares, codes, phones = phone_evaluation.shares_of_phones(results)
        image = reporting.heat_map(shares, codes, phones, row_label="codes", column_label="phones")
        write_png(picture, image)
    return results
