import numpy as np
import pytest

from vqvae_tf import data, models
from vqvae_tf.config import VideoDataConfig
from vqvae_tf.errors import UserError
from vqvae_tf.media import rollout_clips, rollouts

pytest.importorskip("labmaze")
CONFIG = models.VideoConfig(
    widths=(4, 8), data=VideoDataConfig(image_size=32), quantizer=models.QuantizerConfig()
)


@pytest.fixture(name="walked", scope="module")
def fixture_walked():
    return data.open_episodes("embedded:labmaze_small/test")


@pytest.mark.parametrize("command", rollout_clips.COMMANDS)
def test_commanded_clips_show_the_true_future(walked, command):
    number = walked.class_names.index(command)
    group = rollout_clips.commanded(walked, CONFIG, command, context=4, frames=3, count=5)
    assert group.context.shape == (5, 4, 32, 32, 3) and group.true.shape == (5, 3, 32, 32, 3)
    assert len(set(group.places)) == 5
    for clip, (index, start) in enumerate(group.places):
        episode = walked.read(index)
        np.testing.assert_array_equal(group.context[clip], episode["frames"][start : start + 4])
        future = walked.true_future(index, start + 3, [number] * 3)
        np.testing.assert_array_equal(group.true[clip], future.frames)
        recorded = episode["actions"][start : start + 3].tolist()
        assert group.actions[clip].tolist() == [*recorded, *[number] * 3, -1]
        if command == "forward":
            moved = np.linalg.norm(np.diff(future.poses[:, :2], axis=0), axis=1)
            np.testing.assert_allclose(moved, 0.15, rtol=1e-3)  # cells: nothing is in the way


def test_recorded_clips(walked):
    group = rollout_clips.recorded(walked, CONFIG, context=4, frames=3, count=6)
    for clip, (index, start) in enumerate(group.places):
        episode = walked.read(index)
        whole = np.concatenate([group.context[clip], group.true[clip]])
        np.testing.assert_array_equal(whole, episode["frames"][start : start + 7])
        np.testing.assert_array_equal(group.actions[clip], episode["actions"][start : start + 7])
    with pytest.raises(UserError, match="no episode has 60 frames"):
        rollout_clips.recorded(walked, CONFIG, context=50, frames=10, count=1)


def test_clips_of_episodes_that_cannot_be_used(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros([9, 16, 16, 3], np.uint8))
    source = data.open_episodes(f"folder:{tmp_path}")
    with pytest.raises(UserError, match=r"7 frames \(1 cannot be used; the log says why\); take"):
        rollout_clips.recorded(source, CONFIG, context=4, frames=3, count=1)


def test_a_stride_repeats_the_command(walked):
    """Every second frame of the future is that of as many steps."""
    whole = rollouts.true_future(walked, 0, 10, np.array([1, 2, 3]), 1)
    twice = rollouts.true_future(walked, 0, 5, np.array([1, 2]), 2)
    single = walked.true_future(0, 10, [1, 1, 2, 2])
    np.testing.assert_array_equal(twice.frames, single.frames[1::2])
    np.testing.assert_array_equal(twice.poses, single.poses[::2])
    assert len(whole.frames) == 3
