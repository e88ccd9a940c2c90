"""Samples a prior, decodes the codes, and writes pictures, sounds or videos."""

import math
import os
import re

import numpy as np
import tqdm

from vqvae_tf import arguments, written_files
from vqvae_tf.config.limits import LARGEST_GRID, MOST_DRAWS, MOST_SAMPLES
from vqvae_tf.data import disk
from vqvae_tf.errors import UserError, listed, nearest
from vqvae_tf.files import names_in
from vqvae_tf.media import VideoMedium, medium_of
from vqvae_tf.media.output_files import write_codes
from vqvae_tf.text_numbers import whole_number
from vqvae_tf.training import workdir
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
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    grid: tuple[int, ...] | None = None,
    prefix: str | None = None,
    best_of: int = 1,
    **conditions: str | None,
) -> list[str]:
    """Draws codes from a prior, decodes them and writes both.

    Args:
        path: the prior's workdir.
        output: folder for `sample_000.png`, ... and all of them in `sheet.png`, or for sounds
            `sample_000.wav`, ...; and for `codes.npz`.
        count: number of samples.
        seed: seed of the draws; sample 3 of a seed is the same whatever `count` is.
        temperature, top_k, top_p: see `vqvae_tf.networks.PixelCNN.sample`.
        grid: size in codes: (height, width), for sounds (time,), for videos (time, height, width);
            None means the size that the prior was trained on.
        prefix: an `.npz` file of given codes, `codes` (`[count or 1, height, width]`, for sounds
            `[count or 1, time]`, -1 where free).
        best_of: draw this many per sample and keep the likeliest.
        **conditions: name or number of a class, under the name of the prior's condition: `label`,
            or `speaker` for sounds; without it samples are of any class.

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
    numbers = {
        name: class_number(path, name, given)
        for name, given in conditions.items()
        if given is not None
    }
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
        **numbers,
    )
    names = class_names(path)
    told = {name: names[number] for name, number in numbers.items()}
    archive = os.path.join(output, "codes.npz")
    with written_files.results(output, "samples"):
        written = medium_of(autoencoder).write_samples(autoencoder, codes, output, told)
        write_codes(archive, codes)
    return [*written, archive]


def class_number(path: str, condition: str, given: str) -> int:
    """Number of a class of the prior in `path`.

    Args:
        path: the prior's workdir.
        condition: name of the condition that the class is one of.
        given: the name or the number of the class.

    Raises:
        UserError: for another condition than the prior's, and for an unknown class; the message has
            the nearest names.
    """
    record = workdir.read(path)
    own, names = record.get("config", {}).get("condition"), record.get("class_names", [])
    given = arguments.text(condition, given)
    if own is None:
        raise UserError(f"{path} holds no prior but a model of family {record.get('family')}")
    if not names:
        raise UserError(f"the prior in {path} was trained without classes; leave --{condition} out")
    if own == VideoMedium.condition != condition:
        raise UserError(
            f"the prior in {path} takes an action for each frame; name actions in vqvae-rollout, "
            f"or leave --{condition} out"
        )
    if condition != own:
        raise UserError(
            f"the prior in {path} takes no --{condition} but --{own}, one of {listed(names)}"
        )
    if given in names:
        return names.index(given)
    number = whole_number(given)
    if number is not None and number < len(names):
        return number
    shown = disk.printable(given[:_SHOWN]) + ("..." if len(given) > _SHOWN else "")
    raise UserError(f'unknown {own} "{shown}"; {nearest(given, names)}')


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
