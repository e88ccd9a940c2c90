import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.data.recolour import BRIGHTNESS, CONTRAST, GAIN, OFFSET, recolour

# Mid-range, so that hardly a value is clipped at 0 or 255.
TILES = np.random.default_rng(0).integers(90, 160, [300, 8, 8, 3]).astype(np.uint8)


def changed(tiles, share, seed=(1, 2)):
    return recolour(tf.constant(tiles), share, tf.constant(seed, tf.int64)).numpy()


def test_share_zero_changes_nothing():
    assert np.array_equal(changed(TILES, 0.0), TILES)


def test_the_share_of_tiles_is_changed_and_the_others_not_at_all():
    result = changed(TILES, 0.3)
    differs = (result != TILES).any((1, 2, 3))
    # 5 standard deviations of a binomial share
    assert abs(differs.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 300)
    assert result.dtype == np.uint8
    assert result.shape == TILES.shape


def test_it_is_a_function_of_the_seed():
    assert np.array_equal(changed(TILES, 0.5), changed(TILES, 0.5))
    assert not np.array_equal(changed(TILES, 0.5), changed(TILES, 0.5, seed=(1, 3)))


def test_palettes_change_by_one_affine_map_a_channel():
    result = changed(TILES, 1.0)
    slopes, shifts, orders = [], [], set()
    for before, after in zip(TILES.reshape(300, 64, 3), result.reshape(300, 64, 3), strict=True):
        if after.min() == 0 or after.max() == 255:
            continue  # clipped: no longer affine
        correlation = np.corrcoef(before.T, after.T)[:3, 3:]  # [from, to]
        order = correlation.argmax(0)
        orders.add(tuple(order))
        assert sorted(order) == [0, 1, 2]
        for to, origin in enumerate(order):
            slope, constant = np.polyfit(before[:, origin], after[:, to], 1)
            # Rounding to whole values is off by at most 1/2; the fit may share that once more.
            assert np.abs(slope * before[:, origin] + constant - after[:, to]).max() < 1.0
            slopes.append(slope)
            shifts.append(after[:, to].mean() - before[:, origin].mean())
    assert len(orders) == 6  # every order of three channels
    assert len(slopes) > 600
    # Three slopes of a tile share their contrast: a few per cent of uncertainty over 200 tiles.
    assert np.std(np.log(slopes)) == pytest.approx(np.hypot(CONTRAST, GAIN), rel=0.2)
    expected = np.hypot(OFFSET, BRIGHTNESS * TILES.mean())
    assert np.std(shifts) == pytest.approx(expected, rel=0.2)


def test_grey():
    grey = TILES[:, :, :, :1]
    result = changed(grey, 1.0)
    assert result.shape == grey.shape
    assert (result != grey).any()


def test_values_stay_in_range():
    extremes = np.where(TILES > 124, 255, 0).astype(np.uint8)
    result = changed(extremes, 1.0).astype(int)
    before = extremes.reshape(300, -1).mean(1)
    # Were values to wrap around instead of being clipped, bright pixels would turn dark.
    brightest = result.reshape(300, -1).max(1)
    assert (brightest > before).all()


def test_parts_of_a_picture_are_recoloured_alike():
    whole = tf.constant(np.random.default_rng(0).integers(0, 256, [1, 12, 9, 3]), tf.uint8)
    seed = tf.constant([1, 2])
    mean = tf.reduce_mean(tf.cast(whole, tf.float32), (1, 2))
    parts = [recolour(whole[:, start : start + 4], 1.0, seed, mean=mean) for start in (0, 4, 8)]
    difference = np.abs(tf.concat(parts, 1).numpy().astype(int) - recolour(whole, 1.0, seed))
    assert difference.max() <= 1  # a sum in another order may tip a rounding
