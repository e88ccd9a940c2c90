import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.data import frames as frames_lib
from vqvae_tf.data.episodes import every
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError


def episode(time, actions):
    frames = np.arange(time, dtype=np.uint8).reshape(time, 1, 1, 1)
    return data.Episode(name="a", frames=frames, actions=actions)


def test_a_run_of_one_action_is_one_step_and_other_steps_are_unknown():
    found = every(episode(8, np.array([1, 1, 1, 2, 2, 3, 3, 3], np.int32)), 2)
    assert found["frames"].ravel().tolist() == [0, 2, 4, 6]
    assert found["actions"].tolist() == [1, -1, -1, 3] and found["actions"].dtype == np.int32


def test_continuous_actions_are_all_kept():
    moves = np.arange(14, dtype=np.float32).reshape(7, 2)
    found = every(episode(7, moves), 3)
    assert found["frames"].ravel().tolist() == [0, 3]  # the seventh frame begins no whole step
    np.testing.assert_array_equal(found["actions"], moves[:6].reshape(2, 6))
    assert every(episode(7, None), 3)["actions"] is None


def test_an_episode_shorter_than_the_stride():
    with pytest.raises(UnreadableError, match="a: 2 frames are fewer than the frame_stride of 3"):
        every(episode(2, None), 3)


def test_the_middle_of_frames_is_resized():
    frames = np.zeros([2, 4, 8, 3], np.uint8)
    frames[:, :, 2:6] = 200
    assert (frames_lib.resized(frames, 4) == 200).all()
    assert frames_lib.resized(frames, 2).shape == (2, 2, 2, 3)
    assert (frames_lib.resized(frames, 2) == 200).all()


def test_only_some_sources_have_futures(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros([2, 2, 2, 3], np.uint8))
    source = data.open_episodes(f"folder:{tmp_path}")
    assert not source.has_futures
    with pytest.raises(UserError, match="only what was recorded is known"):
        source.true_future(0, 0, [1])
