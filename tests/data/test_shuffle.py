import numpy as np
import tensorflow as tf

from vqvae_tf.data.shuffle import shuffled


def order(count, seed, positions):
    return shuffled(tf.constant(positions, tf.int64), seed, count).numpy().tolist()


def test_every_epoch_is_a_permutation_of_its_own():
    for count in (1, 2, 7, 100):
        epochs = np.reshape(order(count, 3, range(5 * count)), [5, count])
        assert (np.sort(epochs, axis=1) == np.arange(count)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_it_depends_on_seed_and_position_alone():
    everything = order(50, 11, range(200))
    assert [shuffled(tf.constant(i, tf.int64), 11, 50).numpy() for i in (0, 49, 50, 199)] == [
        everything[i] for i in (0, 49, 50, 199)
    ]
    assert order(50, 11, range(120, 130)) == everything[120:130]
    assert order(50, 12, range(200)) != everything


def test_large_seeds_and_negative_ones():
    assert sorted(order(5, 2**40, range(5))) == sorted(order(5, -1, range(5))) == list(range(5))


def test_counts_may_differ_by_row():
    position = tf.range(60, dtype=tf.int64)
    count = tf.where(position % 2 == 0, tf.constant(3, tf.int64), 60)
    mixed = shuffled(position, 5, count).numpy()
    assert mixed[::2].max() == 2
    assert mixed[1::2].tolist() == order(60, 5, range(1, 60, 2))


def test_the_first_positions_look_drawn_for_any_seed():
    for count in (270, 3_000_000):
        values = np.array([order(count, seed, range(16)) for seed in range(200)]) / count
        # Mean and correlation of independent uniform draws, within 5 standard deviations.
        assert abs(values.mean() - 0.5) < 5 * np.sqrt(1 / 12 / values.size)
        assert abs(values.mean(1).std() - np.sqrt(1 / 12 / 16)) < 5 * np.sqrt(1 / 12 / 16 / 400)
        steps = np.diff(values, axis=1)  # of one sign half of the time: 2/3 turn, 1/3 go on
        turns = (np.sign(steps[:, 1:]) != np.sign(steps[:, :-1])).mean()
        assert abs(turns - 2 / 3) < 5 * np.sqrt(2 / 9 / steps[:, 1:].size)
        neighbours = np.corrcoef(values[1:].ravel(), values[:-1].ravel())[0, 1]  # seeds n and n + 1
        assert abs(neighbours) < 5 / np.sqrt(values.size)
