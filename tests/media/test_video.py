import json
import os

import numpy as np
import pytest

from tests.small import results_in
from tests.small_videos import HELD_OUT
from vqvae_tf import data, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.media import VideoMedium, video

av = pytest.importorskip("av")
MEDIUM = VideoMedium()


@pytest.fixture(name="trained", scope="module")
def fixture_trained(video_runs):
    """A workdir, and the model in it."""
    return video_runs.model, models.load(video_runs.model)


def test_training_reads_episodes_and_measures_held_out_ones(trained):
    path, model = trained
    with open(os.path.join(path, "evaluation.json")) as file:
        results = json.load(file)
    assert results["data"] == HELD_OUT and results["episodes"] == 3 and results["frames"] == 144
    assert results["latent_bits_per_frame"] == pytest.approx(64 * 4)
    source = data.open_episodes(HELD_OUT)
    frames = np.concatenate([episode["frames"] for episode in source.episodes()])
    decoded = np.concatenate(
        [model.reconstruct(each["frames"][None])[0] for each in source.episodes()]
    )
    error = np.square(frames / 255.0 - decoded / 255.0).mean()
    assert results["mse"] == pytest.approx(error, rel=1e-5)
    assert results["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-5)


def test_windows_of_one_frame_do_not_train_the_space_time_form():
    config = models.VideoConfig(widths=(4,), form="space_time")
    with pytest.raises(UserError, match="window is 1, .*depends on 8: set window to 9"):
        MEDIUM.batches(data.open_episodes(HELD_OUT), config)


def test_frames_of_one_colour_have_no_sharpness_to_keep(trained, tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros([3, 32, 32, 3], np.uint8))
    results = MEDIUM.measure(trained[1], data.open_episodes(f"folder:{tmp_path}"))
    assert np.isnan([results["gradient"], results["edges"]]).all() and results["frames"] == 3


def test_long_episodes_are_measured_in_pieces(trained, monkeypatch):
    _, model = trained
    source = data.open_episodes(HELD_OUT)
    whole = MEDIUM.measure(model, source)
    monkeypatch.setattr(video, "PIECE_FRAMES", 20)
    pieces = MEDIUM.measure(model, source)
    assert pieces["episodes"] == whole["episodes"] == 3
    for name in ("psnr", "ssim", "gradient", "edges", "perplexity", "bits_per_dimension"):
        assert pieces[name] == pytest.approx(whole[name], rel=1e-5), name


def test_the_bits_of_a_prior_given_the_actions_none_and_wrong_ones(trained):
    _, model = trained
    source = data.open_episodes(HELD_OUT)
    asked = []

    def prior_bits(codes, conditions):
        asked.append(conditions.get("actions"))
        return [codes.size * len(asked)]

    results = MEDIUM.measure(model, source, prior_bits)
    assert len(asked) == 3 * 4
    recorded = [source.read(index)["actions"] for index in range(3)]
    for right, none, shuffled, swapped, actions in zip(
        asked[::4], asked[1::4], asked[2::4], asked[3::4], recorded, strict=True
    ):
        np.testing.assert_array_equal(right, actions[None])
        assert none is None
        assert (shuffled != right).any() and sorted(shuffled[0]) == sorted(actions)
        assert swapped.tolist() == [[[0, 1, 3, 2][action] for action in actions]]
    # The mean over three episodes of equal length of the numbers of the calls.
    means = np.reshape(range(1, 13), [3, 4]).mean(0)
    ways = ("", "_without_actions", "_with_shuffled_actions", "_with_swapped_turns")
    for way, mean in zip(ways, means, strict=True):
        assert results[f"prior_bits_per_code{way}"] == pytest.approx(mean)


def test_code_maps_have_the_actions(trained):
    _, model = trained
    source = data.open_episodes(HELD_OUT)
    maps = list(MEDIUM.code_maps(model, source))
    assert [each["name"] for each in maps] == [source.name(index) for index in range(3)]
    for each, episode in zip(maps, source.episodes(), strict=True):
        assert each["rank"] == 3
        np.testing.assert_array_equal(each["codes"], model.encode(episode["frames"][None])[0])
        np.testing.assert_array_equal(each["actions"], episode["actions"])


def test_reconstructions_are_videos_strips_and_codes(trained, tmp_path):
    path, model = trained
    output = tmp_path / "out"
    assert workflows.reconstruct(path, HELD_OUT, str(output), count=2) == 2
    names = [
        f"validation_00{number}.{ending}" for number in (0, 1) for ending in ("mp4", "npz", "png")
    ]
    assert results_in(output) == names
    episode = data.open_episodes(HELD_OUT).read(1)
    codes = np.load(output / "validation_001.npz")["codes"]
    np.testing.assert_array_equal(codes, model.encode(episode["frames"][None])[0])
    with av.open(str(output / "validation_001.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    beside = np.concatenate([episode["frames"], model.decode(codes[None])[0]], axis=2)
    assert len(frames) == 48 and frames[0].shape == (4 * 32, 4 * 64, 3)
    # Each pixel became a square of four; the codec loses a few levels.
    small = np.stack(frames)[:, 2::4, 2::4].astype(float)
    assert np.abs(small.mean((1, 2)) - beside.mean((1, 2))).max() < 3


def test_samples_are_videos(trained, tmp_path):
    _, model = trained
    codes = np.random.default_rng(0).integers(0, 16, [3, 5, 8, 8])
    written = MEDIUM.write_samples(model, codes, str(tmp_path), {})
    assert [os.path.basename(path) for path in written] == [
        "sheet.png", "sample_000.mp4", "sample_001.mp4", "sample_002.mp4"
    ]  # fmt: skip
    assert results_in(tmp_path) == sorted(os.path.basename(path) for path in written)
