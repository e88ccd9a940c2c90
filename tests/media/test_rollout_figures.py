import numpy as np
import pytest

from tests.media.test_picture_figures import views
from vqvae_tf.media import picture_figures, rollout_figures
from vqvae_tf.media.rollout_figures import Clips


@pytest.fixture(name="sliding", scope="module")
def fixture_sliding():
    """Three scenes that slide to the right by 4 pixels a step."""
    scenes = [views([240 - 16 * step for step in range(5)], seed) for seed in range(3)]
    frames = np.stack(scenes)
    return Clips(frames[:, :1], frames[:, 1:], frames[:, 1:])


def test_the_true_future_is_perfect(sliding):
    row = rollout_figures.row(sliding.true, sliding)
    assert row["psnr"] == [picture_figures.MOST_PSNR] * 4
    np.testing.assert_allclose(row["ssim"], 1, atol=1e-6)
    for name in ("gradient", "edges", "sign"):
        np.testing.assert_allclose(row[name], 1)
    np.testing.assert_allclose(row["shift_error"], 0)
    assert row["shift"] == row["true_shift"]
    np.testing.assert_allclose(row["true_shift"], 4, atol=0.25)


def test_a_future_that_moves_the_other_way_has_the_wrong_sign(sliding):
    first = sliding.last
    wrong = np.concatenate(
        [rollout_figures.slid(first, -4.0 * step) for step in range(1, 5)], axis=1
    )
    row = rollout_figures.row(wrong, sliding)
    assert row["sign"] == [0] * 4
    np.testing.assert_allclose(row["shift_error"], 8, atol=1)
    still = rollout_figures.row(np.broadcast_to(first, sliding.true.shape), sliding)
    assert still["sign"] == [0] * 4 and still["shift"] == [0] * 4  # no motion is no right motion


def test_the_fitted_guesses_find_the_motion(sliding):
    found = rollout_figures.guesses(sliding)
    rows = {name: rollout_figures.row(future, sliding) for name, future in found.items()}
    for step in range(4):
        assert rows["slide"]["psnr"][step] > rows["copy"]["psnr"][step] + 3
        expected = rollout_figures.slid(sliding.last[:, 0], 4.0 * (step + 1))
        np.testing.assert_array_equal(found["slide"][:, step], expected)
    assert rows["reconstruction"]["psnr"] == [picture_figures.MOST_PSNR] * 4
    # Nothing moves in the copy, and blurring takes the edges away.
    assert max(rows["blurred_copy"]["edges"]) < 0.8 and max(rows["uniform"]["gradient"]) == 0
    assert min(rows["copy"]["edges"]) > 0.8


def test_the_best_zoom_is_found():
    last = np.concatenate([views([200], seed)[:, 8:40, 16:48] for seed in range(3)])[:, None]
    factors = (1.1, 1.3)
    true = np.concatenate([rollout_figures.zoomed(last, factor) for factor in factors], axis=1)
    found = rollout_figures.guesses(Clips(last, true, true))["zoom"]
    for step in range(2):
        assert picture_figures.psnr(found[:, step], true[:, step]).min() > 40


def test_a_uniform_picture_has_the_colour_of_the_middle():
    last = np.zeros([1, 1, 16, 16, 3], np.uint8)
    last[:, :, 6:10, 6:10] = [10, 20, 30]
    clips = Clips(last, np.repeat(last, 2, 1), np.repeat(last, 2, 1))
    uniform = rollout_figures.guesses(clips)["uniform"]
    assert (uniform == [10, 20, 30]).all() and uniform.shape == (1, 2, 16, 16, 3)


def test_what_never_moves_has_no_sign(sliding):
    still = np.repeat(sliding.last, 3, 1)
    row = rollout_figures.row(still, Clips(sliding.last, still, still))
    assert np.isnan(row["sign"]).all() and np.isnan(row["shift_error"]).all()
