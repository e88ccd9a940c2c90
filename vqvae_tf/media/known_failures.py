"""Lines for the log where figures of a model of sound show one of its known failures.

Each of them leaves the loss looking well: the decoder goes by the past samples and ignores the
codes, the codebook dies, or a code stands for a phone in one voice, so that in another voice it
means nothing. The bounds lie between the runs of findings that did well and those that did not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

LEAST_GAP = 0.02  # bits per sample, or decibels: runs whose decoder listens have 0.6 and more
LEAST_PERPLEXITY = 0.1  # of the number of codes: random codebooks on waveforms end at 0.06
# Of the way from chance to certainty: codes with 0.2 keep three quarters of the content in another
# voice, codes with 0.5 half of it.
MOST_VOICE = 0.4


def warnings(
    figures: Mapping[str, Any], code_sizes: Sequence[int], told_speaker: bool
) -> list[str]:
    """One line for each failure that the figures show.

    Args:
        figures: of `AudioMedium.measure`; those that are absent or None say nothing.
        code_sizes: of the model.
        told_speaker: whether its decoder is told who speaks: else the codes must hold the voice.

    >>> warnings({"perplexity": 7.5}, code_sizes=(128,), told_speaker=True)
    ['the codebook is dying: the perplexity of its 128 codes is 7.5; see docs/phones.md']
    """
    lines = []
    gaps = {
        "shuffled_codes_gap_bits_per_sample": "bits per sample",
        "shuffled_codes_gap_db": "dB of mel distance",
    }
    for name, unit in gaps.items():
        gap = figures.get(name)
        if gap is not None and gap < LEAST_GAP:
            lines.append(
                f"the decoder ignores the codes: codes in another order cost {gap:.3f} {unit} more"
            )
    size = sum(code_sizes) / len(code_sizes)
    perplexity = figures.get("perplexity")
    if perplexity is not None and perplexity < LEAST_PERPLEXITY * size:
        lines.append(
            f"the codebook is dying: the perplexity of its {size:g} codes is {perplexity:.1f}"
        )
    voice, chance = figures.get("voice_from_code"), figures.get("commonest_voice_share") or 0.0
    if told_speaker and voice is not None and voice > chance + MOST_VOICE * (1 - chance):
        lines.append(
            f"the codes are phone x voice: they tell who speaks in {100 * voice:.0f} % of the "
            f"frames (chance {100 * chance:.0f} %), and conversion loses what is said"
        )
    return [f"{line}; see docs/phones.md" for line in lines]
