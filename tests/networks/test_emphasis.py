"""The emphasis of high frequencies and its inverse, against recursions in float64."""

import numpy as np
import pytest

from vqvae_tf.networks.emphasis import emphasised, taps, without_emphasis


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.85, 0.99])
def test_both_filters_are_their_recursions(weight):
    audio = np.random.default_rng(0).uniform(-1, 1, (2, 4_000)).astype(np.float32)
    found = emphasised(audio, weight).numpy()
    before = np.pad(audio[:, :-1].astype(float), ((0, 0), (1, 0)))
    np.testing.assert_allclose(found, (audio - weight * before) / (1 + weight), atol=1e-6)
    assert np.abs(found).max() <= 1.0
    # The part of the answer that is cut off is at most 1e-7 * (1 + w) / (1 - w): 2e-5 at 0.99.
    np.testing.assert_allclose(without_emphasis(found, weight), audio, atol=3e-5)


def test_the_inverse_in_blocks_is_that_of_the_whole():
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 1_000)).astype(np.float32)
    whole = without_emphasis(samples, 0.85).numpy()
    heard = taps(0.85) - 1
    rest = without_emphasis(samples[:, 300:], 0.85, samples[:, 300 - heard : 300]).numpy()
    np.testing.assert_allclose(rest, whole[:, 300:], atol=1e-6)  # sums in another order


def test_white_noise_falls_with_frequency_and_stays_in_range():
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 8_192)).astype(np.float32)
    sound = without_emphasis(noise, 0.85).numpy()
    assert np.abs(sound).max() <= 1.0
    power = np.abs(np.fft.rfft(without_emphasis(0.1 * noise, 0.85).numpy()[0])) ** 2
    assert power[:400].mean() > 50 * power[-400:].mean()  # (1.85 / 0.15)^2 = 152 at the ends
