import io
import logging

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.data.messages import example
from vqvae_tf import data
from vqvae_tf.errors import UserError

DRAWS = np.random.default_rng(0)
EPISODES = [
    {"name": f"walk {number}", "frames": frames, "actions": actions}
    for number, (frames, actions) in enumerate(
        (
            DRAWS.integers(0, 256, [time, 6, 8, 3], np.uint8),
            DRAWS.integers(-1, 3, time).astype(np.int32),
        )
        for time in (4, 7)
    )
]
MOVES = [
    {**episode, "actions": DRAWS.normal(size=[len(episode["frames"]), 2]).astype(np.float32)}
    for episode in EPISODES
]


def png(side=4):
    file = io.BytesIO()
    Image.fromarray(np.zeros([side, side, 3], np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("episodes", "names"),
    [
        (EPISODES, ("stay", "left", "right")),
        (EPISODES, ()),
        (MOVES, ()),
        ([{**episode, "actions": None} for episode in EPISODES], ()),
    ],
    ids=["named", "numbered", "continuous", "none"],
)
def test_what_is_written_is_read(tmp_path, episodes, names):
    assert data.write_episodes(tmp_path / "a.tfrecord", episodes, names) == 2
    source = data.open_episodes(f"tfrecord:{tmp_path}/*.tfrecord")
    assert len(source) == 2
    kind = episodes[0]["actions"]
    if kind is None:
        assert source.action_space == data.ActionSpace()
    elif kind.ndim > 1:
        assert source.action_space == data.ActionSpace(dims=2)
    else:
        assert source.class_names == (names or ("0", "1", "2"))
    for found, written in zip(source.episodes(), episodes, strict=True):
        assert found["name"] == written["name"]
        np.testing.assert_array_equal(found["frames"], written["frames"])
        np.testing.assert_array_equal(found["actions"], written["actions"])
    assert source.read(1, channels=1)["frames"].shape == (7, 6, 8, 1)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (example(frames=[png()] * 2, actions=[1]), "2 frames and 1 actions"),
        (example(frames=[png()] * 2, actions=[0.5] * 3), "2 frames and 3 numbers of actions"),
        (example(frames=[png()] * 2, actions=[0, -2]), "action -2 of frame 1 is none of"),
        (example(frames=[png()] * 2, actions=[0.5] * 2), "continuous actions of 1 numbers, where"),
        (example(frames=[png()] * 2), "no actions, where most episodes have discrete"),
        (example(frames=[png(), png(5)], actions=[0, 0]), "its frames differ in size"),
        (example(frames=[png(), b"no"], actions=[0, 0]), "frame 1: not a readable picture"),
        (example(actions=[0]), "2 actions"),
        (example(image=[png()]), 'no feature "frames"'),
        (b"\xff\xff", "not a tf.train.Example"),
    ],
)
def test_bad_records(tmp_path, record, words, caplog):
    path = str(tmp_path / "a.tfrecord")
    data.write_episodes(path, EPISODES)
    good = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
    with tf.io.TFRecordWriter(path) as writer:
        for each in (good[0], record, good[1]):
            writer.write(each)
    source = data.open_episodes(f"tfrecord:{path}")
    assert [episode["name"] for episode in source.episodes()] == ["walk 0", "walk 1"]
    (message,) = [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]
    assert "a.tfrecord#1" in message and (words in message or words == "2 actions")


def test_a_misspelt_feature_of_actions_is_named(tmp_path, caplog):
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example(frames=[png()] * 2, action=[0, 1], name=[b"a"]))
    source = data.open_episodes(f"tfrecord:{path}")
    assert source.action_space == data.ActionSpace()
    (message,) = [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]
    assert 'not used: action; actions must be named "actions"' in message


def test_episodes_that_cannot_be_written(tmp_path):
    for change, words in (
        ({"frames": np.zeros([4, 6, 8, 3])}, "frames must be uint8"),
        ({"actions": np.zeros(3, int)}, "4 frames and 3 actions"),
        ({"actions": np.full(4, 3)}, "action 3 of frame 0 is none of 0 to 2"),
        ({"actions": np.zeros([4, 2, 2])}, "actions must be integers"),
    ):
        with pytest.raises(UserError, match=words):
            data.write_episodes(
                tmp_path / "b.tfrecord", [EPISODES[0] | change], ("stay", "left", "right")
            )
    assert not list(tmp_path.iterdir())
