"""Names of output files, and functions that write pictures, videos, sounds and codes.

They replace only what the library wrote (`written_files`).
"""

import contextlib
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import reporting
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError
from vqvae_tf.reporting.sounds import MOST_SAMPLES, pcm, wav_header
from vqvae_tf.written_files import replacing, write_bytes

_NAME_BYTES = 200  # of a file's name; file systems take 255, with endings and `.part`


def new_name(name: str, names: set[str], endings: tuple[str, ...] = ("",)) -> str:
    """A new file name, without its ending, for an example; it is added to `names` in lower case.

    Folders become part of it. Characters that a file system may refuse are escaped, very long names
    are cut, and a number is appended to a name that is already in `names`.

    Args:
        name: name of a picture or a sound.
        names: names that are already used.
        endings: endings of the files with this name, if other names may end like that too.

    >>> names = set()
    >>> [new_name(name, names) for name in ("a/b.png", "a_b.jpg", "A_b", "../c.png", "")]
    ['a_b', 'a_b_1', 'A_b_2', '_._c', 'unnamed']
    """
    name = disk.printable(os.path.splitext(name)[0]).replace("/", "_")
    name = name.encode()[:_NAME_BYTES].decode(errors="ignore")
    if name.startswith("."):  # hidden, or a name of a folder such as ".."
        name = "_" + name[1:]
    name = name or "unnamed"
    number, unique = len(names), name
    while not names.isdisjoint(wanted := {(unique + end).casefold() for end in endings}):
        unique = f"{name}_{number}"
        number += 1
    names |= wanted
    return unique


def write_codes(path: str, codes: np.ndarray, **more: np.ndarray) -> None:
    """Writes codes as the array `codes` of an NPZ file, and more arrays by name."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {"codes": np.asarray(codes), **more}
    np.savez_compressed(file, **arrays)
    write_bytes(path, file.getvalue())


def write_png(path: str, image: np.ndarray) -> None:
    """Writes a picture as a PNG file."""
    write_bytes(path, reporting.encode_png(image))


def write_mp4(path: str, frames: Iterable[np.ndarray], rate: int) -> None:
    """Writes frames `[height, width, channels]` as an MP4 file of `rate` frames a second."""
    write_bytes(path, reporting.encode_mp4(frames, rate))


def write_wav(path: str, audio: np.ndarray, sample_rate: int) -> None:
    """Writes float samples in [-1, 1] as 16-bit PCM."""
    write_wav_pieces(path, [audio], len(audio), sample_rate)


def write_wav_pieces(
    path: str, pieces: Iterable[np.ndarray], samples: int, sample_rate: int
) -> None:
    """`write_wav` of pieces as they come, of `samples` in all."""
    write_wavs([path], (piece[None] for piece in pieces), samples, sample_rate)


def write_wavs(
    paths: Sequence[str], blocks: Iterable[np.ndarray], samples: int, sample_rate: int
) -> None:
    """`write_wav` of several sounds at once, of `samples` each.

    Args:
        paths: of the files.
        blocks: one after the other, `[sounds, time]`.
        samples: of each sound, over all blocks.
        sample_rate: in Hz.

    Raises:
        UserError: for sounds that are too long for a WAV file, or that cannot be written.
    """
    if samples > MOST_SAMPLES:
        raise UserError(
            f"{paths[0]}: {samples:,} samples are too many for a WAV file, which holds "
            f"{MOST_SAMPLES:,}; take shorter sounds"
        )
    # Not by `wave`, which goes back to the header when a sound ends early: `GFile` cannot, and its
    # error would hide the reason.
    header = wav_header(samples, sample_rate)
    with contextlib.ExitStack() as stack:
        sounds = []
        for path in paths:
            file = stack.enter_context(
                tf.io.gfile.GFile(stack.enter_context(replacing(path)), "wb")
            )
            file.write(header)
            sounds.append(file)
        for block in blocks:
            for sound, row in zip(sounds, block, strict=True):
                sound.write(pcm(row))
