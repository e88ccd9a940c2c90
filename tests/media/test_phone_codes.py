"""Figures of codes and phones against small cases by hand and scikit-learn."""

import itertools
import math

import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.media import phone_codes
from vqvae_tf.media.phone_codes import Frames

PHONES = [("a", 0.0, 0.05), ("b", 0.05, 0.2), ("a", 0.25, 0.4)]
NUMBERS = {"a": 0, "b": 1}


def frames(codes, phones, voices=None, utterances=None) -> Frames:
    count = len(codes)
    columns = (codes, phones, [0] * count if voices is None else voices)
    return Frames(
        *map(np.array, columns), np.array([0] * count if utterances is None else utterances)
    )


def random_frames(seed: int, count: int, shape: tuple[int, int], voices: int = 3) -> Frames:
    draws = np.random.default_rng(seed)
    phones = draws.integers(shape[1], size=count)
    codes = (phones * 2 + draws.integers(3, size=count)) % shape[0]
    utterances = np.sort(draws.integers(12, size=count))
    return Frames(codes, phones, utterances % voices, utterances)


def test_labels_at_centres_and_by_overlap():
    # Codes of 0.1 s: [0, 0.1) is half a and half b, its centre is b's first moment.
    centres = phone_codes.labels_at_centres(PHONES, NUMBERS, 5, 0.1)
    assert centres.tolist() == [1, 1, 0, 0, -1]
    # Of 0.06 s: the first is 0.05 of a and 0.01 of b; the fifth, [0.24, 0.3), is a from 0.25 on.
    overlap = phone_codes.labels_by_overlap(PHONES, NUMBERS, 8, 0.06)
    assert overlap.tolist() == [0, 1, 1, 1, 0, 0, 0, -1]
    parts = [("a", 0.0, 0.03), ("b", 0.03, 0.07), ("a", 0.07, 0.1)]  # 0.06 of a in two parts
    assert phone_codes.labels_at_centres(parts, NUMBERS, 1, 0.1).tolist() == [1]
    assert phone_codes.labels_by_overlap(parts, NUMBERS, 1, 0.1).tolist() == [0]


@pytest.mark.parametrize("label", [phone_codes.labels_at_centres, phone_codes.labels_by_overlap])
def test_phones_that_are_not_known_have_no_label(label):
    assert label([], NUMBERS, 3, 0.1).tolist() == [-1] * 3
    assert label(PHONES, {"b": 1}, 5, 0.05).tolist() == [-1, 1, 1, 1, -1]


def test_joint_codes_are_numbers_of_all_slots():
    sizes = (3, 4, 2)
    every = np.array(list(itertools.product(*map(range, sizes))))
    assert phone_codes.joint_codes(every, sizes).tolist() == list(range(24))
    assert phone_codes.joint_codes(np.array([2, 0]), (3,)).tolist() == [2, 0]
    with pytest.raises(UserError, match=r"at most 65,536 different codes.*received 262,144"):
        phone_codes.joint_codes(np.zeros((4, 2), int), (512, 512))


def test_a_code_that_was_never_seen_gets_the_most_frequent_phone():
    table = phone_codes.count_pairs(np.array([0, 0, 2, 2, 2]), np.array([1, 1, 0, 0, 2]), (4, 3))
    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [2, 0, 1], [0, 0, 0]]
    assert phone_codes.likeliest(table).tolist() == [1, 0, 0, 0]
    assert phone_codes.accuracy(np.array([1, 0]), np.array([-1, -1])) is None


def test_information_is_that_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.metrics")
    for seed in range(3):
        given = random_frames(seed, 500, (12, 5))
        table = phone_codes.count_pairs(given.codes, given.phones, (12, 5))
        bits = cluster.mutual_info_score(given.phones, given.codes) / math.log(2)
        assert phone_codes.mutual_information(table) == pytest.approx(bits)
        assert phone_codes.normalised_mutual_information(table) == pytest.approx(
            cluster.normalized_mutual_info_score(given.phones, given.codes)
        )
        of_same = phone_codes.likeliest(table)[given.codes] == given.phones
        assert phone_codes.purity(table) == pytest.approx(of_same.mean())
    one_code = phone_codes.count_pairs(np.zeros(9, int), np.zeros(9, int), (2, 2))
    assert phone_codes.normalised_mutual_information(one_code) == 0.0


