import numpy as np
import pytest

from vqvae_tf import models
from vqvae_tf.config import SoundDataConfig
from vqvae_tf.data.sound_levels import MARGIN_SECONDS, at_level, prepared, trimmed
from vqvae_tf.errors import UserError

RATE = 8_000
DRAWS = np.random.default_rng(0)
LOUD = (0.3 * DRAWS.standard_normal(RATE)).clip(-1, 1).astype(np.float32)
HUM = (0.0003 * DRAWS.standard_normal(RATE)).astype(np.float32)  # 60 dB below


@pytest.mark.parametrize("before", [0, 37, 161, RATE])
@pytest.mark.parametrize("after", [0, 99, RATE])
def test_silence_is_cut_to_a_margin_and_the_sound_is_whole(before, after):
    sound = np.concatenate([HUM[:before], LOUD, HUM[:after]])
    left = trimmed(sound, RATE, 40)
    start = next(n for n in range(len(sound)) if np.array_equal(sound[n:][: len(left)], left))
    end = start + len(left)
    assert start <= before and end >= before + len(LOUD)
    most = MARGIN_SECONDS * RATE + 160  # and a frame of 20 ms
    assert before - start <= most and end - before - len(LOUD) <= most
    # Of hum that is not far enough below nothing is cut.
    assert len(trimmed(sound, RATE, 80)) == len(sound)


@pytest.mark.parametrize("length", [1, 2, 159, 500])
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -1.0, 1e-30])
def test_silence_and_single_samples_stay_sounds(length, value):
    sound = np.full(length, value, np.float32)
    for config in (SoundDataConfig(40.0, -23.0), SoundDataConfig(0.0, 0.0)):
        result = prepared(sound, RATE, config)
        assert result.dtype == np.float32 and 0 < len(result) <= length
        assert np.all(np.isfinite(result)) and np.abs(result).max() <= 1 + 1e-6
    np.testing.assert_array_equal(prepared(sound, RATE, SoundDataConfig()), sound)


@pytest.mark.parametrize("decibels", [-60.0, -23.0, -12.0])
def test_levels_are_reached_where_nothing_clips(decibels):
    result = at_level(LOUD, decibels).astype(np.float64)
    level = 10 * np.log10(np.mean(result**2))
    assert level == pytest.approx(decibels, abs=1e-4)  # float32
    clicks = np.zeros(RATE, np.float32)
    clicks[::1000] = 0.1
    assert np.abs(at_level(clicks, 0.0)).max() == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trim_db": -1.0}, "data.trim_db must be at least 0; received -1.0"),
        ({"loudness": 3.0}, "data.loudness must be at most 0; received 3.0"),
        ({"loudness": "loud"}, 'field "data.loudness" must be float'),
    ],
)
def test_settings_out_of_bounds_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        SoundDataConfig(**values)
    with pytest.raises(UserError, match='unknown field "data.trim"'):
        models.AudioVQVAE({"data": {"trim": 1}})
