"""Converts recordings to the voice of a speaker whom a model knows."""

from vqvae_tf import arguments, written_files
from vqvae_tf.errors import UserError
from vqvae_tf.media import AudioMedium, medium_of
from vqvae_tf.workflows.load import load_autoencoder
from vqvae_tf.workflows.open_data import open_data
from vqvae_tf.workflows.output_folder import refuse_folder_of_data, refuse_folder_of_files


def convert(
    model_path: str, speaker: str, data_uri: str, output: str, count: int | None = None
) -> int:
    """Writes recordings as `NAME.wav`, decoded from their codes in another voice.

    The codes hold what is said, the speaker is told to the decoder: so the source speaker need not
    be one of the model's. NAME is the file's, with a number appended to a name that is taken.

    Args:
        model_path: workdir of an autoencoder of sound that was trained with speakers.
        speaker: the name of one of them.
        data_uri: the recordings, of any speakers.
        output: folder for the results.
        count: how many at most; None for all.

    Returns:
        How many were written.

    Raises:
        UserError: for a model without speakers, a speaker whom it does not know, or an `output`
            that is in the folder of the data, holds files of a manifest, or holds a file of the
            name of a result that the library did not write.
    """
    output = arguments.path("output", output)
    speaker = arguments.text("speaker", speaker)
    count = None if count is None else arguments.whole("count", count, least=1)
    refuse_folder_of_data(output, data_uri)
    model = load_autoencoder(model_path)
    medium = medium_of(model)
    if not isinstance(medium, AudioMedium):
        raise UserError(f"{model_path} holds a model of {model.data_key}; take one of audio")
    medium.check_speaker(model, speaker)
    source = open_data(medium, data_uri)
    refuse_folder_of_files(output, source.files)
    with written_files.results(output, "conversions"):
        return medium.convert(model, source, output, speaker, count)
