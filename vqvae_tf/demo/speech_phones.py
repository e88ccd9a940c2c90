"""The section of the speech demo's page about codes and the sounds of speech."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vqvae_tf import reporting
from vqvae_tf.demo.speech_facts import SpeechFacts
from vqvae_tf.media import phone_evaluation
from vqvae_tf.reporting import formatting, page

_EXAMPLES = 4  # codes that are described in words
_LEAST_SHARE = 0.002  # of all codes in training, for such a code
_CODERS = {
    "codes": "the codes",
    "k_means": "k-means on frames",
    "k_means_of_utterance": "k-means, mean of the sentence removed",
    "k_means_of_voice": "k-means, mean of the voice removed",
    "untrained": "the encoder before training",
}
_COLUMNS = {
    "accuracy": "phone found",
    "accuracy_without_silence": "without silence",
    "accuracy_from_other_voices": "by a map of other voices",
    "accuracy_of_permuted_codes": "codes shuffled",
    "voice_from_code": "voice found",
}


def percent(share: float | None) -> str:
    """A share in percent, which no line break divides.

    >>> percent(0.5371).split(), percent(None)
    (['53.7', '%'], '-')
    """
    return "-" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def best_k_means(held_out: Mapping[str, Any]) -> str:
    """Name of the best of the clusterings, as `gain_over_k_means` takes it.

    >>> best_k_means({"k_means": {"accuracy": 0.3}, "k_means_of_voice": {"accuracy": 0.4}})
    'k_means_of_voice'
    """
    return max(
        (name for name in held_out if name.startswith("k_means")),
        key=lambda name: held_out[name]["accuracy"],
    )


def section(facts: SpeechFacts) -> page.Section:
    """The table of codes and phones as a picture, and its figures in words."""
    held_out = facts.phones["held_out"]
    codes, voices = held_out["codes"], held_out["voices"]
    best = held_out[best_k_means(held_out)]
    shares, numbers, phones = phone_evaluation.shares_of_phones(facts.phones)
    return page.Section(
        "What the codes know of speech sounds",
        [
            "Words are made of speech sounds, phones: “ship” has three, sh, ih and p. The networks "
            "were never told of them. The synthesiser that spoke the sentences reports when each "
            "begins and ends, so it can be counted afterwards which phone is heard at the centre "
            "of each code.",
            page.Picture(
                reporting.heat_map(
                    shares, numbers, phones, row_label="codes", column_label="phones"
                ),
                f"Table of {len(numbers)} codes and {len(phones)} phones: the darker a field, the "
                "more of the code's uses fall on the phone. The rows are sorted by phone, so that "
                "dark fields form a staircase.",
                "Each row is a code, each column a phone (pau is silence). The darker a field, the "
                "more of the code's uses fall on this phone, in the training sentences. A row with "
                "a single dark field is a code that stands for one phone.",
            ),
            page.Bullets(
                [
                    _guess(held_out),
                    f"Without any code, one would always guess the commonest phone, "
                    f"{held_out['commonest_phone']}: right in "
                    f"{percent(held_out['commonest_phone_share'])}.",
                    _beside_k_means(held_out, best),
                    "With the codes of each sentence shuffled, the same guesses are right in "
                    f"{percent(codes['accuracy_of_permuted_codes'])}. What is above that comes "
                    "from codes being at the right place.",
                    f"The voice can be guessed from a single code in "
                    f"{percent(codes['voice_from_code'])}; by chance, with {voices} voices, in "
                    f"about {percent(1 / voices)}. The lower, the less of the voice is in the "
                    "codes, and the better they can be spoken by another voice.",
                    *_examples(shares, numbers, phones, facts),
                ]
            ),
            page.Table(
                ("", *_COLUMNS.values()),
                [
                    (words, *(percent(held_out[coder][column]) for column in _COLUMNS))
                    for coder, words in _CODERS.items()
                ],
                caption=f"Shares of {formatting.count(held_out['frames'])} codes in "
                f"{held_out['utterances']} held-out sentences, in {voices} voices that were heard "
                "in training",
            ),
        ],
    )


def _guess(held_out: Mapping[str, Any]) -> str:
    codes = held_out["codes"]
    return (
        "Each code is taken for the phone that it most often fell on in the training sentences. "
        f"In sentences that were not used for this, the guess is right in "
        f"{percent(codes['accuracy'])} of the codes (with another choice of sentences probably "
        f"between {percent(codes['accuracy_low'])} and {percent(codes['accuracy_high'])})."
    )


def _beside_k_means(held_out: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    gain = held_out["gain_over_k_means"]
    if held_out["gain_over_k_means_low"] > 0:
        outcome = f"the learned codes are better by {100 * gain:.1f} points"
    elif held_out["gain_over_k_means_high"] < 0:
        outcome = f"the learned codes are worse by {-100 * gain:.1f} points"
    else:
        outcome = "the difference is within chance"
    return (
        "A simple method, k-means, sorts short pieces of sound into as many groups by their "
        f"likeness alone. Its groups give the right phone in {percent(best['accuracy'])}: "
        f"{outcome}."
    )


def _examples(
    shares: np.ndarray, numbers: list[str], phones: list[str], facts: SpeechFacts
) -> list[str]:
    """A sentence about the common codes that stand most clearly for a phone, each another one."""
    table = np.array(facts.phones["table"])
    common = table.sum(axis=1) >= _LEAST_SHARE * table.sum()
    chosen: dict[str, str] = {}
    for row in np.argsort(-shares.max(axis=1), kind="stable"):
        phone = phones[shares[row].argmax()]
        if common[int(numbers[row])] and phone not in chosen and len(chosen) < _EXAMPLES:
            share = 100 * shares[row].max()
            chosen[phone] = f"code {numbers[row]} is {phone} in {share:.0f} % of its uses"
    return [f"Some of the clearest: {'; '.join(chosen.values())}."] if chosen else []


def warnings(held_out: Mapping[str, Any]) -> list[str]:
    """What the figures say against the codes, a sentence each."""
    found, chance = [], 1 / held_out["voices"]
    if held_out["gain_over_k_means_low"] <= 0:
        found.append(
            "On this run the codes tell no more of phones than groups of k-means, which need no "
            "network."
        )
    voice = held_out["codes"]["voice_from_code"]
    if voice > 1.5 * chance:
        found.append(
            f"The codes still hold some of the voice: it is guessed {voice / chance:.1f} times as "
            "often as by chance. A converted voice keeps a trace of the first."
        )
    return found
