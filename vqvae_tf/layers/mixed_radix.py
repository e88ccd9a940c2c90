"""Codes that are numbers of several digits, one digit a channel, the first channel's the lowest."""

import math

from keras import ops

LARGEST = 2**31 - 1  # codes are int32, and so is their number


def size(bases) -> int:
    """How many numbers there are whose digit i is in [0, bases[i])."""
    return math.prod(bases)


def pack(digits, bases):
    """int32 `[..., len(bases)]` -> `[...]`: the sum of digit i times the bases before it.

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
    return ops.convert_to_tensor(places, "int32")  # as floats they would end at 2^24
