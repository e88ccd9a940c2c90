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


def sides(flag: flags.FlagHolder) -> tuple[int, ...] | None:
    """The value of a list flag that holds the sides of a grid of codes, or None."""
    return _whole_numbers(
        flag, "hold the sides of a grid of codes, such as 32,32", LARGEST_GRID, "codes"
    )


def height_width(flag: flags.FlagHolder, unit: str, most: int) -> tuple[int, int] | None:
    """The value of a list flag that is HEIGHT,WIDTH in `unit`, `most` in all, or None."""
    given = _whole_numbers(flag, f"be HEIGHT,WIDTH in {unit}", most, unit, count=2)
    return None if given is None else (given[0], given[1])


def _whole_numbers(flag, wanted, most, unit, count=None):
    if flag.value is None:
        return None
    given = flag.value
    numbers = [whole_number(side) or 0 for side in given]
    if not numbers or not all(numbers) or count not in (None, len(numbers)):
        raise UserError(f"--{flag.name} must {wanted}; received {','.join(given)}")
    if math.prod(numbers) > most:
        raise UserError(
            f"--{flag.name} must hold at most {most} {unit}; received {','.join(given)}"
        )
    return tuple(numbers)
