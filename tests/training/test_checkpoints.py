import logging
import os
import resource

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


def test_tensorflows_list_of_checkpoints_is_neither_obeyed_nor_touched(tmp_path):
    """A manager would delete what the list names, wherever it lies."""
    directory, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    _, _, precious = make(elsewhere)
    for step in (1, 2, 3):
        precious.save(step)
    before = sorted(elsewhere.iterdir())
    named = "".join(
        f'all_model_checkpoint_paths: "{elsewhere}/checkpoint-{step}"\n' for step in (1, 2, 3)
    )
    _, _, saved = make(directory)
    saved.save(5)
    for text in (f'model_checkpoint_path: "{elsewhere}/checkpoint-3"\n{named}', "", "model_che"):
        (directory / "checkpoint").write_text(text)
        _, _, again = make(directory)
        step = again.restore()
        assert step > 3
        for later in range(step + 1, step + 5):
            again.save(later)
        assert (directory / "checkpoint").read_text() == text
    assert sorted(elsewhere.iterdir()) == before


def test_only_what_was_written_here_is_removed(tmp_path):
    """Of what looks like ours: what a kill left of a checkpoint, and all but three."""
    ours = (
        "checkpoint-2.data-00000-of-00001",
        "checkpoint-7.index.tempstate123",
        "checkpoint-7.data-00000-of-00001.tempstate9",
    )
    others = (
        "checkpoint-1.index.bak",
        "checkpoint-01.data-00000-of-00001",
        "checkpoint-2.data-00000-of-00002",
        "my-checkpoint-2.data-00000-of-00001",
        "checkpoint",
        "notes.txt",
    )
    for name in (*ours, *others):
        (tmp_path / name).write_text("x")
    (tmp_path / "checkpoint-3.data-00000-of-00001").mkdir()
    _, _, saved = make(tmp_path)
    for step in (5, 10, 15, 20):
        saved.save(step)
    assert {path.name for path in tmp_path.iterdir()} == {
        *others,
        "checkpoint-3.data-00000-of-00001",
        *(os.path.basename(file) for step in (10, 15, 20) for file in files_of(tmp_path, step)),
    }


def files_of(directory, step):
    return checkpoints.files(str(directory / f"checkpoint-{step}"))


def test_damaged_later_ones_do_not_push_out_what_is_new(tmp_path):
    _, _, saved = make(tmp_path)
    for step in (5, 20, 30, 40):
        saved.save(step)
    for step in (20, 30, 40):
        cut(str(tmp_path / f"checkpoint-{step}"))
    saved.save(10)  # as one that resumes from 5 would
    assert make(tmp_path)[2].restore() == 10


@pytest.mark.parametrize("name", ["run[1]", "[", "a]b[c", "w*?", "back\\slash", "a b{c,d}"])
def test_a_folder_is_no_pattern(tmp_path, name):
    directory = tmp_path / name
    (tmp_path / "run1").mkdir()
    model, optimizer, saved = make(directory)
    scramble(model, optimizer, seed=1)
    for step in (1, 2, 3, 4):
        saved.save(step)
    assert len(list(directory.iterdir())) == 6
    other, _, restored = make(directory, seed=5)
    assert restored.restore() == 4
    assert checkpoints.restore_weights(toy.ToyModel(5), str(directory)) == 4
    for before, after in zip(toy.state(model), toy.state(other), strict=True):
        np.testing.assert_array_equal(before, after)
    cut(str(directory / "checkpoint-4"))
    assert make(directory)[2].restore() == 3


def test_all_damaged_is_an_error_and_not_a_new_start(tmp_path):
    _, _, saved = make(tmp_path)
    cut(saved.save(5))
    with pytest.raises(UserError, match="all checkpoints in .* are damaged"):
        make(tmp_path)[2].restore()


def test_variables_are_known_by_their_paths(tmp_path):
    _, _, saved = make(tmp_path, averaged=True, precision="mixed_float16")
    names = {name for name, _ in tf.train.list_variables(saved.save(5))}
    assert {
        "step",
        "model/hidden/kernel",
        "model/code",  # the model's own, whatever number Keras gave the model
        "model/noise/seed_generator_state",
        "optimizer/adam/momentum/hidden/kernel",
        "optimizer/adam/velocity/code",
        "optimizer/adam/iteration",
        "optimizer/loss_scale/dynamic_scale",
        "average/hidden/kernel",
    } <= names
    assert "average/code" not in names


def dense(**widths):
    """A model with a named layer for each width."""
    model = keras.Sequential([keras.layers.Dense(width, name=n) for n, width in widths.items()])
    model.build((None, 3))
    optimizer = optimizers.build(TrainingConfig(), model.trainable_variables)
    return model, optimizer


def test_another_model_is_refused_by_what_is_missing_and_what_is_over(tmp_path):
    checkpoints.Checkpoints(str(tmp_path), *dense(a=4, b=4, c=4)).save(5)
    model, optimizer = dense(a=4, d=4, c=5)
    before = toy.state(model)
    with pytest.raises(UserError, match="does not fit this model") as error:
        checkpoints.Checkpoints(str(tmp_path), model, optimizer).restore()
    message = str(error.value)
    assert "\n" not in message
    assert "the checkpoint lacks model/d/bias, model/d/kernel, optimizer/adam/mom" in message
    assert "and 3 more" in message
    assert "the model lacks model/b/bias, model/b/kernel" in message
    assert "model/c/bias is float32 [4], not float32 [5]" in message
    with pytest.raises(UserError, match="lacks model/d/bias, model/d/kernel; the model lacks"):
        checkpoints.restore_weights(model, str(tmp_path))
    for first, second in zip(before, toy.state(model), strict=True):
        np.testing.assert_array_equal(first, second)


