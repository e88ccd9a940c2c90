"""Writes reconstructions of a data set next to the originals, and their codes."""

import os

from vqvae_tf import models
from vqvae_tf.media import medium_of
from vqvae_tf.workflows.load import load_autoencoder
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
        data_uri: the pictures or sounds.
        output: folder for the results.
        count: maximal number of examples; None for all.
        search_passes: passes of `models.CodeSearch`; with none the nearest codes are used.

    Returns:
        The number of examples written.

    Raises:
        UserError: for bad input, or if `output` is in the folder of the data or holds files of a
            manifest, which could be overwritten.
    """
    refuse_folder_of_data(output, data_uri)
    model = load_autoencoder(model_path)
    search = models.CodeSearch(model, passes=search_passes).encode if search_passes else None
    medium = medium_of(model)
    source = medium.open_source(data_uri)
    refuse_folder_of_files(output, source.files)
    os.makedirs(output, exist_ok=True)
    return medium.reconstruct(model, source, output, count, search)
