"""Distances of sounds against NumPy in float64, and what they must not depend on."""

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.networks import sound_distances

RATE = 8_000


def pair(seed: int = 0, time: int = 4_000) -> np.ndarray:
    """A sound and a decoded one, float32 `[2, 2, time]`."""
    draws = np.random.default_rng(seed)
    tone = np.sin(np.arange(time) * draws.uniform(0.05, 1.0, [2, 1]))
    sounds = 0.3 * np.stack([tone, tone + 0.2 * draws.normal(size=tone.shape)])
    return sounds.astype(np.float32)


def test_stft_distance_is_that_of_numpy():
    real, found = pair().astype(np.float64)
    expected = 0.0
    for window in (128, 256):
        hop = window // 4
        weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        magnitudes = []
        for sounds in (real, found):
            padded = np.pad(sounds, ((0, 0), (0, window)))
            starts = range(0, sounds.shape[1], hop)
            frames = np.stack([padded[:, at : at + window] for at in starts], axis=1)
            power = np.abs(np.fft.rfft(frames * weights)) ** 2
            magnitudes.append(np.sqrt(np.maximum(power, 1e-7)))
        one, two = magnitudes
        norm = np.sqrt(np.square(one - two).sum((1, 2)) / np.square(one).sum((1, 2)))
        expected += (norm + np.abs(np.log(one / two)).mean((1, 2))) / 2
    distance = sound_distances.stft_distance(*pair(), windows=(128, 256))
    np.testing.assert_allclose(distance, expected, rtol=1e-3)  # logarithms of small float32 powers


def test_si_sdr_is_the_ratio_of_orthogonal_parts():
    draws = np.random.default_rng(0)
    real, noise = draws.normal(size=(2, 3, 500))
    noise -= real * (real * noise).sum(1, keepdims=True) / np.square(real).sum(1, keepdims=True)
    expected = 10 * np.log10(np.square(real).sum(1) / np.square(0.1 * noise).sum(1))
    for scale in (0.01, 1.0, -3.0):
        found = sound_distances.si_sdr(real, scale * (real + 0.1 * noise))
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    "distance",
    [
        lambda one, two: sound_distances.mel_distance(one, two, RATE),
        sound_distances.stft_distance,
        lambda one, two: -sound_distances.si_sdr(one, two),
    ],
)
def test_distances_grow_with_the_noise_and_know_silence(distance):
    real, found = pair()
    same, near = distance(real, real).numpy(), distance(real, found).numpy()
    far = distance(real, real + 3 * (found - real)).numpy()
    assert (same < near).all() and (near < far).all()
    silence = np.zeros((1, 100), np.float32)  # shorter than any window
    for one, two in ((silence, silence), (silence, silence + 0.1), (silence + 0.1, silence)):
        assert np.isfinite(distance(one, two)).all()


def test_distances_are_those_of_each_sound_and_compile():
    real, found = pair()
    for distance in (sound_distances.stft_distance, sound_distances.si_sdr):
        alone = [float(distance(real[at : at + 1], found[at : at + 1])[0]) for at in range(2)]
        np.testing.assert_allclose(distance(real, found), alone, rtol=1e-4)
        compiled = tf.function(distance, jit_compile=True)
        np.testing.assert_allclose(compiled(real, found), alone, rtol=1e-3)
