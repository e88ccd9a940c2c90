"""The folder that a job writes its results to."""

import os
from collections.abc import Iterable

from vqvae_tf import arguments
from vqvae_tf.errors import UserError, shown
from vqvae_tf.files import is_local


def refuse_folder_of_data(output: str, data_uri: str) -> None:
    """Refuses an output folder inside the folder of the data.

    Raises:
        UserError: results could overwrite files of the data, which may have the same names.
    """
    scheme, _, folder = arguments.text("data", data_uri).partition(":")
    if scheme == "folder" and os.path.isdir(folder) and _lies_in(output, folder):
        raise UserError(
            f"--output={output} is in the folder of the data, whose files could be overwritten; "
            "give another folder"
        )


def refuse_folder_of_files(output: str, files: Iterable[str]) -> None:
    """Refuses an output folder that holds one of the files that are read.

    Raises:
        UserError: results could overwrite the file, which may have the same name.
    """
    folder = os.path.realpath(output)
    for file in files:
        if is_local(file) and folder in (
            os.path.realpath(os.path.dirname(file) or "."),
            os.path.dirname(os.path.realpath(file)),
        ):
            raise UserError(
                f"--output={output} holds {shown(file)}, a file of the data, which could be "
                "overwritten; give another folder"
            )


def _lies_in(path, folder):
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([path, folder]) == folder
