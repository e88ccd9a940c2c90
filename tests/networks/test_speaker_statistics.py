"""Statistics of speakers' frames: NumPy's; of the sound itself where the speaker is not known."""

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.networks.speaker_statistics import SpeakerStatistics


def frames_of(speakers, seed=0):
    draws = np.random.default_rng(seed).normal(size=(len(speakers), 50, 3))
    return (np.asarray(speakers)[:, None, None] * 4.0 + (1 + draws)).astype(np.float32)


def test_they_are_numpy_s_over_all_batches():
    statistics = SpeakerStatistics(3, num_speakers=3, decay=1.0)
    who = np.array([0, 2, 2, 0, 2, -1], np.int32)
    frames = frames_of(who)
    for rows in (slice(0, 2), slice(2, 6)):
        statistics.update(frames[rows], who[rows])
    mean, deviation = statistics.of(frames[:2], who[:2])
    for row, speaker in enumerate((0, 2)):
        own = frames[who == speaker].astype(float)
        # float32 sums of some hundred terms.
        np.testing.assert_allclose(mean[row, 0], own.mean((0, 1)), rtol=1e-5)
        np.testing.assert_allclose(deviation[row, 0], own.std((0, 1)), rtol=1e-3)


def test_an_unknown_speaker_has_the_statistics_of_the_sound():
    statistics = SpeakerStatistics(3, num_speakers=2)
    frames = frames_of([1, 1])
    statistics.update(frames[:1], np.array([0], np.int32))
    for who in (np.array([1, -1], np.int32), None):  # 1 was never heard
        mean, deviation = statistics.of(frames, who)
        np.testing.assert_allclose(mean[:, 0], frames.mean(1), rtol=1e-5)
        np.testing.assert_allclose(deviation[:, 0], frames.std(1), rtol=1e-3)


def test_without_speakers_all_frames_are_one():
    statistics = SpeakerStatistics(3, num_speakers=2, by_speaker=False, decay=1.0)
    mean, deviation = statistics.of(frames_of([0]), np.array([0], np.int32))
    assert not mean.numpy().any() and (deviation.numpy() == 1.0).all()  # before the first batch
    who = np.array([0, 1, -1], np.int32)
    frames = frames_of(who)
    statistics.update(frames, who)
    mean, deviation = statistics.of(frames[:1], who[:1])
    np.testing.assert_allclose(mean[0, 0], frames.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(deviation[0, 0], frames.std((0, 1)), rtol=1e-3)
    for without in (None, who):
        found = statistics.of(None, without)[0]
        np.testing.assert_allclose(found[0, 0], frames.mean((0, 1)), rtol=1e-5)


def test_a_channel_that_never_changes_is_divided_by_a_bound():
    statistics = SpeakerStatistics(1)
    statistics.update(tf.ones([2, 4, 1]))
    _, deviation = statistics.of(tf.ones([2, 4, 1]))
    assert float(tf.reduce_min(deviation)) == pytest.approx(1e-3)
