"""The moving averages against equations 6 to 8, and the revival of dead codes."""

import numpy as np
import pytest
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf.layers import VectorQuantizerEMA


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def bare(codebook, decay=0.9):
    layer = VectorQuantizerEMA(len(codebook), decay=decay, revival_threshold=0)
    layer.load_codebook(codebook)
    return layer


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.99])
def test_ten_steps_are_the_equations(decay):
    codebook = normal(6, 3)
    layer = bare(codebook, decay)
    state = np.ones(6), np.float64(codebook), np.float64(codebook)
    for step in range(10):
        x = normal(300, 3, seed=step)  # every code is hit, so that decay 0 divides by no zero
        layer(x, training=True)
        state = oracle.ema_step(state, x, decay)
        # ten float32 updates of numbers near 1
        for mine, expected in zip((layer.counts, layer.sums, layer.codebook), state, strict=True):
            np.testing.assert_allclose(array(mine), expected, rtol=3e-6, atol=3e-6)


def test_the_bare_form_begins_at_count_1_and_sum_e():
    layer = VectorQuantizerEMA(8, revival_threshold=0)
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.counts, np.ones(8))
    np.testing.assert_array_equal(layer.sums, layer.codebook)
    assert not layer.trainable_variables


def test_a_code_never_hit_keeps_its_value_and_the_others_move():
    codebook = np.concatenate([normal(5, 3), [[70.0, -3.3, 0.7]]]).astype("float32")
    layer = bare(codebook)
    for step in range(200):
        layer(normal(50, 3, seed=step), training=True)
    np.testing.assert_array_equal(array(layer.codebook)[5], codebook[5])
    assert np.abs(array(layer.codebook)[:5] - codebook[:5]).max() > 0.05
    assert np.abs(array(layer.codebook)).max() == 70.0  # none ran off


def test_output_and_loss_are_those_of_the_codebook_before_the_update():
    layer = bare(normal(6, 3))
    x, before = normal(40, 3, seed=2), array(layer.codebook)
    output = layer.quantize(x, training=True)
    codes = oracle.nearest(x, before)
    np.testing.assert_array_equal(output.vectors, before[codes])
    expected = 0.25 * np.square(np.float64(x) - before[codes]).mean()
    np.testing.assert_allclose(output.losses["commitment"], expected, rtol=1e-6)  # float32 sum


def test_all_codes_are_drawn_from_data_in_the_first_steps():
    layer = VectorQuantizerEMA(64)
    x = normal(2048, 4) + 30.0
    for _ in range(10):
        layer(x, training=True)
    assert np.abs(array(layer.codebook) - 30.0).max() < 6.0
    assert len(np.unique(array(layer.encode(x)))) >= 60


def test_a_revived_code_survives_with_count_sum_and_code_together():
    layer = VectorQuantizerEMA(16, decay=0.5)
    x = normal(128, 2, seed=3)
    # The codes are rows of the batch, so that the far one alone is dead.
    layer.load_codebook(np.concatenate([x[:15], [[90.0, 90.0]]]))
    steps = 0
    while array(layer.codebook)[15, 0] == 90.0:
        layer(x, training=True)
        steps += 1
    assert steps < 10
    code, count, total = (array(v)[15] for v in (layer.codebook, layer.counts, layer.sums))
    assert any((code == row).all() for row in x)
    np.testing.assert_allclose(count, 0.5 * array(layer.counts).mean(), rtol=0.05)
    np.testing.assert_allclose(total, count * code, rtol=1e-6)
    layer(x, training=True)
    assert np.abs(array(layer.codebook)[15] - code).max() < 2.0  # not thrown back


def test_nothing_is_revived_onto_a_masked_position():
    layer = VectorQuantizerEMA(32)
    x = normal(64, 2)
    mask = np.arange(64) < 20
    x[20:] = 1e6
    for _ in range(12):
        layer.quantize(x, training=True, mask=mask)
    assert np.abs(array(layer.codebook)).max() < 10.0


def test_skipped_steps_are_counted():
    layer = VectorQuantizerEMA(4)
    x = normal(16, 2)
    layer(x, training=True)
    x[0, 0] = np.nan
    layer(x, training=True)
    assert int(array(layer.skipped_steps)) == 1 and int(array(layer.step)) == 2


def test_beta_multiplies_the_commitment_alone():
    x, codebook = normal(30, 3), normal(6, 3, seed=1)
    losses = []
    for beta in (0.25, 2.0):
        layer = VectorQuantizerEMA(6, commitment_cost=beta)
        layer.load_codebook(codebook)
        losses.append(float(layer.quantize(x).losses["commitment"]))
    np.testing.assert_allclose(losses[1] / losses[0], 8.0, rtol=1e-6)


def test_the_derived_decay_remembers_about_eighty_hits():
    layer = VectorQuantizerEMA(16)
    for vectors, rate in ((16, 1 / 80), (64, 0.05), (1024, 0.05), (1, 0.002)):
        counts = np.zeros(16, "float32")
        counts[0] = vectors
        np.testing.assert_allclose(float(layer._rate(counts)), rate, rtol=1e-6)


def test_a_code_chosen_seldom_is_kept_where_its_vectors_are_far_from_it():
    layer = VectorQuantizerEMA(8)
    layer.load_codebook(np.concatenate([normal(7, 2), [[90.0, 90.0]]]))
    for step in range(150):
        x = normal(128, 2, seed=step)
        x[0] = 90.0 + 3.0 * x[0]  # one vector a step, 16 for the other codes
        layer(x, training=True)
    share = array(layer.counts) / array(layer.counts).mean()
    assert share[7] < layer.revival_threshold  # by its count alone it would be dead
    np.testing.assert_allclose(array(layer.codebook)[7], [90.0, 90.0], atol=3.0)
    assert int(layer.dead_codes) == 0


def test_a_code_that_is_hit_to_the_bit_is_kept_where_it_is_chosen_often():
    layer = VectorQuantizerEMA(8)
    layer.load_codebook(np.concatenate([normal(7, 2), [[90.0, 90.0]]]))
    for step in range(150):
        x = normal(128, 2, seed=step)
        x[:40] = 90.0
        layer(x, training=True)
    share = array(layer.errors) / array(layer.errors).mean()
    assert share[7] < layer.revival_threshold  # by its error alone it would be dead
    np.testing.assert_allclose(array(layer.codebook)[7], [90.0, 90.0], rtol=1e-6)  # m / N rounds
