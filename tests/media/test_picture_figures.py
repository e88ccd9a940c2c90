import numpy as np
import pytest

from vqvae_tf.media import picture_figures


def scene(seed=0, height=48, width=160):
    """A wide picture of smooth blobs and hard edges."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    found = np.full([height, width], 120.0)
    for _ in range(12):
        top, left = draws.uniform(0, height), draws.uniform(0, width)
        size, level = draws.uniform(3, 14), draws.uniform(-90, 90)
        found += level * np.exp(-((y - top) ** 2 + (x - left) ** 2) / (2 * size**2))
        found += level / 3 * ((x > left) & (x < left + size))
    return np.clip(found, 0, 255)[..., None].repeat(3, -1)


def views(offsets, seed=0, width=64):
    """The scene seen from these offsets, in quarters of a pixel."""
    fine = scene(seed).repeat(4, 1)
    seen = [fine[:, start : start + 4 * width] for start in offsets]
    averaged = np.stack([each.reshape(48, width, 4, 3).mean(2) for each in seen])
    return averaged.round().astype(np.uint8)


@pytest.mark.parametrize("quarters", [0, 1, 4, 15, 16, 17, 24, 40, -16, -17, -40])
def test_shifts_are_found_with_their_sign(quarters):
    for seed in range(4):
        before, after = views([120, 120 - quarters], seed)[:, None]
        # A quarter of a pixel is the step in which shifts are found.
        found = picture_figures.shift(before, after)
        assert abs(found[0] - quarters / 4) <= 0.25, (seed, found)


def test_a_shift_is_found_behind_noise_and_in_grey():
    draws = np.random.default_rng(0)
    before, after = views([120, 104])[:, None].astype(int)
    noisy = [np.clip(each + draws.normal(0, 8, each.shape), 0, 255) for each in (before, after)]
    before, after = (each.astype(np.uint8) for each in noisy)
    assert abs(picture_figures.shift(before, after)[0] - 4) <= 0.25
    assert abs(picture_figures.shift(before[..., :1], after[..., :1])[0] - 4) <= 0.25
    uniform = np.full([2, 16, 16, 3], 90, np.uint8)
    assert picture_figures.shift(uniform, uniform).tolist() == [0, 0]


def test_sharpness_falls_with_blur_and_only_the_gradient_rises_with_stripes():
    pictures = views([40, 100])
    moved = np.stack([views([40 + 4 * step, 100 + 4 * step]) for step in range(8)])
    blurred = moved.mean(0).astype(np.uint8)
    gradient, edges = picture_figures.gradient, picture_figures.edges
    for figure in (gradient, edges):
        assert (figure(blurred) < 0.8 * figure(pictures)).all()
    stripes = np.zeros([64])
    stripes[::4], stripes[2::4] = 20, -20
    striped = np.clip(blurred + stripes[None, None, :, None], 0, 255).astype(np.uint8)
    assert (gradient(striped) > gradient(pictures)).all()
    # Up to the clipping and rounding of levels.
    np.testing.assert_allclose(edges(striped), edges(blurred), rtol=0.1)


def test_psnr_and_ssim():
    pictures = views([40, 100])
    others = pictures.copy()
    others[1] = np.clip(pictures[1].astype(int) + 10, 0, 255)
    found = picture_figures.psnr(pictures, others)
    error = np.square(pictures[1].astype(float) - others[1]).mean()
    assert found[0] == picture_figures.MOST_PSNR
    assert found[1] == pytest.approx(10 * np.log10(255**2 / error))
    similar = picture_figures.ssim(pictures, others)
    assert similar[0] == pytest.approx(1) and 0.5 < similar[1] < 1
    assert np.isnan(picture_figures.ssim(pictures[:, :8], pictures[:, :8])).all()
