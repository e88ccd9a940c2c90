"""The page of the speech demo: valid as a whole, and every statement follows the facts."""

import copy
import dataclasses
import re

import numpy as np
import pytest

from tests.demo import check_speech_report
from vqvae_tf.demo import speech_report
from vqvae_tf.demo.run_facts import Run, Stage
from vqvae_tf.demo.speech_facts import Sentence, SpeechFacts, SpeechSample
from vqvae_tf.errors import UserError
from vqvae_tf.reporting import page

RATE, SIZE, STRIDE = 16_000, 16, 640
GENERATOR = np.random.default_rng(0)
CODED = {
    "accuracy": 0.537,
    "accuracy_low": 0.52,
    "accuracy_high": 0.55,
    "accuracy_without_silence": 0.5,
    "accuracy_from_other_voices": 0.45,
    "accuracy_of_permuted_codes": 0.08,
    "voice_from_code": 0.11,
}
CLUSTERED = CODED | {"accuracy": 0.3}
TABLE = np.ones((SIZE, 3), int)
TABLE[3, 1] = 38
PHONES = {
    "phones": ["aa", "pau", "s"],
    "table": TABLE.tolist(),
    "held_out": {
        "utterances": 20,
        "voices": 10,
        "frames": 1_234,
        "commonest_phone": "ax",
        "commonest_phone_share": 0.093,
        "codes": CODED,
        "k_means": CLUSTERED,
        "k_means_of_utterance": CLUSTERED | {"accuracy": 0.4},
        "k_means_of_voice": CLUSTERED | {"accuracy": 0.432},
        "untrained": CLUSTERED,
        "gain_over_k_means": 0.105,
        "gain_over_k_means_low": 0.09,
        "gain_over_k_means_high": 0.12,
    },
}


def sound(seconds=0.8):
    return GENERATOR.normal(0, 0.1, round(seconds * RATE))


def codes(seconds=0.8):
    return GENERATOR.integers(0, SIZE, round(seconds * RATE / STRIDE))


def sentence(text):
    return Sentence(text, "espeak_m1", sound(), codes(), sound(), "flite_slt", sound(), sound(0.9))


def stage(title):
    rows = [{"step": str(step), "loss": str(1 / step)} for step in range(1, 9)]
    return Stage(title, 8, 2, 1000, 65.0, rows, {"loss": "loss"}, "loss")


FACTS = SpeechFacts(
    voices=("flite_slt", "espeak_m1"),
    training_seconds=4_800.0,
    sample_rate=RATE,
    codes_per_second=RATE / STRIDE,
    codebook=GENERATOR.normal(size=(SIZE, 8)).astype(np.float32),
    code_counts=np.arange(SIZE),
    sentences=[sentence(f"Sentence {number}.") for number in range(3)],
    phones=PHONES,
    griffin_lim_distance=6.04,
    network_distance=5.5,
    prior_bits_per_code=3.2,
    samples=[SpeechSample(f"espeak_m{number}", sound(), codes()) for number in range(4)],
    independent=sound(),
    stages=[stage(title) for title in ("The codes", "The decoder of waveforms", "The prior")],
    run=Run([("training", 130.0), ("sampling", 20.4)], 7, "two cores", {"TensorFlow": "2"}, [
        ("Convert", "vqvae-convert --model=demo_speech/voices --speaker=espeak_m1")
    ]),
)  # fmt: skip


def text_of(facts):
    checked = check_speech_report.check(page.render(speech_report.speech_report(facts)))
    return re.sub(r"\s+", " ", " ".join(checked.texts))


@pytest.fixture(scope="module")
def text():
    return text_of(FACTS)


def with_figures(**figures):
    """The facts with other figures of the held-out sentences, `codes__NAME` for those of codes."""
    phones = copy.deepcopy(PHONES)
    for name, value in figures.items():
        within, _, own = name.partition("codes__")
        (phones["held_out"]["codes"] if own else phones["held_out"])[own or within] = value
    return dataclasses.replace(FACTS, phones=phones)


def test_figures_follow_the_facts(text):
    assert "80 minutes of synthetic speech in 2 voices" in text
    assert "100 bits/s" in text and "256,000 bits" in text and "2,560 times fewer" in text
    assert "3.20 bits on average" in text and "80 bits a second" in text  # 25 codes of 3.2 bits
    assert "right in 53.7 % of the codes" in text and "between 52.0 % and 55.0 %" in text
    assert "commonest phone, ax: right in 9.3 %" in text
    assert "right phone in 43.2 %: the learned codes are better by 10.5 points" in text
    assert (
        "right in 8.0 %" in text and "in 11.0 %; by chance, with 10 voices, in about 10.0 %" in text
    )
    assert "code 3 is pau in 95 % of its uses" in text
    assert "6.0 dB from the originals" in text and "5.5 dB, nearer" in text
    assert "15 of 16" in text and "2 min 30 s" in text and "Seed 7" in text


def test_codes_are_called_better_only_where_they_are(text):
    assert "no more of phones than" not in text and "trace of the first" not in text
    worse = {"low": -0.09, "high": -0.05}
    same = {"low": -0.01, "high": 0.02}
    for bounds, words in ((worse, "worse by 7.0 points"), (same, "difference is within chance")):
        figures = {f"gain_over_k_means_{end}": value for end, value in bounds.items()}
        other = text_of(with_figures(gain_over_k_means=-0.07, **figures))
        assert words in other and "better by" not in other
        assert "tell no more of phones than groups of k-means" in other


@pytest.mark.parametrize("distance, outcome", [(6.0, "equally near"), (6.5, "farther away")])
def test_the_decoder_that_is_heard_is_not_praised_for_nothing(distance, outcome):
    assert f"{distance} dB, {outcome}" in text_of(
        dataclasses.replace(FACTS, network_distance=distance)
    )


def test_voices_in_the_codes_are_said(text):
    other = text_of(with_figures(codes__voice_from_code=0.3))
    assert "guessed 3.0 times as often as by chance" in other


def test_the_voices_of_the_run_are_named(text):
    assert "flite: built from recordings" in text and "is not installed" not in text
    other = text_of(dataclasses.replace(FACTS, voices=("espeak_m1", "espeak_f1")))
    assert "flite is not installed here" in other and "flite: built" not in other


def test_facts_without_sounds_are_refused():
    for name in ("sentences", "samples"):
        with pytest.raises(UserError, match=f"at least one of {name}"):
            dataclasses.replace(FACTS, **{name: []})
