"""Checks that results can be written to the path of a flag, before they are computed."""

import os

from absl import flags

from vqvae_tf.errors import UserError


def check_folder(flag: flags.FlagHolder) -> None:
    """Refuses a path that cannot be a folder for results."""
    path = flag.value
    if os.path.lexists(path) and not os.path.isdir(path):
        raise UserError(f"{flag.name} {path} is a file; give a folder")
    _check_writable(flag.name, path)


def check_file(flag: flags.FlagHolder) -> None:
    """Refuses a file for results that cannot be written; None means no file."""
    path = flag.value
    if path is None:
        return
    if os.path.isdir(path):
        raise UserError(f"{flag.name} {path} is a folder; give the name of a file")
    folder = os.path.dirname(path)
    if folder and "://" not in path and not os.path.isdir(folder):
        raise UserError(f"{flag.name}: there is no folder {folder}; make it first")
    _check_writable(flag.name, folder)


def _check_writable(name, path):
    """Refuses a local path whose nearest existing folder is not writable."""
    if "://" in path:
        return
    folder = os.path.abspath(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise UserError(f"{name}: {folder} is not a folder; give another path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{name}: {folder} cannot be written to; give another path")