def test_permuted_codes_stay_in_their_utterance():
    given = random_frames(0, 300, (12, 5))
    found = phone_codes.permuted(given, seed=1)
    assert not np.array_equal(found.codes, given.codes)
    for utterance in np.unique(given.utterances):
        own = given.utterances == utterance
        assert sorted(found.codes[own]) == sorted(given.codes[own])
    np.testing.assert_array_equal(found.phones, given.phones)


def test_codes_that_are_phone_and_voice_say_nothing_across_voices():
    phones, voices = np.array(list(itertools.product(range(4), range(3)))).T
    phones, voices = np.tile(phones, 5), np.tile(voices, 5)
    of_phone = frames(phones, phones, voices)
    of_both = frames(phones * 3 + voices, phones, voices)
    shape = (12, 4)
    assert phone_codes.accuracy_from_other_voices(of_phone, of_phone, shape) == 1.0
    # Each code is new to the map: it is taken for the first of four equally frequent phones.
    assert phone_codes.accuracy_from_other_voices(of_both, of_both, shape) == 0.25
    assert phone_codes.voice_from_code(of_both, of_both, 12) == 1.0
    assert phone_codes.voice_from_code(of_phone, of_phone, 12) == pytest.approx(1 / 3)
    one_voice = of_both.where(of_both.voices == 0)
    assert phone_codes.accuracy_from_other_voices(one_voice, one_voice, shape) is None
    assert phone_codes.voice_from_code(one_voice, one_voice, 12) is None


def test_voices_of_one_set_of_utterances_are_told_by_halves():
    # Four utterances of each voice, in turn.
    utterances = np.arange(12).repeat(4)
    voices, phones = utterances % 3, np.tile(np.arange(4), 12)
    of_phone = frames(phones, phones, voices, utterances)
    of_both = frames(phones * 3 + voices, phones, voices, utterances)
    assert phone_codes.voice_from_code_by_halves(of_both, 12) == 1.0
    assert phone_codes.voice_from_code_by_halves(of_phone, 12) == pytest.approx(1 / 3)
    # A voice that is in one half only is left out.
    late = of_both.where((voices > 0) | (utterances == 0))
    assert phone_codes.voice_from_code_by_halves(late, 12) == 1.0
    assert phone_codes.voice_from_code_by_halves(of_both.where(voices == 0), 12) is None
    once = of_both.where(utterances < 3)
    assert phone_codes.voice_from_code_by_halves(once, 12) is None


def test_context_is_naive_bayes_within_utterances():
    sklearn = pytest.importorskip("sklearn.naive_bayes")
    shape = (6, 3)
    training, held_out = (
        given._replace(utterances=np.zeros(4_000, int))
        for given in (random_frames(seed, 4_000, shape) for seed in (0, 1))
    )

    def around(given):
        columns = [phone_codes._shifted(given, offset) for offset in (-1, 0, 1)]
        return np.stack(columns, axis=1)

    # Places that have all neighbours: scikit-learn knows no missing ones.
    whole = around(training).min(axis=1) >= 0
    inner, outer = training.where(whole), around(held_out).min(axis=1) >= 0
    theirs = sklearn.CategoricalNB(alpha=1.0, min_categories=6)
    theirs.fit(around(training)[whole], inner.phones)
    expected = theirs.predict(around(held_out)[outer])
    found = phone_codes.context_predictions(training, held_out, shape, width=3)[outer]
    # The fits differ in the frames at the two ends.
    assert np.mean(found == expected) > 0.995
    # Phones 1 and 2 share a code; the code before tells which.
    phones = np.tile([0, 1, 3, 2], 20)
    given = frames(np.array([0, 1, 1, 2])[phones], phones)
    alone = phone_codes.context_predictions(given, given, (3, 4), width=1)
    assert phone_codes.accuracy(alone, phones) == 0.75
    of_five = phone_codes.context_predictions(given, given, (3, 4))
    assert phone_codes.accuracy(of_five, phones) == 1.0


