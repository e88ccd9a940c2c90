"""Figures computed from the demo's facts: rates, codecs for comparison, largest errors."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from vqvae_tf.demo.facts import Photograph
from vqvae_tf.reporting import codecs


@dataclasses.dataclass(frozen=True)
class Rate:
    """The rate of pictures with one way of storing their codes, and codecs at this rate.

    Attributes:
        name: "plain codes" or "codes with the prior".
        bits_per_pixel: mean over all of the pictures.
        codecs: "jpeg" or "webp" -> its best result in no more bits, None if it needs more.
    """

    name: str
    bits_per_pixel: float
    codecs: Mapping[str, codecs.CodecResult | None]


@dataclasses.dataclass(frozen=True)
class Measured:
    """Pictures with the figures computed from them.

    Attributes:
        title: title of the group.
        photographs: the pictures.
        psnr: PSNR of the squared error of all of them, in dB.
        prior_bits_per_code: mean over all of their codes; None if unknown for any picture.
        rates: rates of plain codes and, if known, with the prior.
    """

    title: str
    photographs: Sequence[Photograph]
    psnr: float
    prior_bits_per_code: float | None
    rates: Sequence[Rate]

    @property
    def originals(self) -> list[np.ndarray]:
        return [photograph.original for photograph in self.photographs]


def measure(
    title: str,
    photographs: Sequence[Photograph],
    num_embeddings: int,
    formats: Sequence[str] = ("jpeg",),
) -> Measured:
    """Computes the rates and the PSNR of pictures.

    >>> grey = np.zeros((8, 8, 3), np.uint8)
    >>> photograph = Photograph("a", "grey", grey, grey, np.zeros((2, 2), int), 1.0, 4.0)
    >>> [(rate.name, rate.bits_per_pixel) for rate in measure("all", [photograph], 512).rates]
    [('plain codes', 0.5625), ('codes with the prior', 0.25)]
    """
    originals = [photograph.original for photograph in photographs]
    psnr = codecs.pooled_psnr(originals, [photograph.reconstruction for photograph in photographs])
    count = sum(photograph.codes.size for photograph in photographs)
    known = [p.prior_bits_per_code for p in photographs if p.prior_bits_per_code is not None]
    prior = None
    if len(known) == len(photographs):
        prior = sum(p.codes.size * bits for p, bits in zip(photographs, known, strict=True)) / count
    codes_per_pixel = count / sum(photograph.pixels for photograph in photographs)
    rates = []
    for name, bits in (("plain codes", math.log2(num_embeddings)), ("codes with the prior", prior)):
        if bits is not None:
            bits_per_pixel = bits * codes_per_pixel
            rates.append(
                Rate(
                    name,
                    bits_per_pixel,
                    {kind: codecs.at_most(originals, bits_per_pixel, kind) for kind in formats},
                )
            )
    return Measured(title, photographs, psnr, prior, rates)


def frequency_bits(photographs: Sequence[Photograph], code_counts: np.ndarray) -> float:
    """Bits per code for a coder that uses only the frequencies of codes in training.

    One is added to every count, since a code not seen in training would take infinitely many bits.

    >>> grey = np.zeros((8, 8, 3), np.uint8)
    >>> photograph = Photograph("a", "grey", grey, grey, np.zeros((2, 2), int), 1.0)
    >>> frequency_bits([photograph], np.array([3, 0, 0, 0, 0]))
    1.0
    """
    shares = (np.asarray(code_counts, np.float64) + 1) / (np.sum(code_counts) + len(code_counts))
    codes = np.concatenate([photograph.codes.ravel() for photograph in photographs])
    return float(-np.log2(shares[codes]).mean())


def visible_cells(photographs: Sequence[Photograph]) -> tuple[float, float] | None:
    """A measure of visible cell borders in flat areas (a sky, a wall).

    In blocks of 2 x 2 cells where the original's brightness spans less than 16 of 255, it is the
    mean step between neighbouring pixels at the border of two cells, divided by that inside cells.

    Returns:
        The ratio in the reconstructions and in the originals (about 1 there), or None if less than
        one block in fifty is flat.

    >>> ramp = np.add.outer(np.arange(8), np.arange(8)).astype(np.uint8)[..., None].repeat(3, 2)
    >>> flat = ramp[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    >>> photograph = Photograph("a", "a ramp", ramp, flat, np.zeros((2, 2), int), 1.0)
    >>> in_reconstruction, in_original = visible_cells([photograph])
    >>> in_reconstruction > 100, in_original
    (True, 1.0)
    """
    # [reconstruction or original, inside or border]: sums of steps, and their numbers.
    steps, counts = np.zeros((2, 2)), np.zeros((2, 2))
    calm_blocks = blocks = 0
    for photograph in photographs:
        cell = photograph.cell
        side = 2 * cell
        rows, columns = (size // side for size in photograph.original.shape[:2])
        if cell == 1 or not rows or not columns:
            continue
        cut = [
            image[: rows * side, : columns * side]
            .mean(axis=-1)
            .reshape(rows, side, columns, side)
            .swapaxes(1, 2)
            for image in (photograph.reconstruction, photograph.original)
        ]  # [rows, columns, side, side] each
        calm = np.ptp(cut[1], axis=(2, 3)) < 16
        calm_blocks, blocks = calm_blocks + calm.sum(), blocks + calm.size
        border = (np.arange(1, side) % cell == 0).astype(int)
        for index, image in enumerate(cut):
            for axis in (1, 2):
                step = np.abs(np.diff(image[calm], axis=axis)).sum(axis=(0, 3 - axis))
                np.add.at(steps[index], border, step)
                np.add.at(counts[index], border, calm.sum() * side)
    if calm_blocks * 50 < blocks or not blocks:
        return None
    inside, at_border = (steps / counts).T
    ratios = np.maximum(at_border, 1e-3) / np.maximum(inside, 1e-3)
    return float(ratios[0]), float(ratios[1])


def most_varied(codes: np.ndarray, side: int = 16) -> tuple[slice, slice]:
    """The square with the most different codes, searched at every fourth code.

    >>> most_varied(np.arange(64).reshape(8, 8) // 40, side=4)
    (slice(4, 8, None), slice(0, 4, None))
    """
    side = min(side, *codes.shape)
    squares = [
        (slice(row, row + side), slice(column, column + side))
        for row in range(0, codes.shape[0] - side + 1, 4)
        for column in range(0, codes.shape[1] - side + 1, 4)
    ]
    return max(squares, key=lambda square: len(np.unique(codes[square])))


def worst_square(photograph: Photograph, side: int) -> tuple[slice, slice]:
    """The square of `side` pixels with the largest squared error.

    >>> grey = np.zeros((8, 8, 3), np.uint8)
    >>> spot = grey.copy()
    >>> spot[5, 6] = 9
    >>> photograph = Photograph("a", "grey", grey, spot, np.zeros((2, 2), int), 1.0)
    >>> worst_square(photograph, 2)
    (slice(4, 6, None), slice(5, 7, None))
    """
    error = np.square(photograph.original.astype(np.float64) - photograph.reconstruction)
    sums = np.pad(error.sum(axis=-1).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    height, width = (min(side, size) for size in error.shape[:2])
    below, above = sums[height:], sums[:-height]
    squares = (below - above)[:, width:] - (below - above)[:, :-width]
    top, left = map(int, np.unravel_index(squares.argmax(), squares.shape))
    return slice(top, top + height), slice(left, left + width)
