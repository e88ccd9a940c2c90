"""tensorflow-io decodes audio as TensorFlow does, where its operations load."""

import io
import os
import wave

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="module")
def decode_wav():
    """tensorflow-io's decoder; only a call shows whether it is there, its import merely warns."""
    at_floor = os.environ.get("VQVAE_TF_FLOOR") == "1"
    try:
        import tensorflow_io as tfio

        tfio.audio.decode_wav(wav(np.zeros((1, 1), np.int16)), dtype=tf.int16)
    except (ImportError, NotImplementedError) as error:
        if at_floor:
            raise
        pytest.skip(f"tensorflow-io does not load with TensorFlow {tf.__version__}: {error!s:.80}")
    return tfio.audio.decode_wav


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """A WAV file of int16 samples `[frames, channels]`."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2])
def test_decodes_wav_as_tensorflow_does(decode_wav, channels):
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (800, channels), np.int16)
    contents = wav(samples)
    ours = decode_wav(contents, dtype=tf.int16)
    reference, rate = tf.audio.decode_wav(contents)
    np.testing.assert_array_equal(ours, samples)
    # Equal to the bit: TensorFlow divides by a power of two.
    np.testing.assert_array_equal(tf.cast(ours, tf.float32) / 2**15, reference)
    assert rate == 16_000


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_files_are_decoded_as_the_library_decodes_them(decode_wav, ending, channels):
    """To the bit, inside a graph: 16-bit samples are exact in float32."""
    import tensorflow_io as tfio

    soundfile = pytest.importorskip("soundfile")
    from vqvae_tf.data import sound_files

    samples = np.random.default_rng(1).integers(-(2**15), 2**15, (900, channels), np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format=ending)
    decode = {"wav": decode_wav, "flac": tfio.audio.decode_flac}[ending]

    @tf.function
    def decoded(contents):
        values = tf.cast(decode(contents, dtype=tf.int16), tf.float32) / 2**15
        return tf.reduce_mean(values, axis=1)

    ours = sound_files.decode(file.getvalue(), f"a.{ending}", 16_000)
    np.testing.assert_array_equal(decoded(file.getvalue()), ours)
