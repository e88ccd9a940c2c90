import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.models import PixelCNNPrior, PixelCNNPriorConfig


def build(**changes):
    fields = {"code_sizes": (3,), "channels": 6, "layers": 2, "head_width": 6}
    prior = PixelCNNPrior(PixelCNNPriorConfig(**fields | changes))
    draws = np.random.default_rng(1)
    for variable in prior.trainable_variables:  # zeros among them would hide what they do
        variable.assign(variable + draws.normal(0, 0.3, variable.shape))
    return prior


def every_grid(num_embeddings, shape):
    count = int(np.prod(shape))
    return np.array(list(itertools.product(range(num_embeddings), repeat=count)), np.int32).reshape(
        -1, *shape
    )


def every_grid_of(code_sizes, shape):
    """Those of `every_grid` that have no code that a slot does not have."""
    grids = every_grid(max(code_sizes), shape)
    if len(code_sizes) == 1:
        return grids
    return grids[(grids < code_sizes).reshape(len(grids), -1).all(1)]


@pytest.mark.parametrize(
    ("changes", "shape", "label"),
    [
        ({}, (2, 2), None),
        ({}, (1, 5), None),
        ({}, (4, 1), None),
        ({"code_sizes": (2,)}, (2, 4), None),
        ({"code_sizes": (2, 2)}, (2, 2, 2), None),
        ({"code_sizes": (2, 3)}, (2, 1, 2), None),
        ({"num_classes": 2}, (2, 2), 1),
        ({"code_dim": 2}, (2, 2), None),
    ],
)
def test_the_probabilities_of_all_grids_sum_to_one(changes, shape, label):
    prior = build(**changes)
    grids = every_grid_of(prior.config.code_sizes, shape)
    labels = None if label is None else np.full(len(grids), label, np.int32)
    log_probs = prior.log_prob(grids, label=labels).numpy().astype(float)
    assert log_probs.shape == (len(grids),)
    # Each log-probability sums at most 8 float32 terms of size 1, right to 1e-7 each.
    assert math.fsum(np.exp(log_probs)) == pytest.approx(1.0, abs=3e-6)


def test_bits_are_the_log_probability_to_base_two():
    prior = build()
    codes = every_grid(3, (2, 2))[:5]
    bits = prior.bits({"codes": codes})
    np.testing.assert_allclose(bits["total"], -prior.log_prob(codes) / math.log(2), rtol=1e-6)
    assert int(bits["codes"]) == 4
    losses = prior.compute_losses({"codes": codes})
    # The same sums in another order: a few roundings of 6e-8.
    assert float(losses["bits_per_code"]) == pytest.approx(np.mean(bits["total"]) / 4, rel=1e-6)
    assert float(losses["loss"]) == pytest.approx(-np.mean(prior.log_prob(codes)) / 4, rel=1e-6)


@pytest.mark.parametrize(("condition_dropout", "seen"), [(0.0, True), (1.0, False)])
def test_labels_are_hidden_in_training_only(condition_dropout, seen):
    prior = build(num_classes=2, condition_dropout=condition_dropout)
    batch = {"codes": every_grid(3, (2, 2))[:8], "label": np.array([0, 1] * 4, np.int32)}
    with_label = float(prior.compute_losses(batch)["loss"])
    without = float(prior.compute_losses({"codes": batch["codes"]})["loss"])
    assert with_label != without
    trained = float(prior.compute_losses(batch, training=True)["loss"])
    assert trained == pytest.approx(with_label if seen else without, rel=1e-6)  # rounding


def test_label_dropout_draws_anew_each_step_and_from_the_seed():
    batch = {"codes": every_grid(3, (2, 2))[:8], "label": np.array([0, 1] * 4, np.int32)}

    def losses():
        keras.utils.set_random_seed(0)
        prior = build(num_classes=2, condition_dropout=0.5)
        return [float(prior.compute_losses(batch, training=True)["loss"]) for _ in range(4)]

    first = losses()
    assert len(set(first)) > 1
    assert first == losses()


def test_samples_hang_on_the_seed_and_their_number():
    prior = build(code_sizes=(16,))
    four = prior.sample(count=4, grid=(4, 3), seed=5).numpy()
    np.testing.assert_array_equal(four, prior.sample(count=4, grid=(4, 3), seed=5))
    np.testing.assert_array_equal(four, prior.sample(count=9, grid=(4, 3), seed=5)[:4])
    assert (four != prior.sample(count=4, grid=(4, 3), seed=6).numpy()).any()
    prefix = np.full([1, 4, 3], -1)
    prefix[0, :2] = 7
    assert (prior.sample(count=2, grid=(4, 3), seed=5, prefix=prefix).numpy()[:, :2] == 7).all()


