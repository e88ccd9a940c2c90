"""The flags of every program that samples codes: how many, the seed, and what is likely enough."""

from typing import Any

from absl import flags

from vqvae_tf.config import limits
from vqvae_tf.programs import number_flags


class SamplingFlags:
    """The flags `--count`, `--seed`, `--temperature`, `--top_k` and `--top_p`.

    Args:
        flag_values: where they are defined.
        count: default of `--count`.
        samples: help of `--count`.
    """

    def __init__(self, flag_values: flags.FlagValues, count: int, samples: str):
        self._flags = (
            flags.DEFINE_integer(
                "count",
                count,
                samples,
                lower_bound=1,
                upper_bound=limits.MOST_SAMPLES,
                flag_values=flag_values,
            ),
            flags.DEFINE_integer(
                "seed",
                0,
                "Seed of the draws.",
                lower_bound=0,
                upper_bound=limits.LARGEST_SAMPLING_SEED,
                flag_values=flag_values,
            ),
            number_flags.define_float(
                "temperature",
                1.0,
                "Divides the logits; 0 takes the most likely codes.",
                flag_values,
            ),
            flags.DEFINE_integer(
                "top_k", None, "Draw from the k likeliest codes.", flag_values=flag_values
            ),
            number_flags.define_float(
                "top_p",
                None,
                "Draw from the likeliest codes that together have this probability.",
                flag_values,
            ),
        )

    def values(self) -> dict[str, Any]:
        """Their values by name, as the jobs take them."""
        return {flag.name: flag.value for flag in self._flags}
