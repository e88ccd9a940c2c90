"""The files that jobs write for people: their names, and pictures, sounds and codes."""

import io
import os

import numpy as np

from vqvae_tf import reporting
from vqvae_tf.data import disk
from vqvae_tf.files import write_bytes

_NAME_BYTES = 200  # of a file's name; file systems take 255, with endings and `.part`


def new_name(name: str, names: set[str], endings: tuple[str, ...] = ("",)) -> str:
    """A file's name for what has that name, without its ending; in small letters it joins `names`.

    Folders become part of it; what no file system takes is written as an escape, very long names
    are cut, and a number is appended to one that is in `names` already.

    Args:
        name: of a picture or a sound.
        names: those that are taken.
        endings: what files of this name have behind it, where names of others may end so too.

    >>> names = set()
    >>> [new_name(name, names) for name in ("a/b.png", "a_b.jpg", "A_b", "../c.png", "")]
    ['a_b', 'a_b_1', 'A_b_2', '_._c', 'unnamed']
    """
    name = disk.printable(os.path.splitext(name)[0]).replace("/", "_")
    name = name.encode()[:_NAME_BYTES].decode(errors="ignore")
    if name.startswith("."):  # hidden, or a folder's own name
        name = "_" + name[1:]
    name = name or "unnamed"
    number, unique = len(names), name
    while not names.isdisjoint(wanted := {(unique + end).casefold() for end in endings}):
        unique = f"{name}_{number}"
        number += 1
    names |= wanted
    return unique


def write_codes(path: str, codes: np.ndarray) -> None:
    """Writes codes as the array `codes` of an NPZ file."""
    file = io.BytesIO()
    np.savez_compressed(file, codes=np.asarray(codes))
    write_bytes(path, file.getvalue())


def write_png(path: str, image: np.ndarray) -> None:
    """Writes a picture as a PNG file."""
    write_bytes(path, reporting.encode_png(image))


def write_wav(path: str, audio: np.ndarray, sample_rate: int) -> None:
    """Writes float samples in [-1, 1] as 16-bit PCM."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(audio, -1.0, 1.0), sample_rate, "PCM_16", format="WAV")
    write_bytes(path, file.getvalue())
