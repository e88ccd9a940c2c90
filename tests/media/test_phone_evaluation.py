"""Codes and phones of a source whose phones can be told apart by anybody."""

import dataclasses
import json

import numpy as np
import pytest

from tests.media.tones import RATE, Tones
from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.media import phone_codes, phone_evaluation

AUDIO = models.AudioConfig(
    widths=(4, 8),
    strides=(8, 10),  # 50 codes a second
    residual_width=4,
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    channels=4,
    skip_channels=4,
    dilations=(1, 2),
    speakers=("x", "yy"),
    sample_rate=RATE,
    window=320,
)


@pytest.fixture(scope="module")
def results():
    model = models.AudioVQVAE(AUDIO)
    training = Tones("tones:training", ("x", "yy"))
    return phone_evaluation.evaluate(model, training, Tones("tones:test", ("zzzz", "x"), seed=1))


def test_voices_that_training_lacks_are_scored_apart(results):
    held_out, new_voices = (results[group] for group in phone_evaluation.GROUPS)
    assert held_out["utterances"] == new_voices["utterances"] == 3
    assert held_out["voices"] == new_voices["voices"] == 1
    assert held_out["codes"]["voice_from_code"] is not None
    assert new_voices["codes"]["voice_from_code"] is None
    assert new_voices["codes"]["accuracy_from_other_voices"] is None
    # 16 phones of 0.15 s each in an utterance, a quarter of them silence.
    for found in (held_out, new_voices):
        assert found["frames"] == pytest.approx(3 * 16 * 0.15 * 50, rel=0.1)
        assert found["silence_share"] == pytest.approx(0.25, abs=0.05)
        assert found["commonest_phone_share"] < 0.35


def test_clusters_of_frames_find_tones(results):
    assert results["phones"] == ["a", "b", "c", "pau"] and results["codes_per_second"] == 50
    found = results["held_out"]
    for name in ("k_means", "k_means_of_utterance", "k_means_of_voice"):
        assert found[name]["accuracy"] > 0.8
        assert found[name]["accuracy_of_permuted_codes"] < 0.45
    best = max(found[name]["accuracy"] for name in found if name.startswith("k_means"))
    assert found["gain_over_k_means"] == pytest.approx(found["codes"]["accuracy"] - best)
    assert found["gain_over_k_means_low"] <= found["gain_over_k_means"]
    assert found["gain_over_k_means"] <= found["gain_over_k_means_high"]
    # Before training, and untrained with the same seed: not what is measured, but no more is known.
    assert found["untrained"]["accuracy"] < best


def test_figures_are_a_table_and_json(results):
    text = phone_evaluation.table(json.loads(json.dumps(results)))
    assert "held_out: 3 utterances, 1 voices" in text and "new_voices: 3 utterances" in text
    for name in phone_evaluation.FIGURES:
        assert sum(line.split()[0] == name for line in text.splitlines() if line) == 2
    assert max(map(len, text.splitlines())) < 140


def test_the_picture_is_of_the_training_data(results):
    shares, codes, phones = phone_evaluation.shares_of_phones(results)
    counts = np.array(results["table"])
    assert counts.shape == (16, 4) and phones == results["phones"]
    assert set(map(int, codes)) == set(np.flatnonzero(counts.any(axis=1)))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    likeliest = phone_codes.likeliest(counts)[list(map(int, codes))]
    assert list(likeliest) == sorted(likeliest)


def test_several_codes_of_a_step_are_one():
    quantizer = models.QuantizerConfig(num_embeddings=(4,), groups=2)
    model = models.AudioVQVAE(dataclasses.replace(AUDIO, quantizer=quantizer))
    sources = Tones("a", ("x", "yy"), 1), Tones("b", ("x",), 1, seed=1)
    results = phone_evaluation.evaluate(model, *sources)
    assert results["codes"] == 16 and np.shape(results["table"]) == (16, 4)
    assert "new_voices" not in results


def test_what_cannot_be_scored_is_refused():
    model, training = models.AudioVQVAE(AUDIO), Tones("a", ("x", "yy"), 1)
    with pytest.raises(UserError, match="fitted on other data than it is scored on; received a"):
        phone_evaluation.evaluate(model, training, training)
    with pytest.raises(UserError, match="b: none of its sounds has phones; give a manifest"):
        phone_evaluation.evaluate(model, training, Tones("b", ("x",), 1, with_phones=False))


def test_utterances_of_both_sources_are_refused_whatever_their_names():
    model, training = models.AudioVQVAE(AUDIO), Tones("a", ("x", "yy"), 1)
    with pytest.raises(UserError, match=r"than it is scored on; 1 of the 3 .* b are also in a, su"):
        phone_evaluation.evaluate(model, training, Tones("b", ("x",), 3))


def test_phones_between_the_centres_of_codes_are_refused():
    class Short(Tones):
        def sounds(self, sample_rate):
            for sound in super().sounds(sample_rate):
                phones = [
                    (name, start / 1_000, end / 1_000) for name, start, end in sound["phones"]
                ]
                yield sound | {"phones": tuple(phones)}

    model, sound = models.AudioVQVAE(AUDIO), Tones("a", ("x",), 1)
    short = Short("b", ("yy",), 1, seed=1)
    for sources in ((sound, short), (short, sound)):
        with pytest.raises(
            UserError, match="b: no phone is at the centre of a code, .* 50 a second"
        ):
            phone_evaluation.evaluate(model, *sources)
