import logging
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training import toy
from vqvae_tf.config import TrainingConfig
from vqvae_tf.errors import UserError
from vqvae_tf.training import checkpoints, optimizers


def make(directory, seed=0, averaged=False, precision="float32"):
    model = toy.ToyModel(seed)
    optimizer = optimizers.build(TrainingConfig(precision=precision), model.trainable_variables)
    average = optimizers.WeightAverage(model.averaged_variables, 0.9) if averaged else None
    return model, optimizer, checkpoints.Checkpoints(str(directory), model, optimizer, average)


def scramble(model, optimizer, seed):
    rng = np.random.default_rng(seed)
    for variable in [*model.variables, *optimizer.variables]:
        variable.assign(rng.integers(1, 1000, variable.shape).astype(variable.dtype))


def cut(prefix, size=40):
    path = prefix + ".data-00000-of-00001"
    with open(path, "r+b") as file:
        file.truncate(size)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_every_variable_comes_back_bit_for_bit(tmp_path, precision):
    model, optimizer, saved = make(tmp_path, precision=precision)
    scramble(model, optimizer, seed=1)
    saved.save(7)
    other, other_optimizer, restored = make(tmp_path, seed=5, precision=precision)
    assert restored.restore() == 7
    for before, after in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(optimizer.variables, other_optimizer.variables, strict=True):
        if before.name != "learning_rate":  # made from the schedule, not stored
            np.testing.assert_array_equal(before, after)


def test_three_are_kept(tmp_path):
    _, _, saved = make(tmp_path)
    for step in (5, 10, 15, 20):
        saved.save(step)
    assert sorted(tmp_path.glob("*.index")) == [
        tmp_path / f"checkpoint-{step}.index" for step in (10, 15, 20)
    ]
    assert saved.describe_last().endswith("checkpoint-20")


def test_nothing_saved_starts_at_zero(tmp_path):
    assert make(tmp_path / "absent")[2].restore() == 0


@pytest.mark.parametrize("damage", ["data", "index", "flipped", "missing"])
def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, caplog, damage):
    model, optimizer, saved = make(tmp_path)
    scramble(model, optimizer, seed=1)
    saved.save(5)
    expected = toy.state(model)
    scramble(model, optimizer, seed=2)
    newest = saved.save(10)
    data = newest + ".data-00000-of-00001"
    if damage == "data":
        cut(newest)
    elif damage == "index":
        os.truncate(newest + ".index", 30)
    elif damage == "flipped":
        with open(data, "r+b") as file:
            file.seek(os.path.getsize(data) // 2)
            file.write(b"\xff\xfe\xfd")
    else:
        os.remove(data)
    other, _, restored = make(tmp_path, seed=5)
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert restored.restore() == 5
    assert "checkpoint-10 is damaged" in caplog.text
    for before, after in zip(expected, toy.state(other), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_run_goes_on_over_a_damaged_checkpoint(tmp_path):
    _, _, saved = make(tmp_path)
    saved.save(5)
    cut(saved.save(10))
    _, _, again = make(tmp_path)
    assert again.restore() == 5
    again.save(10)
    assert make(tmp_path)[2].restore() == 10


def test_a_damaged_state_file_is_no_loss(tmp_path):
    _, _, saved = make(tmp_path)
    saved.save(5)
    (tmp_path / "checkpoint").write_text("model_checkpoint_pa")
    assert make(tmp_path)[2].restore() == 5


def test_all_damaged_is_an_error_and_not_a_new_start(tmp_path):
    _, _, saved = make(tmp_path)
    cut(saved.save(5))
    with pytest.raises(UserError, match="all checkpoints in .* are damaged"):
        make(tmp_path)[2].restore()


def test_another_model_is_refused(tmp_path):
    make(tmp_path)[2].save(5)
    model = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(2)])
    optimizer = optimizers.build(TrainingConfig(), model.trainable_variables)
    other = checkpoints.Checkpoints(str(tmp_path), model, optimizer)
    with pytest.raises(UserError, match="does not fit this model") as error:
        other.restore()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "No space left on device\ndetails"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, monkeypatch, error):
    model, optimizer, saved = make(tmp_path)
    scramble(model, optimizer, seed=1)
    saved.save(5)
    expected = toy.state(model)

    def write_half(*arguments, **keywords):
        (tmp_path / "checkpoint-10.data-00000-of-00001").write_bytes(b"half")
        (tmp_path / "checkpoint-10_temp").mkdir()
        raise error

    scramble(model, optimizer, seed=2)
    with monkeypatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", write_half)
        with pytest.raises(UserError, match="No space left.*last good .*checkpoint-5") as raised:
            saved.save(10)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("checkpoint-10*"))
    other, _, restored = make(tmp_path, seed=5)
    assert restored.restore() == 5
    for before, after in zip(expected, toy.state(other), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("averaged", [False, True])
def test_weights_for_use_are_the_averaged_ones(tmp_path, averaged):
    model, optimizer, saved = make(tmp_path, averaged=averaged)
    scramble(model, optimizer, seed=1)
    saved.save(8)
    initial = toy.ToyModel(0)  # what the averages still are
    other = toy.ToyModel(5)
    assert checkpoints.restore_weights(other, str(tmp_path)) == 8
    np.testing.assert_array_equal(other.code, model.code)
    np.testing.assert_array_equal(other.seen, model.seen)
    expected = initial if averaged else model
    np.testing.assert_array_equal(other.hidden.kernel, expected.hidden.kernel)


def test_weights_for_use_need_a_checkpoint_that_fits(tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoints.restore_weights(toy.ToyModel(), str(tmp_path))
    make(tmp_path)[2].save(1)
    model = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="does not fit"):
        checkpoints.restore_weights(model, str(tmp_path))