def test_the_best_of_several_is_the_likeliest_of_them():
    prior = build(code_sizes=(5,), num_classes=2)
    labels = np.array([0, 1, -1], np.int32)
    several = prior.sample(count=12, grid=(3, 2), seed=2, label=np.repeat(labels, 4)).numpy()
    likelihood = prior.log_prob(several, label=np.repeat(labels, 4)).numpy().reshape(3, 4)
    expected = several.reshape(3, 4, 3, 2)[range(3), likelihood.argmax(1)]
    best = prior.sample(count=3, grid=(3, 2), seed=2, label=labels, best_of=4)
    np.testing.assert_array_equal(best, expected)
    last = prior.sample(count=1, grid=(3, 2), seed=2, label=-1, best_of=4, first_sample=2)
    np.testing.assert_array_equal(last, expected[2:])


def test_a_slot_with_fewer_codes_never_draws_others():
    prior = build(code_sizes=(2, 5))
    prior.initialize(None, np.log(np.full([2, 5], 0.2)))
    drawn = prior.sample(count=64, grid=(2, 2), seed=1, temperature=3.0).numpy()
    assert drawn[..., 0].max() == 1 and drawn[..., 1].max() == 4
    prior.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    prior.fit(tf.data.Dataset.from_tensors({"codes": drawn}).repeat(), steps_per_epoch=5, verbose=0)
    assert prior.sample(count=64, grid=(2, 2), seed=2).numpy()[..., 0].max() == 1


def test_of_none_there_is_no_best():
    with pytest.raises(UserError, match="best_of must be at least 1; received 0"):
        build().sample(count=1, grid=(2, 2), best_of=0)


def test_samples_come_as_often_as_their_probability_says():
    prior = build(code_sizes=(2,))
    count = 4000
    drawn = prior.sample(count=count, grid=(1, 3), seed=1, block=count).numpy().reshape(count, 3)
    seen = np.bincount(drawn @ [4, 2, 1], minlength=8)
    expected = np.exp(prior.log_prob(every_grid(2, (1, 3))).numpy()) * count
    # A binomial count lies within 4.5 of its standard deviations but for one case in 10^5.
    assert (np.abs(seen - expected) < 4.5 * np.sqrt(expected)).all()


def test_plain_fit_trains_it():
    prior = build(code_sizes=(8,), num_classes=2)
    batch = {
        "codes": np.random.default_rng(0).integers(0, 2, [8, 4, 4], np.int32),
        "label": np.zeros(8, np.int32),
    }
    prior.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    data = tf.data.Dataset.from_tensors(batch).repeat()
    history = prior.fit(data, steps_per_epoch=10, epochs=3, verbose=0).history
    assert set(history) == {"loss", "bits_per_code"}
    assert history["loss"][-1] < history["loss"][0]
    assert history["bits_per_code"][-1] == pytest.approx(history["loss"][-1] / math.log(2))


@pytest.mark.parametrize("changes", [{}, {"code_dim": 2, "code_sizes": (3, 3)}])
def test_saved_and_loaded_as_keras_file(tmp_path, changes):
    prior = build(**changes)
    path = str(tmp_path / "prior.keras")
    prior.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.config == prior.config
    for before, after in zip(prior.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)
    np.testing.assert_array_equal(
        prior.sample(count=2, grid=(2, 3)), loaded.sample(count=2, grid=(2, 3))
    )


def test_weight_averaging_covers_all_that_is_trained():
    prior = build(code_dim=2)
    assert [v.path for v in prior.averaged_variables] == [v.path for v in prior.trainable_variables]
    assert not any("code_vectors" in variable.path for variable in prior.averaged_variables)


def test_a_label_for_a_prior_without_classes_is_refused():
    with pytest.raises(UserError, match="not conditioned on label; it takes none"):
        build().sample(count=1, grid=(2, 2), label=0)


def test_an_unknown_family_is_refused():
    with pytest.raises(UserError, match='unknown family "pixelcn_prior"; nearest: pixelcnn_prior'):
        models.build("pixelcn_prior", {})
