import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.config import TrainingConfig
from vqvae_tf.training import optimizers


@pytest.mark.parametrize("warmup", [0, 10])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_schedule_is_the_formula(schedule, warmup):
    config = TrainingConfig(
        steps=50,
        learning_rate=0.2,
        schedule=schedule,
        warmup_steps=warmup,
        final_learning_rate=0.1,
    )
    optimizer = optimizers.build(config, [keras.Variable(np.zeros(3, "float32"))])
    for step in (0, 1, 7, 10, 30, 49, 50, 80):
        expected = 0.2
        if schedule == "cosine":
            progress = min(max((step - warmup) / (50 - warmup), 0.0), 1.0)
            expected *= 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        if warmup:
            expected *= min(step / warmup, 1.0)
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(expected, abs=1e-7)  # float32


def test_adam_has_the_configured_decay():
    variables = [keras.Variable(np.zeros(3, "float32"))]
    assert optimizers.build(TrainingConfig(beta_2=0.9), variables).beta_2 == 0.9


def test_adam_is_that_of_keras():
    config = TrainingConfig(learning_rate=0.01, beta_2=0.99)
    start = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    mine, theirs = keras.Variable(start), keras.Variable(start)
    ours = optimizers.build(config, [mine])
    keras_adam = keras.optimizers.Adam(0.01, beta_2=0.99)
    keras_adam.build([theirs])
    update = tf.function(lambda gradient: ours.apply([gradient], [mine]))
    for step in range(20):
        gradient = tf.constant(np.random.default_rng(step + 1).normal(size=(5, 3)), tf.float32)
        update(gradient)
        keras_adam.apply([gradient], [theirs])
    # Another order of the same float32 operations, over 20 steps of at most 0.01.
    np.testing.assert_allclose(mine, theirs, atol=1e-6)
    for mine, theirs in zip(ours.variables[-2:], keras_adam.variables[-2:], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6, err_msg=theirs.path)  # its two means


def test_adam_finds_its_slots_where_keras_keeps_them():
    # Private names of Keras: a release that renames them must fail here.
    variables = [keras.Variable(np.zeros(size, "float32")) for size in (3, 5)]
    adam = keras.optimizers.Adam(name="adam")
    adam.build(variables)
    for variable in variables:
        index = adam._get_variable_index(variable.value)
        slots = [adam._momentums[index], adam._velocities[index]]
        assert [slot.path for slot in slots] == [
            f"adam/{variable.path}_{name}" for name in ("momentum", "velocity")
        ]


def test_half_precision_scales_the_loss():
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer = optimizers.build(TrainingConfig(precision="mixed_float16"), [variable])
    before = variable.numpy()
    scale = float(optimizer.scale_loss(1.0))
    assert scale > 1.0
    optimizer.apply([tf.constant([np.inf, 0.0, 0.0])], [variable])
    np.testing.assert_array_equal(variable, before)  # an overflow is not applied
    assert float(optimizer.scale_loss(1.0)) == scale / 2


def test_averages_are_the_formula_and_come_and_go():
    variable = keras.Variable(np.float32([1.0, 2.0]))
    average = optimizers.WeightAverage([variable], decay=0.5)
    expected = np.array([1.0, 2.0])
    for updates in range(20):
        variable.assign(np.float32([updates, -updates]))
        decay = min(0.5, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * np.array([updates, -updates])
        average.update(tf.constant(updates))
    np.testing.assert_allclose(average.averages[0], expected, rtol=1e-5)  # float32
    with average.applied():
        np.testing.assert_array_equal(variable, average.averages[0])
    np.testing.assert_array_equal(variable, [19, -19])
    with pytest.raises(RuntimeError), average.applied():
        raise RuntimeError
    np.testing.assert_array_equal(variable, [19, -19])
    average.assign_to_weights()
    np.testing.assert_array_equal(variable, average.averages[0])
