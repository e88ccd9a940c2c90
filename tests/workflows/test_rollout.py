"""Imagined futures: written, and measured; what cannot be imagined is refused in one line."""

import dataclasses
import json
import os

import numpy as np
import pytest

from tests.small import TRAINING, results_in
from tests.small_videos import AUTOENCODER, HELD_OUT, PRIOR
from vqvae_tf import data, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media import rollout_evaluation

av = pytest.importorskip("av")


def imagined(video_runs, tmp_path, name="out", **options):
    output = str(tmp_path / name)
    written = workflows.rollout(video_runs.prior, HELD_OUT, output, frames=4, **options)
    assert results_in(output) == sorted(map(os.path.basename, written))
    archive = np.load(os.path.join(output, "codes.npz"))
    return written, archive["codes"], archive["actions"]


def test_a_prior_knows_the_names_of_actions(video_runs):
    assert workflows.class_names(video_runs.prior) == ["noop", "forward", "turn_left", "turn_right"]
    with open(os.path.join(video_runs.prior, "evaluation.json")) as file:
        assert 0 < json.load(file)["bits_per_code"] < 5


def test_the_context_is_given_and_futures_are_drawn(video_runs, tmp_path):
    written, codes, actions = imagined(video_runs, tmp_path, actions=["turn_left"], count=2)
    assert [os.path.basename(path) for path in written] == [
        "strip.png", "real.mp4", "future_000.mp4", "future_001.mp4", "codes.npz"
    ]  # fmt: skip
    assert codes.shape == (2, 3 + 4, 8, 8) and actions.shape == (7,)
    episode = data.open_episodes(HELD_OUT).read(0)
    model = models.load(video_runs.model)
    given = model.encode(episode["frames"][None, :3])[0]
    np.testing.assert_array_equal(codes[:, :3], np.stack([given, given]))
    assert (codes[0] != codes[1]).any()
    # The first command is given at the last frame of the context.
    assert actions.tolist() == [*episode["actions"][:2], 2, 2, 2, 2, -1]
    with av.open(written[2]) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 7 and frames[0].shape == (256, 256, 3)
    drawn = model.decode(codes[:1])[0, -1].numpy()
    assert np.abs(frames[-1][4::8, 4::8].mean((0, 1)) - drawn.mean((0, 1))).max() < 4  # the codec


def test_a_future_is_the_same_however_many_there_are(video_runs, tmp_path):
    alone = imagined(video_runs, tmp_path, "one", actions=["1"], seed=3)[1]
    among = imagined(video_runs, tmp_path, "three", actions=["forward"] * 4, seed=3, count=3)[1]
    np.testing.assert_array_equal(alone[0], among[0])
    other = imagined(video_runs, tmp_path, "other", actions=["forward"], seed=4)[1]
    assert (other[0, 3:] != alone[0, 3:]).any()


def test_without_commands_the_recorded_actions_are_taken(video_runs, tmp_path):
    written, codes, actions = imagined(
        video_runs, tmp_path, episode="validation_001", start=5, context=4
    )
    episode = data.open_episodes(HELD_OUT).read(1)
    assert codes.shape == (1, 8, 8, 8)
    np.testing.assert_array_equal(actions, episode["actions"][5:13])
    with av.open(os.path.join(os.path.dirname(written[0]), "real.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    seen = np.stack(frames)[:, 4::8, 4::8].astype(float).mean((1, 2))
    assert np.abs(seen - episode["frames"][5:13].mean((1, 2))).max() < 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"actions": ["jump"]}, "was not trained with the action 'jump'; "),
        ({"actions": ["4"]}, "was not trained with the action '4'"),
        ({"actions": ["1", "1"]}, "one for all 4 frames, or one for each; received 2"),
        ({"context": 2}, "context must be at least 3"),
        ({"start": 46}, "of its 48 frames there are not 3 from number 46 on"),
        ({"start": 44}, "actions end 2 frames too early"),
        ({"episode": "9"}, "there is no episode 9; they are 0 to 2"),
        ({"episode": "walk"}, 'no episode "walk"; '),
        ({"frames": 0}, "frames must be at least 1"),
        ({"count": 0}, "count must be at least 1"),
        ({"temperature": -1.0}, "temperature"),
    ],
)
def test_what_cannot_be_imagined(video_runs, tmp_path, options, words):
    with pytest.raises(UserError) as error:
        workflows.rollout(
            video_runs.prior, HELD_OUT, str(tmp_path / "out"), **{"frames": 4, **options}
        )
    assert words in str(error.value) and "\n" not in str(error.value)


