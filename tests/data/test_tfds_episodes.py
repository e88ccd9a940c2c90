import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.errors import UserError

tfds = pytest.importorskip("tensorflow_datasets")
TIME = 4


def frames(number):
    return np.random.default_rng(number).integers(0, 256, [TIME, 6, 8, 3], np.uint8)


def moves(number):
    return np.random.default_rng(number).normal(size=[TIME, 4]).astype(np.float32)


def actions(number):
    return (np.arange(TIME) + number) % 7


def number_of(episode):
    """Which of `frames` an episode has: TFDS writes examples in another order."""
    (found,) = (each for each in range(3) if np.array_equal(episode["frames"], frames(each)))
    return found


@pytest.fixture(name="prepare")
def fixture_prepare(tmp_path, monkeypatch):
    """Prepares a data set of these features, of examples that `example` gives by their number."""
    monkeypatch.setattr(tfds, "list_builders", lambda: ["tiny"])

    def prepare(features, example):
        with tfds.core.registered.skip_registration():

            class Tiny(tfds.core.GeneratorBasedBuilder):
                VERSION = tfds.core.Version("1.0.0")

                def _info(self):
                    return tfds.core.DatasetInfo(builder=self, features=features)

                def _split_generators(self, dl_manager):
                    return {"train": self._generate_examples(3), "test": self._generate_examples(2)}

                def _generate_examples(self, count):
                    for number in range(count):
                        yield number, example(number)

            builder = Tiny(data_dir=tmp_path)
        monkeypatch.setattr(tfds, "builder", lambda name: builder)

    return prepare


def bair(number):
    """An example of bair_robot_pushing_small."""
    return [
        {"image_main": frame, "image_aux1": 255 - frame, "action": move, "endeffector_pos": move}
        for frame, move in zip(frames(number), moves(number), strict=True)
    ]


BAIR = tfds.features.Sequence(
    {
        "image_aux1": tfds.features.Image(shape=(6, 8, 3)),
        "image_main": tfds.features.Image(shape=(6, 8, 3)),
        "action": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        "endeffector_pos": tfds.features.Tensor(shape=(4,), dtype=np.float32),
    },
    length=TIME,
)


def dmlab(number):
    """An example of rlu_dmlab_seekavoid_arena01 and the like."""
    return {
        "steps": [
            {"observation": {"pixels": frame, "last_action": 0}, "action": action, "reward": 0.0}
            for frame, action in zip(frames(number), actions(number), strict=True)
        ],
        "episode_id": number,
    }


DMLAB = tfds.features.FeaturesDict(
    {
        "steps": tfds.features.Dataset(
            {
                "observation": {
                    "pixels": tfds.features.Image(shape=(6, 8, 3), encoding_format="png"),
                    "last_action": np.int64,
                },
                "action": np.int64,
                "reward": np.float32,
            }
        ),
        "episode_id": np.int64,
    }
)


def test_a_sequence_with_continuous_actions(prepare):
    prepare(BAIR, bair)
    source = data.open_episodes("tfds:tiny/test")
    assert len(source) == 2 and source.action_space == data.ActionSpace(dims=4)
    found = list(source.episodes())
    assert [episode["name"] for episode in found] == ["test#0", "test#1"]
    assert sorted(map(number_of, found)) == [0, 1]
    for episode in found:
        np.testing.assert_array_equal(episode["actions"], moves(number_of(episode)))


def test_steps_with_discrete_actions(prepare):
    prepare(DMLAB, dmlab)
    source = data.open_episodes("tfds:tiny")
    assert len(source) == 3
    assert source.class_names == tuple("012345")  # 0 + 3 to 2 + 3
    in_order = list(source.episodes())
    assert sorted(map(number_of, in_order)) == [0, 1, 2]
    for index in (2, 0, 1):  # in any order
        episode = source.read(index)
        np.testing.assert_array_equal(episode["frames"], in_order[index]["frames"])
        np.testing.assert_array_equal(episode["actions"], actions(number_of(episode)))
    assert source.read(0, channels=1)["frames"].shape == (TIME, 6, 8, 1)


def test_a_video_without_actions(prepare):
    features = tfds.features.FeaturesDict({"video": tfds.features.Video(shape=(TIME, 6, 8, 3))})
    prepare(features, lambda number: {"video": frames(number)})
    source = data.open_episodes("tfds:tiny/train[:2]")
    found = list(source.episodes())
    assert len(found) == 2 and source.action_space == data.ActionSpace()
    assert len(set(map(number_of, found))) == 2
    assert found[1]["actions"] is None


def test_named_actions(prepare):
    features = tfds.features.Sequence(
        {
            "image": tfds.features.Image(shape=(6, 8, 3)),
            "action": tfds.features.ClassLabel(names=["stay", "left", "right"]),
        }
    )
    prepare(features, lambda number: [{"image": frame, "action": 2} for frame in frames(number)])
    source = data.open_episodes("tfds:tiny")
    assert source.action_space == data.ActionSpace(3, 0, ("stay", "left", "right"))
    assert source.read(0)["actions"].tolist() == [2] * TIME


def test_a_data_set_of_pictures_is_refused(prepare):
    features = tfds.features.FeaturesDict({"label": np.int64})
    prepare(features, lambda number: {"label": number})
    with pytest.raises(UserError, match="the data set has no episodes.*label") as error:
        data.open_episodes("tfds:tiny")
    assert "\n" not in str(error.value)
