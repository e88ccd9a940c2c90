"""Noise of training steps: by (seed, step, row), and it goes on where a saved layer stopped."""

import numpy as np

from vqvae_tf.networks.row_noise import RowNoise


def test_each_step_has_its_own_and_a_seed_all_of_them():
    one, same, other = RowNoise(3), RowNoise(3), RowNoise(4)
    steps = [one.draw(5, 2).numpy() for _ in range(3)]
    assert len({step.tobytes() for step in steps}) == 3
    for step in steps:
        np.testing.assert_array_equal(step, same.draw(5, 2))
    assert np.any(steps[0] != other.draw(5, 2))
    # A longer batch begins as a shorter one does.
    again = RowNoise(3)
    np.testing.assert_array_equal(again.draw(9, 2)[:5], steps[0])


def test_the_step_is_a_weight():
    noise = RowNoise(3)
    noise.draw(1)
    again = RowNoise.from_config(noise.get_config())
    again.set_weights(noise.get_weights())
    np.testing.assert_array_equal(again.draw(4), noise.draw(4))
    assert 0.0 < noise.draw(1000).numpy().min() and noise.draw(1000).numpy().max() < 1.0