def test_an_action_that_training_never_saw(video_runs, tmp_path):
    frames = np.zeros([12, 32, 32, 3], np.uint8)
    folder, output = tmp_path / "episodes", str(tmp_path / "out")
    folder.mkdir()
    np.savez(folder / "a.npz", frames=frames, actions=np.ones(12, int))
    (folder / "actions.txt").write_text("noop\njump\n")
    with pytest.raises(UserError, match="was not trained with the action 'jump'"):
        workflows.rollout(video_runs.prior, f"folder:{folder}", output, frames=4)
    # Actions are known by their names: number 1 of this folder is number 3 of the prior.
    (folder / "actions.txt").write_text("noop\nturn_right\n")
    workflows.rollout(video_runs.prior, f"folder:{folder}", output, frames=4)
    assert np.load(os.path.join(output, "codes.npz"))["actions"].tolist() == [3] * 7


@pytest.mark.parametrize("actions", [None, ["forward"]])
def test_actions_of_another_kind(video_runs, tmp_path, actions):
    folder, output = tmp_path / "episodes", str(tmp_path / "out")
    folder.mkdir()
    frames = np.zeros([12, 32, 32, 3], np.uint8)
    np.savez(folder / "a.npz", frames=frames, actions=np.zeros([12, 2]))
    with pytest.raises(UserError, match="the actions are continuous, and the prior was trained"):
        workflows.rollout(video_runs.prior, f"folder:{folder}", output, frames=4, actions=actions)


def test_continuous_actions(tmp_path):
    """From the files to the imagined frames, without names."""
    draws = np.random.default_rng(0)
    for number in range(3):
        frames = draws.integers(0, 256, [12, 32, 32, 3], np.uint8)
        moves = draws.normal(size=[12, 2]).astype(np.float32)
        np.savez(tmp_path / f"{number}.npz", frames=frames, actions=moves)
    uri, model, prior, output = (
        f"folder:{tmp_path}",
        *(str(tmp_path.parent / name) for name in ("model", "prior", "out")),
    )
    training = dataclasses.replace(TRAINING, steps=2)
    workflows.train(dataclasses.replace(AUTOENCODER, training=training), uri, model)
    config = dataclasses.replace(PRIOR, training=training)
    workflows.train_prior(config, model, uri, prior)
    assert models.load(prior).config.action_dims == 2
    assert 0 < workflows.evaluate(model, uri, prior)["prior_bits_per_code"] < 8
    workflows.rollout(prior, uri, output, frames=4, start=2)
    told = np.load(os.path.join(output, "codes.npz"))["actions"]
    np.testing.assert_array_equal(told, data.open_episodes(uri).read(0)["actions"][2:9])
    with pytest.raises(UserError, match="continuous actions: leave actions out"):
        workflows.rollout(prior, uri, output, frames=4, actions=["1"])
    with pytest.raises(UserError, match="are discrete, and the prior was trained with continuous"):
        workflows.rollout(prior, HELD_OUT, output, frames=4)


