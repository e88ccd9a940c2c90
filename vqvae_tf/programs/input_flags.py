"""Checks of what programs read, before TensorFlow is imported, which takes seconds.

The library checks the same, and it alone checks paths that are not on this machine (`gs://...`).
"""

import os
import pathlib

from absl import flags

from vqvae_tf.errors import UserError, nearest

SCHEMES = ("codes", "embedded", "folder", "manifest", "tfds", "tfrecord")  # of all media
_WILDCARDS = "*?[\\"


def check_workdir(flag: flags.FlagHolder) -> None:
    """Refuses a local folder that is no workdir of a training run; None means no workdir."""
    if flag.value is None or not _is_local(flag.value):
        return
    record = os.path.join(flag.value, "config.json")
    if not os.path.exists(record):
        raise UserError(f"{record} does not exist; give the workdir of a training run")


def check_data(flag: flags.FlagHolder) -> None:
    """Refuses a URI of no known scheme, and one of local files that do not exist; None means none.

    Raises:
        UserError: with the message that `vqvae_tf.data` would give.
    """
    uri = flag.value
    if uri is None:
        return
    scheme, separator, rest = uri.partition(":")
    if not separator:
        raise UserError(
            f'unknown data source "{uri}"; give SCHEME:NAME, such as {_meant(uri)} (schemes: '
            f"{', '.join(SCHEMES)})"
        )
    if scheme not in SCHEMES:
        raise UserError(
            f'unknown data source "{uri}"; give SCHEME:NAME; {nearest(scheme, SCHEMES)}'
        )
    if not rest:
        raise UserError(f'"{uri}" has no name; give {scheme}:NAME')
    if not _is_local(rest):
        return
    if scheme == "folder" and not os.path.isdir(rest):
        raise UserError(f'{uri}: there is no folder "{rest}"; give the path of an existing one')
    # Behind the path of a manifest there may be a split, which may hold slashes too.
    paths = (rest, *pathlib.PurePath(rest).parents)
    if scheme == "manifest" and not any(map(os.path.isfile, paths)):
        raise UserError(f'{uri}: there is no file "{rest}"; give the path of an existing one')
    if scheme in ("codes", "tfrecord") and not _may_match(rest):
        raise UserError(f'{uri}: no file matches "{rest}"; give the path or glob of shards')


def check_file(flag: flags.FlagHolder) -> None:
    """Refuses a local path without a file; None means no file."""
    path = flag.value
    if path is not None and _is_local(path) and not os.path.isfile(path):
        raise UserError(f"{flag.name}: there is no file {path}; give the path of an existing one")


def _meant(path):
    """The URI that a path without a scheme may stand for, and what that would read."""
    if not os.path.isfile(path):
        return f"folder:{path} for a folder of this name"
    ending = os.path.splitext(path)[1].lower()
    if ending in (".csv", ".jsonl"):
        return f"manifest:{path} for the sounds that it lists"
    if ending == ".tfrecord":
        return f"tfrecord:{path} for its records"
    return f"folder:{os.path.dirname(path) or '.'} for the folder of this file"


def _may_match(pattern):
    """Whether a glob may match a file: whether the folder before its first wildcard exists."""
    fixed = next((at for at, letter in enumerate(pattern) if letter in _WILDCARDS), None)
    if fixed is None or os.path.lexists(pattern):
        return os.path.lexists(pattern)
    return os.path.isdir(os.path.dirname(pattern[:fixed]) or ".")


def _is_local(path):
    return "://" not in path
