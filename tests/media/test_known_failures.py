"""Each known failure is one line; figures of runs that did well are none."""

import re

import pytest

from vqvae_tf.media import known_failures

# Those of a run that converts (results of "comb", 25 Hz, K = 128).
WELL = {
    "shuffled_codes_gap_bits_per_sample": 0.82,
    "perplexity": 114.0,
    "voice_from_code": 0.30,
    "commonest_voice_share": 1 / 7,
}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({}, None),
        ({"shuffled_codes_gap_bits_per_sample": 0.0}, "ignores the codes.* 0.000 bits per sample"),
        ({"shuffled_codes_gap_db": -0.1}, "ignores the codes: .* cost -0.100 dB of mel distance"),
        ({"perplexity": 7.5}, "codebook is dying: the perplexity of its 128 codes is 7.5"),
        ({"voice_from_code": 0.55}, r"phone x voice: they tell who speaks in 55 % .*chance 14 %"),
        ({"voice_from_code": None, "commonest_voice_share": None}, None),
        ({"voice_from_code": 0.6, "commonest_voice_share": 0.5}, None),
    ],
)
def test_a_failure_is_one_line(change, line):
    lines = known_failures.warnings(WELL | change, (128,), told_speaker=True)
    assert len(lines) == (line is not None)
    if line is not None:
        assert re.search(line, lines[0]) and "\n" not in lines[0]


def test_codes_of_a_decoder_that_is_not_told_the_speaker_must_hold_the_voice():
    assert not known_failures.warnings(WELL | {"voice_from_code": 1.0}, (128,), told_speaker=False)


def test_several_codes_of_a_step_have_one_perplexity():
    # It is the geometric mean over the slots.
    assert not known_failures.warnings({"perplexity": 9.0}, (64, 64), told_speaker=True)
    assert known_failures.warnings({"perplexity": 6.0}, (64, 64), told_speaker=True)