def test_actions_of_another_kind_than_those_of_training(video_runs, tmp_path):
    folder, output = tmp_path / "episodes", str(tmp_path / "out")
    folder.mkdir()
    frames = np.zeros([12, 32, 32, 3], np.uint8)
    np.savez(folder / "a.npz", frames=frames, actions=np.ones([12, 2], np.float32))
    words = "the actions are continuous, and the prior was trained with discrete ones"
    for actions in (None, ["forward"]):
        with pytest.raises(UserError, match=words):
            workflows.rollout(
                video_runs.prior, f"folder:{folder}", output, frames=4, actions=actions
            )
    with pytest.raises(UserError, match=words):
        workflows.evaluate_rollouts(video_runs.prior, f"folder:{folder}", frames=4)
    with pytest.raises(UserError, match="the actions are 2 numbers, those of the training data di"):
        workflows.train_prior(
            PRIOR,
            video_runs.model,
            HELD_OUT,
            str(tmp_path / "prior"),
            validation_uri=f"folder:{folder}",
        )
    assert not os.path.exists(tmp_path / "prior")


def test_frames_of_another_size_are_refused_before_the_workdir_is_made(video_runs, tmp_path):
    config, path = dataclasses.replace(PRIOR, grid=(4, 8)), str(tmp_path / "prior")
    for uri in (HELD_OUT, f"codes:{video_runs.prior}/codes/*.tfrecord"):
        with pytest.raises(UserError, match=r"8 x 8 codes, .* 4 x 8; set --config.grid=8,8"):
            workflows.train_prior(config, video_runs.model, uri, path)
    assert not os.path.exists(path)


def test_a_prior_without_actions(video_runs, tmp_path):
    prior, output = str(tmp_path / "prior"), str(tmp_path / "out")
    training = dataclasses.replace(TRAINING, steps=2)
    config = dataclasses.replace(PRIOR, num_classes=0, training=training)
    workflows.train_prior(config, video_runs.model, HELD_OUT, prior)
    workflows.rollout(prior, HELD_OUT, output, frames=2)
    assert list(np.load(os.path.join(output, "codes.npz"))) == ["codes"]
    with pytest.raises(UserError, match="trained without actions; leave them out"):
        workflows.rollout(prior, HELD_OUT, output, frames=2, actions=["forward"])
    groups = workflows.evaluate_rollouts(prior, HELD_OUT, frames=2, clips=2, wrong=True)["groups"]
    assert list(groups) == ["forward", "turn_left", "turn_right", "recorded"]  # to be compared
    assert "imagined_swapped" not in groups["turn_left"]["rows"]
    assert list(groups["recorded"]["bits_per_code"]) == ["none"]


def test_figures_of_futures(video_runs):
    results = workflows.evaluate_rollouts(
        video_runs.prior, HELD_OUT, frames=3, clips=3, wrong=True, temperature=0.5
    )
    groups = results["groups"]
    assert list(groups) == ["forward", "turn_left", "turn_right", "recorded"]
    for group in groups.values():
        assert group["clips"] == 3
        for row in group["rows"].values():
            assert all(len(values) == 3 for values in row.values())
    rows = groups["turn_left"]["rows"]
    assert {"imagined", "imagined_without_actions", "imagined_swapped", "copy"} <= set(rows)
    assert "imagined_swapped" not in groups["forward"]["rows"]
    for fitted in ("zoom", "slide"):  # each may leave the last frame as it is
        assert np.all(np.array(rows[fitted]["psnr"]) >= np.array(rows["copy"]["psnr"]) - 1e-9)
    bits = groups["recorded"]["bits_per_code"]
    assert list(bits) == ["right", "none", "shuffled", "swapped"]
    assert all(0 < value < 8 for value in bits.values())
    table = rollout_evaluation.table(results)
    assert table.count("imagined_without_actions") == 4 and "nan" not in table
    assert "bits per code of the next frame, given the actions: right" in table


def test_roll_outs_are_not_measured_beside_another_model(video_runs):
    with pytest.raises(UserError, match="holds a prior; --model takes the autoencoder"):
        workflows.evaluate_rollouts(video_runs.prior, HELD_OUT, model_path=video_runs.prior)


def test_evaluation_counts_the_bits_of_whole_episodes(video_runs):
    model, prior = video_runs
    results = workflows.evaluate(model, HELD_OUT, prior)
    for way in ("", "_without_actions", "_with_shuffled_actions", "_with_swapped_turns"):
        assert 0 < results[f"prior_bits_per_code{way}"] < 8
