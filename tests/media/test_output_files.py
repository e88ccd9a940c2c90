import errno
import os
import wave

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.media import output_files

SAMPLES = np.array([0.0, 1.0, -1.0, 0.5, -0.25, 0.125], np.float32)


def test_a_sound_in_pieces_is_a_whole_file(tmp_path):
    path = str(tmp_path / "a.wav")
    output_files.write_wav_pieces(path, [SAMPLES[:4], SAMPLES[4:]], len(SAMPLES), 8_000)
    with wave.open(path) as sound:
        assert sound.getparams()[:4] == (1, 2, 8_000, len(SAMPLES))
        found = np.frombuffer(sound.readframes(len(SAMPLES)), "<i2")
    np.testing.assert_array_equal(found, np.rint(SAMPLES * 32_767))
    assert os.path.getsize(path) == 44 + 2 * len(SAMPLES)


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
        (OSError(errno.ENOSPC, "No space left on device"), UserError, "No space left on device"),
        (tf.errors.ResourceExhaustedError(None, None, "full"), UserError, "full"),
    ],
)
def test_what_ends_a_sound_early_is_what_is_said(tmp_path, error, raised, message):
    def pieces():
        yield SAMPLES
        raise error

    with pytest.raises(raised, match=message):
        output_files.write_wav_pieces(str(tmp_path / "a.wav"), pieces(), 100, 8_000)
    assert os.listdir(tmp_path) == []


def test_a_sound_beyond_the_sizes_of_wav_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"too many for a WAV file, which holds 2,147,483,629"):
        output_files.write_wav_pieces(str(tmp_path / "a.wav"), [], 2**31, 8_000)
    assert os.listdir(tmp_path) == []
