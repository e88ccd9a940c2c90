import csv
import json
import os
import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toy
from vqvae_tf.config import TrainingConfig
from vqvae_tf.errors import UserError
from vqvae_tf.training import Interrupted, loop, restore_weights, train


def config(**changes):
    defaults = {
        "steps": 20,
        "batch_size": 8,
        "learning_rate": 0.01,
        "schedule": "cosine",
        "warmup_steps": 3,
        "clip_norm": 0.5,
        "weight_averaging": 0.9,
        "log_every": 5,
        "checkpoint_every": 10,
    }
    return TrainingConfig(**defaults | changes)


def evaluate(model):
    return {"weights": float(tf.reduce_sum(model.hidden.kernel.value)), "rows": [{"x": 1}]}


def csv_rows(path):
    """Rows of metrics.csv without what the clock says."""
    with open(os.path.join(path, "metrics.csv")) as file:
        return [
            {name: value for name, value in row.items() if name != "steps_per_second"}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run of 20 steps that nothing disturbed: its folder, model and results."""
    path = str(tmp_path_factory.mktemp("straight"))
    model = toy.ToyModel()
    results = train(model, toy.make_dataset(), config(), path, evaluate=evaluate)
    return path, model, results


def assert_same_end(path, model, straight):
    straight_path, straight_model, _ = straight
    for before, after in zip(toy.state(straight_model), toy.state(model), strict=True):
        np.testing.assert_array_equal(before, after)
    assert csv_rows(path) == csv_rows(straight_path)


def test_training_lowers_the_loss_and_writes_its_files(straight):
    path, _, results = straight
    written = {"checkpoints", "tensorboard", "metrics.csv", "evaluation.json", ".lock"}
    assert written == set(os.listdir(path))
    rows = csv_rows(path)
    assert [row["step"] for row in rows] == ["5", "10", "15", "20"]
    assert float(rows[-1]["loss"]) < 0.8 * float(rows[0]["loss"])
    with open(os.path.join(path, "evaluation.json")) as file:
        assert json.load(file) == results
    assert results["step"] == 20 and results["rows"] == [{"x": 1}]


def test_a_step_is_the_optimizers_and_a_log_is_the_mean(tmp_path):
    plain = config(steps=4, log_every=2, clip_norm=0.0, weight_averaging=0.0, schedule="constant")
    model, other = toy.ToyModel(), toy.ToyModel()
    train(model, toy.make_dataset(), plain, str(tmp_path))
    optimizer = loop.optimizers.build(plain, other.trainable_variables)
    losses = []
    for batch in toy.make_dataset()(0).take(4):
        with tf.GradientTape() as tape:
            loss = other.compute_losses(batch, training=True)["loss"]
        optimizer.apply(tape.gradient(loss, other.trainable_variables), other.trainable_variables)
        losses.append(float(loss))
    # Compiled kernels are fused in another way than eager ones: a few units of 6e-8.
    for expected, weights in zip(toy.state(other), toy.state(model), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)
    logged = [float(row["loss"]) for row in csv_rows(str(tmp_path))]
    np.testing.assert_allclose(logged, [np.mean(losses[:2]), np.mean(losses[2:])], rtol=1e-5)


def test_a_run_in_two_parts_ends_as_one(tmp_path, straight):
    """The second part has new objects, other initial weights, and does three steps again."""
    path = str(tmp_path)

    def failing(start):
        def check(step):
            if step == 13:
                raise OSError("the disk with the pictures is gone")
            return step

        steps = tf.data.Dataset.counter(start).map(
            lambda step: tf.numpy_function(check, [step], tf.int64, stateful=False)
        )
        batches = tf.data.Dataset.zip(toy.make_dataset()(start), steps)
        return batches.map(lambda batch, step: batch)

    with pytest.raises(tf.errors.OpError):
        train(toy.ToyModel(), failing, config(), path, evaluate=evaluate)
    assert not os.path.exists(os.path.join(path, "evaluation.json"))
    model = toy.ToyModel(seed=5)
    results = train(model, toy.make_dataset(), config(), path, evaluate=evaluate)
    assert_same_end(path, model, straight)
    assert results == straight[2]


class Killed(BaseException):
    """A kill: nothing of the library catches it."""


def kill(patch, path, point, when):
    """Makes the next run in `path` die; gives the `evaluate` to run it with."""
    scalars, save, calls = loop.Logs.scalars, loop.Checkpoints.save, []

    def in_a_row(logs, step, values):
        if (point, step) == ("row", when):
            with open(os.path.join(path, "metrics.csv"), "a") as file:
                file.write(f"{step},0.12")
            raise Killed
        scalars(logs, step, values)

    def around_a_checkpoint(checkpoints, step):
        if (point, step) == ("checkpoint", when):
            for ending in (".data-00000-of-00001", ".index.tempstate77"):
                name = f"checkpoint-{step}{ending}"
                with open(os.path.join(path, "checkpoints", name), "wb") as file:
                    file.write(b"half")
            raise Killed
        save(checkpoints, step)
        if (point, step) == ("saved", when):
            raise Killed

    def in_an_evaluation(model):
        calls.append(None)
        if (point, len(calls)) == ("evaluation", when):
            raise Killed
        return evaluate(model)

    patch.setattr(loop.Logs, "scalars", in_a_row)
    patch.setattr(loop.Checkpoints, "save", around_a_checkpoint)
    return in_an_evaluation


def test_a_run_killed_at_any_point_ends_as_one_that_was_not(tmp_path, monkeypatch):
    """The same weights, rows of metrics.csv and evaluation.json, but for steps per second."""
    # Rows, checkpoints and evaluations each at steps of their own.
    settings = config(log_every=6, checkpoint_every=4, evaluate_every=8)
    path, straight = str(tmp_path / "killed"), str(tmp_path / "straight")
    expected_model = toy.ToyModel()
    expected = train(expected_model, toy.make_dataset(), settings, straight, evaluate=evaluate)
    kills = (
        ("checkpoint", 8),  # leaves that of step 4
        ("evaluation", 2),  # that of step 8, between its two halves
        ("row", 12),  # from 8, whose evaluation is made now
        ("saved", 12),  # from 8 again
        ("evaluation", 1),  # that of step 16
        ("evaluation", 3),  # that of step 16 is made now, that of step 20 is cut off
    )
    for number, (point, when) in enumerate(kills):
        with monkeypatch.context() as patch:
            dying = kill(patch, path, point, when)
            with pytest.raises(Killed):
                train(toy.ToyModel(number), toy.make_dataset(), settings, path, evaluate=dying)
        assert not os.path.exists(os.path.join(path, "evaluation.json"))
    model = toy.ToyModel(seed=5)
    assert train(model, toy.make_dataset(), settings, path, evaluate=evaluate) == expected
    for before, after in zip(toy.state(expected_model), toy.state(model), strict=True):
        np.testing.assert_array_equal(before, after)
    assert csv_rows(path) == csv_rows(straight)
    assert [row["step"] for row in csv_rows(path)] == ["6", "8", "12", "16", "18", "20"]
    checkpoints = sorted(os.listdir(os.path.join(straight, "checkpoints")))
    assert sorted(os.listdir(os.path.join(path, "checkpoints"))) == checkpoints
    # A finished run is evaluated again, and nothing else changes.
    again = train(toy.ToyModel(), toy.make_dataset(), settings, path, evaluate=evaluate)
    assert again == expected and csv_rows(path) == csv_rows(straight)
    with open(os.path.join(path, "evaluation.json")) as file:
        assert json.load(file) == expected


def test_a_second_run_in_a_workdir_is_refused_and_readers_are_not(tmp_path):
    path = str(tmp_path)
    settings = config(steps=4, evaluate_every=2)
    seen = []

    def look_in(model):
        seen.append(restore_weights(toy.ToyModel(), os.path.join(path, "checkpoints")))
        with pytest.raises(UserError, match="another run is using workdir") as error:
            train(toy.ToyModel(), toy.make_dataset(), settings, path)
        assert "\n" not in str(error.value)
        return evaluate(model)

    train(toy.ToyModel(), toy.make_dataset(), settings, path, evaluate=look_in)
    assert set(seen) == {2, 4}
    train(toy.ToyModel(), toy.make_dataset(), settings, path)


def test_more_steps_under_a_cosine_say_what_becomes_of_the_learning_rate(tmp_path, caplog):
    def run(steps, warmup=0):
        caplog.clear()
        settings = config(steps=steps, warmup_steps=warmup)
        train(toy.ToyModel(), toy.make_dataset(), settings, str(tmp_path / f"{warmup}"))
        return [line for line in caplog.messages if "learning rate" in line]

    assert run(4) == []
    assert run(8) == [
        "training.steps changed from 4 to 8 under a cosine schedule: the learning rate changes "
        "from 0 to 0.005 at step 4"
    ]
    assert run(8) == []
    assert run(4, warmup=10) == run(8, warmup=10) == []  # the warm-up is the same


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_and_say_where(tmp_path, straight, monkeypatch, number):
    path = str(tmp_path)
    advance, steps = loop.Logs.advance, []

    def interrupt_at_ten(logs):
        advance(logs)
        steps.append(len(steps) + 1)
        if steps[-1] == 10:
            os.kill(os.getpid(), number)

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patch:
        patch.setattr(loop.Logs, "advance", interrupt_at_ten)
        with pytest.raises(Interrupted, match="stopped at step 10; .*checkpoint-10;") as stopped:
            train(toy.ToyModel(), toy.make_dataset(), config(), path, evaluate=evaluate)
    assert "\n" not in str(stopped.value)
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    if number == signal.SIGTERM:
        model = toy.ToyModel(seed=5)
        train(model, toy.make_dataset(), config(), path, evaluate=evaluate)
        assert_same_end(path, model, straight)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("every", "step"), [(3, 3), (0, 6)])
def test_an_evaluation_is_cut_off_at_once(tmp_path, number, every, step):
    def interrupted(model):
        os.kill(os.getpid(), number)
        threading.Event().wait(30)  # the signal cuts this short
        raise AssertionError("went on")

    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted, match=f"stopped at step {step}; .*checkpoint-{step};"):
        train(
            toy.ToyModel(),
            toy.make_dataset(),
            config(steps=6, evaluate_every=every),
            str(tmp_path),
            evaluate=interrupted,
        )
    assert handlers == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]


def test_a_finished_run_is_evaluated_again_and_steps_can_be_added(tmp_path, caplog):
    path = str(tmp_path)
    short = config(steps=4, schedule="constant", log_every=2)
    train(toy.ToyModel(), toy.make_dataset(), short, path, evaluate=evaluate)
    rows = csv_rows(path)
    model = toy.ToyModel(seed=5)
    train(model, toy.make_dataset(), short, path, evaluate=evaluate)
    assert csv_rows(path) == rows
    more = config(steps=6, schedule="constant", log_every=2)
    assert train(model, toy.make_dataset(), more, path, evaluate=evaluate)["step"] == 6
    assert [row["step"] for row in csv_rows(path)] == ["2", "4", "6"]
    assert "learning rate" not in caplog.text  # it is constant


def test_evaluation_sees_the_averages_and_the_log_shows_both(straight):
    path, model, results = straight
    last = csv_rows(path)[-1]
    current = float(np.sum(model.hidden.kernel))
    assert float(last["evaluation_current/weights"]) == pytest.approx(current, rel=1e-5)
    assert float(last["evaluation/weights"]) == results["weights"] != current
    restored = toy.ToyModel(seed=5)
    assert restore_weights(restored, os.path.join(path, "checkpoints")) == 20
    assert evaluate(restored)["weights"] == results["weights"]
    np.testing.assert_array_equal(restored.code, model.code)


def test_evaluation_on_the_way(tmp_path):
    train(
        toy.ToyModel(),
        toy.make_dataset(),
        config(steps=6, evaluate_every=2, log_every=3, weight_averaging=0.0),
        str(tmp_path),
        evaluate=evaluate,
    )
    found = [(row["step"], row["evaluation/weights"] != "") for row in csv_rows(str(tmp_path))]
    assert found == [("2", True), ("3", False), ("4", True), ("6", True)]


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(UserError, match="not finite at step 13 .*checkpoint-10;") as error:
        train(
            toy.ToyModel(),
            toy.make_dataset(broken_at=13),
            config(log_every=4),
            str(tmp_path),
        )
    assert "\n" not in str(error.value)
    assert [row["step"] for row in csv_rows(str(tmp_path))] == ["4", "8", "12"]


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    class Overflowing(toy.ToyModel):
        def compute_losses(self, batch, training=False):
            losses = super().compute_losses(batch, training)
            # Finite in value, with a gradient that is not: sqrt at 0.
            return losses | {"loss": losses["loss"] + tf.sqrt(0.0 * tf.reduce_sum(self.code))}

    changes = {"steps": 1, "clip_norm": 0.0, "weight_averaging": 0.0, "warmup_steps": 0}
    with pytest.raises(UserError, match="weights .*code are not finite at step 1; there is none"):
        train(Overflowing(), toy.make_dataset(), config(**changes), str(tmp_path))
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_a_batch_must_divide_by_the_replicas(tmp_path):
    class Two(tf.distribute.OneDeviceStrategy):
        num_replicas_in_sync = 2

    untouched = tmp_path / "run"
    with pytest.raises(UserError, match="batch_size 7 must be a multiple of the 2 .*take 8, or"):
        train(
            toy.ToyModel(),
            toy.make_dataset(),
            config(batch_size=7),
            str(untouched),
            strategy=Two("CPU:0"),
        )
    assert not untouched.exists()


def test_a_model_that_is_not_built_is_refused(tmp_path):
    with pytest.raises(ValueError, match="build it before training"):
        train(keras.Sequential(), toy.make_dataset(), config(), str(tmp_path))
