"""Flags of numbers with bounds, and of pairs of numbers."""

import math
from typing import Any

from absl import flags

from vqvae_tf.config.limits import LARGEST_GRID, MOST_PASSES
from vqvae_tf.errors import UserError
from vqvae_tf.text_numbers import whole_number


def define_float(
    name: str, default: float | None, words: str, flag_values: flags.FlagValues, **bounds: float
) -> flags.FlagHolder:
    """`flags.DEFINE_float` that refuses NaN and infinities."""
    return flags.DEFINE(_FiniteParser(**bounds), name, default, words, flag_values=flag_values)


def define_search_passes(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Defines `--search_passes` for programs that can search codes."""
    return flags.DEFINE_integer(
        "search_passes",
        0,
        "Passes of a search for codes by the decoder's error, such as 2; 0 "
        "takes the nearest codes.",
        lower_bound=0,
        upper_bound=MOST_PASSES,
        flag_values=flag_values,
    )


class _FiniteParser(flags.FloatParser):
    """Parser of finite floats."""

    def convert(self, argument: Any) -> float:
        """The number, or ValueError."""
        value = super().convert(argument)
        if not math.isfinite(value):
            raise ValueError("must be a finite number")
        return value


def sides(
    flag: flags.FlagHolder,
    words: str = "the sides of a grid of codes, such as 32,32",
    most: int = LARGEST_GRID,
    unit: str = "codes",
) -> tuple[int, ...] | None:
    """The value of a list flag that holds sides, or None.

    Args:
        flag: the flag.
        words: what it must hold.
        most, unit: the largest product of the sides, and its unit.

    Raises:
        UserError: if it holds anything but positive whole numbers, or too large ones.
    """
    given = flag.value
    if given is None:
        return None
    numbers = [whole_number(side) or 0 for side in given]
    if not numbers or not all(numbers):
        raise UserError(f"--{flag.name} must hold {words}; received {','.join(given)}")
    if math.prod(numbers) > most:
        raise UserError(
            f"--{flag.name} must hold at most {most} {unit}; received {','.join(given)}"
        )
    return tuple(numbers)
