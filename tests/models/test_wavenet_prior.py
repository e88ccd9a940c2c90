import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.test_prior import every_grid
from vqvae_tf.errors import UserError
from vqvae_tf.models import WaveNetPrior, WaveNetPriorConfig
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise

FIELDS = {"code_sizes": (3,), "channels": 6, "skip_channels": 6, "dilations": (1, 2)}


def build(**changes):
    prior = WaveNetPrior(WaveNetPriorConfig(**FIELDS | changes))
    draws = np.random.default_rng(1)
    for variable in prior.trainable_variables:  # zeros among them would hide what they do
        variable.assign(variable + draws.normal(0, 0.5, variable.shape))
    return prior


@pytest.mark.parametrize(
    ("changes", "label"), [({}, None), ({"num_classes": 2}, 1), ({"code_sizes": (3, 3)}, None)]
)
def test_the_probabilities_of_all_sequences_sum_to_one(changes, label):
    prior = build(**changes)
    sequences = every_grid(3, (5,) if len(prior.config.code_sizes) == 1 else (3, 2))
    labels = None if label is None else np.full(len(sequences), label, np.int32)
    log_probs = prior.log_prob(sequences, label=labels).numpy().astype(float)
    # Each log-probability sums 5 float32 terms of size 1, right to 1e-7 each.
    assert math.fsum(np.exp(log_probs)) == pytest.approx(1.0, abs=3e-6)


def test_samples_come_as_often_as_the_likelihood_says():
    prior, sequences = build(), every_grid(3, (2,))
    drawn = prior.sample(count=3000, grid=(2,), seed=1).numpy()
    counts = np.bincount(drawn @ [3, 1], minlength=9)
    expected = 3000 * np.exp(prior.log_prob(sequences).numpy().astype(float))
    # Chi-squared with 8 degrees of freedom is above 26.1 once in a thousand seeds.
    assert np.sum((counts - expected) ** 2 / expected) < 26.1


def test_given_the_noise_a_graph_draws_what_sample_draws():
    prior = build(num_classes=2)
    noise = gumbel_noise(tf.constant(7, tf.uint64), 0, 2, 0, 9, 1, 3)
    label = tf.constant([0, 1])

    @tf.function
    def draw(noise):
        assert prior.noise_shapes((9,)) == {"noise": (1, 9, 1, 3)}
        return prior.draw(
            {"noise": lambda i: noise}, (9,), 2, conditions={"label": label}, with_log_prob=True
        )

    codes, log_probs = draw(noise)
    assert codes.shape == (2, 9)
    np.testing.assert_array_equal(
        codes, prior.draw({"noise": lambda i: noise}, (9,), 2, conditions={"label": label})[0]
    )
    np.testing.assert_allclose(
        tf.reduce_sum(log_probs, 1), prior.log_prob(codes, label=label), rtol=1e-5
    )
    # The argmax of what the network says of its own draws, plus the noise.
    logits = prior(codes, {"label": label})
    np.testing.assert_array_equal(
        tf.argmax(logits + tf.transpose(noise[:, :, 0], [1, 0, 2]), -1), codes
    )


@pytest.mark.parametrize("classes", [0, 2])
def test_several_slots_are_drawn_and_scored_alike(classes):
    prior = build(code_sizes=(3, 3), num_classes=classes)
    label = {"label": 1} if classes else {}
    codes = prior.sample(count=3, grid=(4,), seed=7, **label)
    assert codes.shape == (3, 4, 2)
    noise = prior.seeded_noise(tf.constant(7, tf.uint64), 3, (4,))
    told = tf.ones([3], tf.int32) if classes else None
    drawn, log_probs = prior.draw(noise, (4,), 3, conditions={"label": told}, with_log_prob=True)
    np.testing.assert_array_equal(drawn, codes)
    np.testing.assert_allclose(
        tf.reduce_sum(log_probs, [1, 2]), prior.log_prob(codes, **label), rtol=1e-5
    )
    # A given first code of each step stays, and the rest is drawn.
    given = np.full([1, 4, 2], -1)
    given[..., 0] = 2
    kept = prior.sample(count=3, grid=(4,), seed=7, prefix=given, **label).numpy()
    assert (kept[..., 0] == 2).all() and (kept[..., 1] != 2).any()


def test_slots_of_different_sizes_are_refused():
    with pytest.raises(UserError, match="needs slots of one size; received"):
        build(code_sizes=(2, 3))


def test_the_best_of_many_are_likelier():
    prior = build()
    one = prior.log_prob(prior.sample(count=64, grid=(8,), seed=1)).numpy().mean()
    best = prior.log_prob(prior.sample(count=64, grid=(8,), seed=1, best_of=8)).numpy().mean()
    assert best > one + 0.5


@pytest.mark.parametrize("best_of", [1, 3])
@pytest.mark.parametrize("classes", [[0, 1, 0], [0, 1, 0, 1, 0, 1]])
def test_a_condition_is_one_for_all_samples_or_one_for_each(best_of, classes):
    prior = build(num_classes=2, condition="speaker")
    with pytest.raises(UserError, match="speaker must be one for all, or one for each of 2 sampl"):
        prior.sample(2, grid=(4,), speaker=classes, best_of=best_of)


def test_fit_learns_an_order_that_frequencies_do_not_tell():
    keras.utils.set_random_seed(0)
    prior = WaveNetPrior(WaveNetPriorConfig(**FIELDS, num_classes=2))
    start = np.random.default_rng(0).integers(0, 3, [64, 1])
    label = np.arange(64, dtype=np.int32) % 2
    steps = np.where(label, 1, 2)[:, None] * np.arange(12)
    codes = ((start + steps) % 3).astype(np.int32)  # up or down, by the class
    prior.initialize(None, np.log(np.full([1, 3], 1 / 3)))
    assert float(prior.compute_losses({"codes": codes, "label": label})["bits_per_code"]) < 2.5
    prior.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    data = tf.data.Dataset.from_tensors({"codes": codes, "label": label}).repeat()
    prior.fit(data, steps_per_epoch=150, verbose=0)
    # log2 3 for the first code, nothing for the others.
    bits = prior.bits({"codes": codes, "label": label})["total"].numpy()
    assert bits.mean() < math.log2(3) + 0.5
    drawn = prior.sample(count=32, grid=(12,), seed=2, label=1).numpy()
    assert np.mean(np.diff(drawn) % 3 == 1) > 0.8  # a third by chance


def test_a_prior_comes_back_from_a_file(tmp_path):
    prior = build(num_classes=2)
    prior.save(tmp_path / "prior.keras")
    again = keras.models.load_model(tmp_path / "prior.keras")
    drawn = prior.sample(count=2, grid=(7,), seed=1, label=1)
    np.testing.assert_array_equal(again.sample(count=2, grid=(7,), seed=1, label=1), drawn)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"kernel_size": 1}, "kernel_size must be at least 2"),
        ({"condition_dropout": 1.5}, r"condition_dropout must lie in \[0, 1\]; received 1.5"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(changes, told):
    with pytest.raises(UserError, match=told):
        WaveNetPriorConfig(**FIELDS | changes)
