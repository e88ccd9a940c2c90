"""Divides large pictures and grids into rectangular pieces, to limit memory."""

import math
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """A part of a rectangle; all attributes are slices of rows and columns.

    Attributes:
        inner: the piece; those of all pieces cover the rectangle once.
        outer: the piece with a margin, as far as it is inside the rectangle.
        within: position of `inner` in `outer`.
    """

    inner: tuple[slice, slice]
    outer: tuple[slice, slice]
    within: tuple[slice, slice]


def pieces(height: int, width: int, area: int, margin: int = 0) -> Iterator[Piece]:
    """Cuts a rectangle into pieces of about the same size, of at most `area` places each.

    Args:
        height, width: size of the rectangle.
        area: places of a piece without its margin, at least 1.
        margin: places around a piece, on each side.

    >>> [piece.inner for piece in pieces(2, 6, area=6)]
    [(slice(0, 2, None), slice(0, 3, None)), (slice(0, 2, None), slice(3, 6, None))]
    >>> [piece.outer[1] for piece in pieces(2, 6, area=6, margin=1)]
    [slice(0, 4, None), slice(2, 6, None)]
    """
    side = math.isqrt(area)
    for rows in _spans(height, max(side, area // width), margin):
        for columns in _spans(width, max(side, area // height), margin):
            yield Piece(*zip(rows, columns, strict=True))


def _spans(size, most, margin):
    """(inner, outer, within) along one axis."""
    number = -(-size // most)
    borders = [size * place // number for place in range(number + 1)]
    for start, stop in zip(borders, borders[1:], strict=False):
        first = max(start - margin, 0)
        outer = slice(first, min(stop + margin, size))
        yield slice(start, stop), outer, slice(start - first, stop - first)
