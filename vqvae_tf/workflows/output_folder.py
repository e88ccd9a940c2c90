"""The folder that a job writes its results to."""

import os

from vqvae_tf.errors import UserError


def refuse_folder_of_data(output: str, data_uri: str) -> None:
    """Refuses an output folder inside the folder of the data.

    Raises:
        UserError: results could overwrite files of the data, which may have the same names.
    """
    scheme, _, folder = data_uri.partition(":")
    if scheme == "folder" and _lies_in(output, folder):
        raise UserError(
            f"--output={output} is in the folder of the data, whose files could be overwritten; "
            "give another folder"
        )


def _lies_in(path, folder):
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder
