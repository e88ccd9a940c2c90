"""Writes reconstructions of a data set next to the originals, and their codes."""

from vqvae_tf import arguments, models, written_files
from vqvae_tf.media import medium_of
from vqvae_tf.workflows.load import load_autoencoder
from vqvae_tf.workflows.open_data import open_data
from vqvae_tf.workflows.output_folder import refuse_folder_of_data, refuse_folder_of_files


def reconstruct(
    model_path: str,
    data_uri: str,
    output: str,
    count: int | None = None,
    search_passes: int = 0,
) -> int:
    """Writes reconstructions, the originals and the codes.

    For each picture, `NAME.png` shows the original and the reconstruction side by side. For each
    sound, `NAME.original.wav` is the original and `NAME.wav` the reconstruction. `NAME.npz` holds
    the codes as `codes`. NAME is that of the file; a number is appended if two files have the same
    name.

    Args:
        model_path: workdir of the autoencoder.
        data_uri: the pictures, sounds or episodes.
        output: folder for the results.
        count: maximal number of examples; None for all.
        search_passes: passes of `models.CodeSearch`; with none the nearest codes are used.

    Returns:
        The number of examples written.

    Raises:
        UserError: for bad input, or if `output` is in the folder of the data, holds files of a
            manifest, or holds a file of the name of a result that the library did not write.
    """
    output = arguments.path("output", output)
    count = None if count is None else arguments.whole("count", count, least=1)
    search_passes = arguments.whole("search_passes", search_passes, least=0)
    refuse_folder_of_data(output, data_uri)
    model = load_autoencoder(model_path)
    search = models.CodeSearch(model, passes=search_passes).encode if search_passes else None
    medium = medium_of(model)
    source = open_data(medium, data_uri)
    refuse_folder_of_files(output, source.files)
    with written_files.results(output, "reconstructions"):
        return medium.reconstruct(model, source, output, count, search)
