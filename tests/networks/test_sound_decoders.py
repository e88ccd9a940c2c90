"""Decoders of frames and of waveforms: shapes, how far a code is heard, and who speaks."""

import keras
import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.networks.frame_decoder import FrameDecoder
from vqvae_tf.networks.waveform_decoder import WaveformDecoder

DECODERS = {
    "frames": lambda **more: FrameDecoder(3, frames_per_code=4, width=8, num_speakers=2, **more),
    "waveform": lambda **more: WaveformDecoder((2, 5), (8, 6, 4), num_speakers=2, **more),
}
PLACES = {"frames": 4, "waveform": 10}  # of a code


def vectors(codes=6):
    return np.random.default_rng(0).normal(size=(2, codes, 5)).astype(np.float32)


@pytest.fixture(params=DECODERS)
def name(request):
    return request.param


@pytest.mark.parametrize("codes", [1, 6])
def test_shapes_and_configurations(name, codes):
    decoder = DECODERS[name]()
    outputs = decoder(vectors(codes), np.array([0, 1]))
    assert outputs.shape[:2] == (2, codes * PLACES[name])
    assert outputs.shape == decoder.compute_output_shape((2, codes, 5))
    again = type(decoder).from_config(decoder.get_config())
    again.build((None, None, 5))
    again.set_weights(decoder.get_weights())
    np.testing.assert_array_equal(again(vectors(codes), np.array([0, 1])), outputs)


def test_a_speaker_is_heard_and_none_is_one_of_its_own(name):
    decoder = DECODERS[name]()
    same = np.repeat(vectors()[:1], 2, axis=0)
    first, second = np.asarray(decoder(same, np.array([0, 1])))
    nobody = np.asarray(decoder(same))
    assert np.any(first != second) and np.any(first != nobody[0])
    np.testing.assert_array_equal(decoder(same, np.array([-1, -1])), nobody)
    with pytest.raises(UserError, match="label must lie between 0 and 1.*received 0 to 2"):
        decoder(same, np.array([0, 2]))


@pytest.mark.parametrize(("kernel_size", "reach"), [(1, 0), (3, 2)])
def test_how_many_codes_beside_its_own_a_frame_hears(kernel_size, reach):
    decoder = FrameDecoder(3, frames_per_code=4, width=8, blocks=2, kernel_size=kernel_size)
    one, other = vectors(9)[:1], vectors(9)[:1]
    other[0, 4] += 1.0
    moved = np.asarray(decoder(one) != decoder(other))[0].any(-1).reshape(9, 4).any(-1)
    np.testing.assert_array_equal(np.flatnonzero(moved), np.arange(4 - reach, 4 + reach + 1))


def test_waveforms_stay_in_range_under_bfloat16():
    decoder = DECODERS["waveform"](dtype="mixed_bfloat16")
    outputs = decoder(100.0 * vectors())
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    assert np.abs(outputs).max() <= 1.0


def test_wrong_arguments():
    with pytest.raises(UserError, match="one number more than the 2 strides; received \\(8, 4\\)"):
        WaveformDecoder((2, 5), (8, 4))
    with pytest.raises(UserError, match="takes the shape \\[batch, time, channels\\]"):
        FrameDecoder(3, 4)(np.zeros((2, 5), np.float32))
