"""Samples a prior, decodes the codes, and writes pictures or sounds."""

import math
import os
import re

import numpy as np
import tqdm

from vqvae_tf import arguments, written_files
from vqvae_tf.config.limits import LARGEST_GRID, MOST_DRAWS, MOST_SAMPLES
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.files import names_in
from vqvae_tf.media import medium_of
from vqvae_tf.media.output_files import write_codes
from vqvae_tf.text_numbers import whole_number
from vqvae_tf.workflows.load import class_names, load_pair
from vqvae_tf.workflows.prefix_file import read_prefix

BLOCK = 16  # samples drawn together: a step of the progress bar
_RESULT = re.compile(r"codes\.npz|sheet\.\w+|sample_\d+\.\w+")
_SHOWN = 80  # characters of a label in an error


def sample(
    path: str,
    output: str,
    *,
    count: int = 16,
    label: str | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    grid: tuple[int, ...] | None = None,
    prefix: str | None = None,
    best_of: int = 1,
) -> list[str]:
    """Draws codes from a prior, decodes them and writes both.

    Args:
        path: the prior's workdir.
        output: folder for `sample_000.png`, ... and all of them in `sheet.png`, or for sounds
            `sample_000.wav`, ...; and for `codes.npz`.
        count: number of samples.
        label: name or number of a class; None samples without one.
        seed: seed of the draws; sample 3 of a seed is the same whatever `count` is.
        temperature, top_k, top_p: see `vqvae_tf.networks.PixelCNN.sample`.
        grid: size in codes: (height, width), for sounds (time,); None means the size that the prior
            was trained on.
        prefix: an `.npz` file of given codes, `codes` (`[count or 1, height, width]`, for sounds
            `[count or 1, time]`, -1 where free).
        best_of: draw this many per sample and keep the likeliest.

    Returns:
        The paths of the written files.

    Raises:
        UserError: for bad input, or if `output` holds a file of the name of a result that the
            library did not write.
    """
    output = arguments.path("output", output)
    count = arguments.whole("count", count, 1, MOST_SAMPLES)
    best_of = arguments.whole("best_of", best_of, 1, MOST_DRAWS)
    grid = None if grid is None else arguments.wholes("grid", grid, least=1)
    for name in names_in(output):
        if _RESULT.fullmatch(name):
            written_files.check(os.path.join(output, name))
    number = None if label is None else class_number(path, label)
    prior, autoencoder = load_pair(path)
    rank, sizes = prior.grid_rank, prior.config.code_sizes
    given = None
    if prefix is not None:
        given = read_prefix(arguments.path("prefix", prefix), count, rank, sizes)
    if grid is None:
        grid = prior.config.crop if given is None else given.shape[1 : 1 + rank]
    if math.prod(grid) * len(sizes) > LARGEST_GRID:
        raise UserError(
            f"a grid of {' x '.join(map(str, grid))} has more than {LARGEST_GRID:,} codes; take a "
            "smaller one"
        )
    names = class_names(path)
    codes = _draw(
        prior,
        count,
        given,
        grid=grid,
        seed=seed,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        best_of=best_of,
        **({} if number is None else {prior.config.condition: number}),
    )
    told = {} if number is None else {prior.config.condition: names[number]}
    archive = os.path.join(output, "codes.npz")
    with written_files.results(output, "samples"):
        written = medium_of(autoencoder).write_samples(autoencoder, codes, output, told)
        write_codes(archive, codes)
    return [*written, archive]


def class_number(path: str, label: str) -> int:
    """Number of a class of the prior in `path`, given by its name or its number.

    Raises:
        UserError: for an unknown class; the message suggests the nearest names.
    """
    label = arguments.text("label", label)
    names = class_names(path)
    if label in names:
        return names.index(label)
    number = whole_number(label)
    if number is not None and number < len(names):
        return number
    shown = disk.printable(label[:_SHOWN]) + ("..." if len(label) > _SHOWN else "")
    if not names:
        raise UserError(f'the prior in {path} was trained without classes; leave out "{shown}"')
    raise UserError(f'unknown class "{shown}"; {nearest(label, names)}')


def _draw(prior, count, prefix, **controls):
    """Codes of all samples, block by block, with a progress bar."""
    size = -(-count // -(-count // BLOCK))  # blocks of near-equal size
    blocks = []
    with tqdm.tqdm(total=count, desc="sampling", unit="sample", disable=None, leave=False) as bar:
        for first in range(0, count, size):
            # The last block may be short: it is drawn at full size and cut off below, as another
            # size would be compiled again.
            members = np.minimum(np.arange(first, first + size), count - 1)
            own = prefix if prefix is None or len(prefix) != count else prefix[members]
            drawn = prior.sample(size, prefix=own, first_sample=first, **controls)
            blocks.append(np.asarray(drawn)[: count - first])
            bar.update(len(blocks[-1]))
    return np.concatenate(blocks)