def test_weights_may_change_their_order(tmp_path):
    class Pair(keras.Model):
        def __init__(self, names):
            super().__init__()
            for name in names:
                self.add_weight(shape=(2,), initializer="normal", name=name)
            self.built = True

    first, second = Pair("ab"), Pair("ba")
    for model in (first, second):
        optimizer = optimizers.build(TrainingConfig(), model.trainable_variables)
        state = checkpoints.Checkpoints(str(tmp_path), model, optimizer)
        if model is first:
            state.save(1)
    state.restore()
    for mine, theirs in zip(second.variables, reversed(first.variables), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_generators_that_keras_numbers_are_known_again(tmp_path):
    def dropping():
        model = keras.Sequential(
            [
                keras.layers.Dense(4, name="a"),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(4, name="b"),
                keras.layers.Dropout(0.5),
            ]
        )
        model.build((None, 3))
        optimizer = optimizers.build(TrainingConfig(), model.trainable_variables)
        return model, checkpoints.Checkpoints(str(tmp_path), model, optimizer)

    first, saved = dropping()
    saved.save(1)
    second, restored = dropping()
    restored.restore()
    assert len(first.variables) == 6
    for mine, theirs in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_two_variables_of_one_path_are_refused(tmp_path):
    model = toy.ToyModel()
    model.again = keras.layers.Dense(3, name="hidden")
    model.again.build((None, 3))
    with pytest.raises(ValueError, match="several variables are called model/hidden/kernel"):
        checkpoints.Checkpoints(
            str(tmp_path), model, optimizers.build(TrainingConfig(), model.trainable_variables)
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_that_is_not_finite_is_saved(tmp_path, bad):
    model, optimizer, saved = make(tmp_path, averaged=True)
    average = saved._variables["average/hidden/kernel"]
    saved.save(1)
    for variable, words in (
        (model.hidden.kernel, "the weights hidden/kernel are"),
        (model.seen, "the weights seen are"),
        (optimizer.variables[-1], "the optimizer's values adam/velocity/output/bias are"),
        (average, "the averaged weights hidden/kernel are"),
    ):
        before = variable.numpy()
        variable.assign(np.full(variable.shape, bad))
        with pytest.raises(UserError, match=f"{words} not finite at step 2; .*checkpoint-1;"):
            saved.save(2)
        variable.assign(before)
    assert make(tmp_path, averaged=True)[2].restore() == 1


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    model, optimizer, saved = make(tmp_path)
    scramble(model, optimizer, seed=1)
    saved.save(5)
    expected = toy.state(model)
    scramble(model, optimizer, seed=2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # bytes; a checkpoint takes more
    try:
        with pytest.raises(UserError, match="cannot write .*step 10 .*checkpoint-5; give") as full:
            saved.save(10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(full.value)
    assert not list(tmp_path.glob("checkpoint-10*"))
    other, _, restored = make(tmp_path, seed=5)
    assert restored.restore() == 5
    for before, after in zip(expected, toy.state(other), strict=True):
        np.testing.assert_array_equal(before, after)


def test_what_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    _, _, saved = make(tmp_path)
    saved.save(5)

    def forbidden(*arguments, **keywords):
        raise tf.errors.PermissionDeniedError(None, None, "x; Permission denied")

    monkeypatch.setattr(tf.io.gfile, "GFile", forbidden)
    with pytest.raises(UserError, match="cannot read .*checkpoint-5 .*Permission denied"):
        make(tmp_path)[2].restore()


def test_a_folder_mutated_at_random_gives_a_whole_state_or_one_line(tmp_path):
    """Cut, flipped, emptied, swapped: what comes back was saved so, or the error is one line."""
    model, optimizer, saved = make(tmp_path)
    states = {}
    for step in (5, 10):
        scramble(model, optimizer, seed=step)
        saved.save(step)
        states[step] = toy.state(model)
    names = sorted(path.name for path in tmp_path.iterdir())
    contents = {name: (tmp_path / name).read_bytes() for name in names}
    other, _, again = make(tmp_path, seed=5)
    draws, found = np.random.default_rng(0), []
    for _ in range(80):
        for name in names:
            (tmp_path / name).write_bytes(contents[name])
        for name in draws.choice(names, size=draws.integers(1, 3), replace=False):
            data = bytearray(contents[name])
            match draws.integers(5):
                case 0:
                    data = data[: draws.integers(len(data))]
                case 1:
                    data[draws.integers(len(data))] ^= 1 << draws.integers(8)
                case 2:
                    data = b""
                case 3:
                    data = contents[draws.choice(names)]
                case 4:
                    data = draws.bytes(len(data))
            (tmp_path / name).write_bytes(data)
        try:
            step = again.restore()
        except UserError as error:
            assert "\n" not in str(error)
            found.append(None)
        else:
            found.append(step)
            assert step in states
            for before, after in zip(states[step], toy.state(other), strict=True):
                np.testing.assert_array_equal(before, after)
    assert {None, 5, 10} == set(found)


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
