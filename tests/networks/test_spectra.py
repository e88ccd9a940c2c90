"""Frames of sound: NumPy's formulas, TensorFlow's own cepstra, and the way back by ear."""

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.networks.spectra import Spectra

RATE = 16_000
SPECTRA = Spectra(sample_rate=RATE, hop=160, bands=80)
CEPSTRA = Spectra(sample_rate=RATE, hop=160, bands=80, coefficients=20)


def voice(pitch: float = 120.0, seconds: float = 0.3, count: int = 1) -> np.ndarray:
    """Harmonics below two formants that glide, and a little noise."""
    time = np.arange(round(RATE * seconds)) / RATE
    formants = (400 + 900 * time, 1_800 - 1_200 * time)
    total = np.random.default_rng(0).normal(0, 1e-3, (count, len(time)))
    for number in range(1, 40):
        size = sum(np.exp(-(((number * pitch - each) / 250) ** 2)) for each in formants)
        total += 0.2 * size * np.sin(2 * np.pi * number * pitch * time)
    return total.astype(np.float32)


def mel_matrix(spectra):
    bins = spectra.transform // 2 + 1
    return tf.signal.linear_to_mel_weight_matrix(
        spectra.bands, bins, spectra.sample_rate, 20.0, spectra.sample_rate / 2, tf.float64
    ).numpy()


@pytest.mark.parametrize(
    "spectra", [SPECTRA, Spectra(sample_rate=8_000, hop=37, bands=23), Spectra(4_000, 128, 16)]
)
def test_log_mel_is_numpy_s(spectra):
    audio = voice(count=2)[:, : 9 * spectra.hop]
    window = np.hanning(spectra.length + 1)[:-1]
    before = (spectra.length - spectra.hop) // 2
    padded = np.pad(audio.astype(float), [(0, 0), (before, spectra.length)])
    frames = np.stack(
        [padded[:, i * spectra.hop :][:, : spectra.length] * window for i in range(9)], axis=1
    )
    power = np.abs(np.fft.rfft(frames, spectra.transform)) ** 2
    # Powers are sums of some hundred float32 terms, in which a band as low as the floor is a
    # small difference of large numbers.
    np.testing.assert_allclose(
        spectra.frames(audio), np.log(power @ mel_matrix(spectra) + 1e-5), atol=2e-3
    )


def test_cepstra_are_tensorflow_s():
    audio = voice(count=2)
    expected = tf.signal.mfccs_from_log_mel_spectrograms(SPECTRA.frames(audio))[..., :20].numpy()
    expected[..., 0] /= np.sqrt(2)  # which makes the transform orthonormal
    # Sums of 80 float32 terms of up to 12.
    np.testing.assert_allclose(CEPSTRA.frames(audio), expected, atol=1e-4)


def test_a_frame_is_centred_on_its_samples():
    audio = np.zeros([1, 10 * 160], np.float32)
    audio[0, 7 * 160 + 80] = 1.0
    loudness = tf.reduce_mean(SPECTRA.frames(audio), -1)[0]
    assert int(tf.argmax(loudness)) == 7
    np.testing.assert_allclose(loudness[6], loudness[8], rtol=1e-2)  # the window has no middle


def test_a_warp_moves_bands_and_leaves_time():
    audio = voice(count=3)
    plain, warped = SPECTRA.frames(audio), SPECTRA.frames(audio, [1.0, 0.5, 1.25])
    np.testing.assert_allclose(warped[0], plain[0], atol=1e-6)
    np.testing.assert_allclose(warped[1, :, 20], plain[1, :, 10], atol=1e-6)
    np.testing.assert_allclose(warped[1, :, 21], (plain[1, :, 10] + plain[1, :, 11]) / 2, atol=1e-5)
    np.testing.assert_allclose(warped[2, :, 4], plain[2, :, 5], atol=1e-5)
    np.testing.assert_allclose(warped[2, :, 64:], plain[2, :, 79:].numpy().repeat(16, 1), atol=1e-5)


@pytest.mark.parametrize("spectra", [SPECTRA, CEPSTRA])
def test_a_waveform_of_frames_has_these_frames(spectra):
    audio = voice()
    frames = spectra.frames(audio)
    errors = []
    for iterations in (0, 60):
        heard = spectra.waveform(frames, iterations)
        assert heard.shape == audio.shape and heard.dtype == tf.float32
        assert np.abs(heard).max() <= 1.0
        errors.append(np.abs(spectra.frames(heard) - frames).mean() / np.std(frames))
    assert errors[1] < 0.2 and errors[1] < 0.6 * errors[0]


def test_it_compiles_and_goes_into_a_graph(tmp_path):
    audio = voice(count=2)

    def there_and_back(audio):
        frames = CEPSTRA.frames(audio, tf.fill(tf.shape(audio)[:1], 1.1))
        return frames, CEPSTRA.waveform(frames, 2)

    frames, heard = there_and_back(audio)
    compiled = tf.function(there_and_back, jit_compile=True)(audio)
    np.testing.assert_allclose(compiled[0], frames, atol=1e-3)
    np.testing.assert_allclose(compiled[1], heard, atol=1e-3)
    module = tf.Module()
    module.run = tf.function(
        there_and_back, input_signature=[tf.TensorSpec([None, None])], autograph=False
    )
    tf.saved_model.save(module, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).run(audio)
    np.testing.assert_allclose(served[0], frames, atol=1e-4)
    np.testing.assert_allclose(served[1], heard, atol=1e-3)
