"""Codes as mixed-radix numbers: a digit for each channel, the first channel's the lowest."""

import math

from keras import ops

LARGEST = 2**31 - 1  # codes and their number are int32


def size(bases) -> int:
    """The number of codes whose digit i is in [0, bases[i])."""
    return math.prod(bases)


def pack(digits, bases):
    """int32 `[..., len(bases)]` -> `[...]`: the sum of digit i times the product of bases[:i].

    >>> int(pack([2, 1], (3, 4)))
    5
    """
    return ops.sum(ops.multiply(digits, _places(bases)), axis=-1)


def unpack(codes, bases):
    """The digits of `pack`: int32 `[...]` -> `[..., len(bases)]`."""
    digits = ops.floor_divide(codes[..., None], _places(bases))
    return ops.mod(digits, ops.convert_to_tensor(bases, "int32"))


def _places(bases):
    places = [size(bases[:channel]) for channel in range(len(bases))]
    return ops.convert_to_tensor(places, "int32")  # float32 is exact up to 2^24 only
