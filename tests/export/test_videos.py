"""Exports of videos and of roll-outs against the models themselves."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models import test_video_prior as priors
from vqvae_tf import export, models
from vqvae_tf.config import VideoDataConfig
from vqvae_tf.errors import UserError

GRID = (3, *priors.GRID)
SMALL = {"context": 1, "layers": 1, "unroll": 1}


@pytest.fixture(scope="module")
def model():
    return models.VideoVQVAE(
        models.VideoConfig(
            widths=(4,),
            residual_blocks=1,
            residual_width=4,
            embedding_dim=2,
            quantizer=models.QuantizerConfig(num_embeddings=(5,)),
            data=VideoDataConfig(image_size=8),
        )
    )


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    """The prior and the folder that it was exported to with the model."""
    prior = priors.build(**SMALL)
    path = str(tmp_path_factory.mktemp("videos") / "served")
    export.export_saved_model(model, path, prior=prior, grid=GRID)
    return prior, path


def examples(model, *sizes):
    draws = np.random.default_rng(0)
    return [draws.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


def test_another_process_without_the_library_rolls_out_the_same(model, served):
    prior, path = served
    given = examples(model, (2, 7, 10))
    check = export.check_saved_model(model, path, given, prior=prior, grid=GRID)
    assert check["codes"] == 2 * 20 and check["codes_differing"] == 0
    assert check["sampled_codes"] == (2 + 3) * 18 and check["sampled_codes_differing"] == 0
    # A dozen float32 logits of size 40 a code, in two orders: 4e-6 each.
    assert check["largest_log_prob_difference"] < 1e-4
    assert check["largest_difference"] <= 1


@pytest.mark.parametrize("time", [1, 2, 5])
def test_videos_of_any_length_are_scored(served, time):
    prior, path = served
    codes, told = priors.codes_of(prior, 2, time), priors.actions_of(prior, 2, time)
    call = tf.saved_model.load(path).signatures["log_prob"]
    found = call(codes=tf.constant(codes), **{k: tf.constant(v) for k, v in told.items()})
    # Sums of 60 float32 terms of size 40, in two orders, as large as 1,600.
    expected = prior.log_prob(codes, **told)
    np.testing.assert_allclose(found["log_prob"], expected, rtol=1e-6, atol=2e-4)


def test_a_roll_out_needs_its_frames_and_actions(served):
    prior, path = served
    call = tf.saved_model.load(path).signatures["rollout"]
    told = priors.actions_of(prior, 1, 3)["actions"]
    right = {
        "codes": priors.codes_of(prior, 1, 1),
        "actions": told,
        "seed": np.int64(1),
        "count": np.int32(3),
        "temperature": np.float32(1.0),
    }
    drawn = call(**{name: tf.constant(value) for name, value in right.items()})
    assert drawn["codes"].shape == (3, *GRID) and drawn["frames"].shape == (3, 3, 4, 6, 3)
    for name, value in (
        ("codes", right["codes"][..., :2]),
        ("codes", right["codes"] + 5),
        ("actions", told[:, :2]),
        ("actions", told + 3),
    ):
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError)):
            call(**{k: tf.constant(v) for k, v in (right | {name: value}).items()})


@pytest.mark.parametrize("time", [2, 4])
def test_frames_that_are_scored_need_as_many_actions(served, time):
    prior, path = served
    call = tf.saved_model.load(path).signatures["log_prob"]
    told = {name: tf.constant(value) for name, value in priors.actions_of(prior, 1, time).items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be one for each frame"):
        call(codes=tf.constant(priors.codes_of(prior, 1, 3)), **told)


def test_a_tflite_file_has_no_roll_outs(model, tmp_path):
    path, prior = str(tmp_path / "model.tflite"), priors.build(**SMALL)
    export.export_tflite(model, path, (2, 8, 8), prior=prior)
    given = examples(model, (2, 8, 8))
    check = export.check_tflite(model, path, given, prior=prior)
    assert check["codes"] == 32 and check["codes_differing"] == 0
    assert check["largest_difference"] <= 1 and "sampled_codes" not in check


def test_a_grid_without_a_frame_to_draw_is_refused(model, tmp_path):
    for grid, words in (
        ((1, 2, 3), "more than the 1 frames that are given, of 2 x 3 codes"),
        ((5, 2, 2), r"of 2 x 3 codes; received \(5, 2, 2\)"),
    ):
        with pytest.raises(UserError, match=words):
            export.export_saved_model(
                model, str(tmp_path / "x"), prior=priors.build(**SMALL), grid=grid
            )
