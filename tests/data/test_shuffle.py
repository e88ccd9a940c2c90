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


def test_neighbouring_positions_are_unrelated():
    count = 10_000
    values = np.array(order(count, 0, range(count))) / count
    # The correlation of independent uniform draws has standard deviation 1/sqrt(n) = 0.01.
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.05
    assert abs(values[:1000].mean() - 0.5) < 5 * np.sqrt(1 / 12 / 1000)
