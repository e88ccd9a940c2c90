import logging

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import VideoDataConfig
from vqvae_tf.data import frames as frames_lib
from vqvae_tf.data.episodes import every
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError


def episode(time, actions):
    frames = np.arange(time, dtype=np.uint8).reshape(time, 1, 1, 1)
    return data.Episode(name="a", frames=frames, actions=actions)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": 0}, "window must be at least 1; received 0"),
        ({"batch_size": 1.5}, "batch_size must be a whole number; received 1.5"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"start_step": -1}, "start_step must be at least 0; received -1"),
    ],
)
def test_batches_of_wrong_numbers_are_refused(changes, words):
    right = {"source": None, "window": 2, "batch_size": 1, "seed": 0}
    with pytest.raises(UserError, match=words):  # before the source is read
        data.episode_batches(**right | changes)


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


@pytest.fixture(name="walks")
def fixture_walks(tmp_path):
    """Three episodes of which every frame tells its place, and one that is too short."""
    for number, time in enumerate((6, 9, 3, 7)):
        frames = np.zeros([time, 4, 4, 3], np.uint8)
        frames[..., 0], frames[..., 1] = number, np.arange(time)[:, None, None]
        np.savez(tmp_path / f"{number}.npz", frames=frames, actions=np.arange(time) + 10 * number)
    return data.open_episodes(f"folder:{tmp_path}")


def batches(walks, batch_size=3, start_step=0, **config):
    config = VideoDataConfig(image_size=4, **config)
    found = data.episode_batches(walks, 4, batch_size, 7, start_step, config)
    return found.as_numpy_iterator()


def test_every_window_once_an_epoch_with_its_actions(walks, caplog):
    # Windows of four frames: 3, 6 and 4 of them; the third episode has none.
    found = batches(walks, batch_size=13)
    for _ in range(2):
        batch = next(found)
        assert batch["frames"].shape == (13, 4, 4, 4, 3) and batch["frames"].dtype == np.uint8
        assert batch["actions"].dtype == np.int32
        number, time = batch["frames"][:, :, 0, 0, 0], batch["frames"][:, :, 0, 0, 1]
        assert (number == number[:, :1]).all() and (np.diff(time) == 1).all()
        np.testing.assert_array_equal(batch["actions"], 10 * number + time)
        windows = set(zip(number[:, 0].tolist(), time[:, 0].tolist(), strict=True))
        assert len(windows) == 13
    (message,) = [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]
    assert "2.npz: 3 frames are fewer than the 4 that are taken at once" in message


def test_a_resumed_run_sees_the_same_batches(walks):
    whole = batches(walks)
    for _ in range(4):
        next(whole)
    resumed = batches(walks, start_step=4)
    for _ in range(3):
        expected, found = next(whole), next(resumed)
        np.testing.assert_array_equal(found["frames"], expected["frames"])
        np.testing.assert_array_equal(found["actions"], expected["actions"])


def test_frames_of_another_size(walks):
    with pytest.raises(UserError, match="none of its 4 episodes can be read"):
        next(data.episode_batches(walks, 2, 1, 0, config=VideoDataConfig(image_size=8)))
    config = VideoDataConfig(image_size=8, resize=True, channels=1)
    batch = next(iter(data.episode_batches(walks, 2, 1, 0, config=config)))
    assert batch["frames"].shape == (1, 2, 8, 8, 1)


def test_a_stride_over_frames(walks):
    config = VideoDataConfig(image_size=4, frame_stride=2)
    found = list(walks.prepared(config, least=3))
    assert [episode["name"] for episode in found] == ["0.npz", "1.npz", "3.npz"]
    assert found[1]["frames"][:, 0, 0, 1].tolist() == [0, 2, 4, 6]
    assert found[1]["actions"].tolist() == [-1] * 4  # all actions differ here


def test_no_actions(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros([3, 64, 64, 3], np.uint8))
    source = data.open_episodes(f"folder:{tmp_path}")
    assert set(next(iter(data.episode_batches(source, 2, 1, 0)))) == {"frames"}


def test_only_some_sources_have_futures(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros([2, 2, 2, 3], np.uint8))
    source = data.open_episodes(f"folder:{tmp_path}")
    assert not source.has_futures
    with pytest.raises(UserError, match="only what was recorded is known"):
        source.true_future(0, 0, [1])