def test_beyond_the_ends_of_an_utterance_there_is_no_code():
    given = frames([3, 4, 5, 6], [0] * 4, utterances=[0, 0, 1, 1])
    assert phone_codes._shifted(given, 1).tolist() == [4, -1, 6, -1]
    assert phone_codes._shifted(given, -1).tolist() == [-1, 3, -1, 5]
    assert phone_codes._shifted(given, 5).tolist() == [-1] * 4


def test_the_interval_resamples_utterances():
    scipy = pytest.importorskip("scipy.stats")
    draws = np.random.default_rng(0)
    means = draws.uniform(0.3, 0.7, 40)
    right = (draws.random((40, 50)) < means[:, None]).astype(float)
    utterances = np.repeat(np.arange(40), 50)
    low, high = phone_codes.bootstrap(right.ravel(), utterances)
    expected = scipy.bootstrap(
        (right.mean(axis=1),), np.mean, method="percentile", n_resamples=1_000, rng=0
    ).confidence_interval
    # Two sets of 1,000 draws: their quantiles differ by about a tenth of the interval's width.
    assert (low, high) == pytest.approx(tuple(expected), abs=0.15 * (high - low))
    assert phone_codes.bootstrap(right.ravel(), utterances) == (low, high)
    # Frames by themselves would give an interval that is too narrow.
    assert high - low > 1.5 * 2 * 1.96 * right.std() / math.sqrt(right.size)


def test_figures_by_hand():
    #            voice 0             voice 1
    training = frames([0, 0, 1, 1, 2, 0, 1, 1], [0, 0, 1, 1, 2, 0, 1, 1], [0] * 4 + [1] * 4)
    held_out = frames([0, 1, 2, 3, 1], [0, 1, 2, 0, -1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1])
    found = phone_codes.figures(training, held_out, (4, 3), silences=[1])
    # The map: 0 -> 0, 1 -> 1, 2 -> 2, and 3, which is new, -> 1, the most frequent phone.
    assert found["accuracy"] == 0.75
    # Without phone 1 the most frequent is 0: 0, 2, 0 are all right.
    assert found["accuracy_without_silence"] == 1.0
    assert found["accuracy_on_the_same_data"] == 1.0
    # Voice 0 by the map of voice 1: 0 -> 0, 1 -> 1. Voice 1 by that of voice 0, where 2 and 3 are
    # new: both are taken for 0, the first of the two most frequent.
    assert found["accuracy_from_other_voices"] == 0.75
    # Voices: 0 -> 0, 1 -> 0 (first of equals), 2 -> 1, 3 -> 0.
    assert found["voice_from_code"] == 0.75
    assert found["codes_in_use"] == 4 and found["mutual_information"] == 1.5
    assert found["perplexity"] == pytest.approx(
        2 ** (3 * 0.2 * math.log2(5) + 0.4 * math.log2(2.5))
    )
    assert found["accuracy_low"] <= 0.75 <= found["accuracy_high"]


def test_figures_of_a_voice_never_heard():
    training, held_out = random_frames(0, 400, (12, 5)), random_frames(1, 200, (12, 5))
    found = phone_codes.figures(training, held_out._replace(voices=held_out.voices + 9), (12, 5))
    assert found["accuracy_from_other_voices"] is None and found["voice_from_code"] is None
    known = phone_codes.figures(training, held_out, (12, 5))
    assert known["accuracy"] == found["accuracy"] > 2 * found["accuracy_of_permuted_codes"]
    # The codes say nothing of the voice.
    assert known["voice_from_code"] == pytest.approx(1 / 3, abs=0.1)
