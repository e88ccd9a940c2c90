"""Figures of pieces of sound: means over samples, limits, and what shows the known failures."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.media.test_phone_evaluation import AUDIO
from tests.media.tones import Tones
from vqvae_tf import models
from vqvae_tf.media import AudioMedium, sound_figures
from vqvae_tf.media.sound_figures import SoundFigures
from vqvae_tf.networks import sound_distances


class Repeater:
    """Stands for a model whose codes are the samples, 256 levels of one each."""

    config = dataclasses.replace(AUDIO, sample_rate=8_000, widths=(4,), strides=(1,))
    draws = False
    code_sizes = (256,)

    def decode(self, codes, speaker):
        return tf.constant(codes / 128.0 - 1.0, tf.float32)


def added(figures, audio, name="a", voice=None, bits=None):
    codes = np.round(np.clip((audio + 1) * 128, 0, 255)).astype(np.int32)[None]
    figures.add(name, audio[None], codes, voice=voice, speaker=None, bits=bits)
    return codes


def test_distances_are_means_over_samples():
    draws = np.random.default_rng(0)
    pieces = [draws.uniform(-0.9, 0.9, size).astype(np.float32) for size in (4_000, 1_000)]
    figures = SoundFigures(Repeater())
    decoded = [Repeater().decode(added(figures, piece), None) for piece in pieces]
    found = figures.figures()
    assert found["decoded_seconds"] == 5_000 / 8_000
    for name, distance in (
        ("mel_distance_db", lambda *pair: sound_distances.mel_distance(*pair, 8_000)),
        ("stft_distance", sound_distances.stft_distance),
        ("si_sdr_db", sound_distances.si_sdr),
    ):
        own = [float(distance(p[None], d)[0]) for p, d in zip(pieces, decoded, strict=True)]
        assert found[name] == pytest.approx((4 * own[0] + own[1]) / 5, rel=1e-5)
    assert found["si_sdr_db"] > 40  # 8 bits
    assert found["shuffled_codes_gap_db"] > 0.1  # a model without bits
    assert "voice_from_code" not in found


def test_the_gap_is_what_codes_in_another_order_cost_more(monkeypatch):
    rising = np.linspace(-0.9, 0.9, 1_000, dtype=np.float32)
    figures, asked = SoundFigures(Repeater()), []

    def bits(codes):
        asked.append(codes)
        return 500.0 if (np.diff(codes) >= 0).all() else 2_500.0

    codes = added(figures, rising, bits=bits)
    found = figures.figures()
    assert found["shuffled_codes_gap_bits_per_sample"] == 2.0
    assert "shuffled_codes_gap_db" not in found
    assert all(np.array_equal(np.sort(each), codes) for each in asked)
    # Once there is enough sound no more is asked.
    monkeypatch.setattr(sound_figures, "GAP_SECONDS", 0.1)
    added(figures, rising, bits=lambda codes: pytest.fail("asked again"))


def test_voices_are_told_by_codes_that_hold_them():
    figures = SoundFigures(Repeater())
    for number in range(8):
        added(figures, np.full(100, 0.5 * (number % 2), np.float32), str(number), number % 2)
    found = figures.figures()
    assert found["voice_from_code"] == 1.0 and found["commonest_voice_share"] == 0.5


@pytest.fixture(scope="module")
def measured():
    """Figures of a model that was not trained, and the lines of the log."""
    source = Tones("tones:x", ("x", "yy"), 2)
    return AudioMedium().measure(models.AudioVQVAE(AUDIO), source), source


def test_samples_drawn_one_by_one_are_decoded_for_a_second_of_each_piece(measured):
    results, source = measured
    # Four sounds of 1.9 to 2.9 seconds.
    assert results["decoded_seconds"] == 4.0 < results["seconds"]
    assert results["mel_distance_db"] > 0 and results["stft_distance"] > 0
    assert results["si_sdr_db"] < 0
    assert results["commonest_voice_share"] == pytest.approx(0.5, abs=0.1)
    assert 0 < results["voice_from_code"] <= 1


def test_known_failures_are_lines_of_the_log(caplog):
    model = models.AudioVQVAE(AUDIO)
    model.quantizer.load_codebook(np.zeros((16, 4)))  # one code for all
    results = AudioMedium().measure(model, Tones("tones:y", ("x", "yy"), 1))
    assert results["perplexity"] == 1.0
    assert results["shuffled_codes_gap_bits_per_sample"] == 0.0
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("tones:y: the decoder ignores the codes") for line in lines)
    assert any(line.startswith("tones:y: the codebook is dying") for line in lines)
