"""Writes reconstructions of a data set next to the originals, and their codes."""

import os

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.media import medium_of
from vqvae_tf.workflows.load import load_autoencoder


def reconstruct(
    model_path: str,
    data_uri: str,
    output: str,
    count: int | None = None,
    search_passes: int = 0,
) -> int:
    """Writes reconstructions, the originals and the codes.

    For each picture `NAME.png` holds original and reconstruction side by side; of a sound,
    `NAME.original.wav` the one and `NAME.wav` the other. `NAME.npz` holds the codes as `codes`.
    NAME is the file's; its number is appended where two files have the same name.

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
