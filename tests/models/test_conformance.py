"""The contract of models: what every family must do, whatever is inside it."""

import dataclasses
import functools
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.cases import FAMILIES, build
from tests.small import TRAINING
from vqvae_tf import models, training
from vqvae_tf.errors import UserError

NOT_RANDOM = ("decoder/embedding",)  # of a WaveNet whose codes are values in order


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@functools.cache
def trained(family):
    """A model after two steps of `fit` compiled by XLA, one for all tests, which leave it alone."""
    model = build(family)
    model.compile(keras.optimizers.SGD(0.01), jit_compile=True)
    batches = tf.data.Dataset.from_tensors(FAMILIES[family].batch()).repeat(2)
    model.losses_of_fit = model.fit(batches, verbose=0).history
    return model


def test_every_family_is_here():
    assert FAMILIES.keys() == models.FAMILIES.keys()


def test_variables_have_the_same_paths_in_every_process(family):
    """Checkpoints know them by these: no automatic numbers, none twice."""
    changes = {"dropout": 0.1} if "pixelcnn" in family or family == "two_level_prior" else {}
    paths, again = (
        [variable.path for variable in build(family, **changes).variables] for _ in range(2)
    )
    assert paths == again and len(set(paths)) == len(paths)


def test_fit_compiles_by_xla(family):
    model, fresh = trained(family), build(family)
    assert np.isfinite(list(model.losses_of_fit.values())).all()
    for name, value in model.compute_losses(FAMILIES[family].batch()).items():
        assert np.isfinite(value), name
    moved = [
        (a.numpy() != b.numpy()).any()
        for a, b in zip(model.trainable_variables, fresh.trainable_variables, strict=True)
    ]
    assert any(moved)


def test_the_loop_s_step_compiles_by_xla(family, tmp_path, monkeypatch):
    model, batch = build(family), FAMILIES[family].batch()
    steps = []

    def run(step, args):
        steps.append(step)
        return step(*args)

    strategy = tf.distribute.get_strategy()
    monkeypatch.setattr(strategy, "run", run)
    data = tf.data.Dataset.from_tensors(batch).repeat()
    config = dataclasses.replace(TRAINING, steps=2)
    results = training.train(model, lambda step: data, config, str(tmp_path), strategy=strategy)
    assert np.isfinite(list(results["losses"].values())).all()
    # As far as XLA's own operations, where it refuses what it does not know: the rest takes long.
    compiled = tf.function(steps[0], autograph=False, jit_compile=True)
    tensors = {name: tf.constant(values) for name, values in batch.items()}
    assert compiled.experimental_get_compiler_ir(tensors)(stage="hlo").startswith("HloModule")


@functools.cache
def ready(family):
    """A model that has not been trained, compiled without compilation, for tests that only look."""
    model = build(family)
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


def losses_of(model, batch):
    return {name: float(value) for name, value in model.compute_losses(batch).items()}


def mistakes(model, batch):
    """Batches that the model cannot take, each with a value wrong, and what is said of it."""
    for name, taken in model.takes.items():
        value = batch[name]
        other = np.int16(value * 32767) if taken.values == "floats" else value / 255.0
        yield {**batch, name: other}, f"must be .*{taken.values} of .* received {other.dtype}"
        if name == model.data_key:
            yield {**batch, name: value[0]}, r"of the shape \[batch, .*\[None\] is a batch of one"
            yield {**batch, name: value[:0]}, "must not be empty"
        else:
            yield {**batch, name: value[:3]}, "one for each of the 4 examples; received 3"
            yield {**batch, name: value[:, None]}, r"of the shape \[batch(, time)?\]"
        if taken.highs:
            for far in (taken.highs[0] + 1, 2**40 if taken.values == "integers" else np.nan):
                wrong = value.astype(np.int64 if taken.values == "integers" else np.float32)
                wrong[-1:] = far
                yield {**batch, name: wrong}, f"must lie between .* received .* {far}"
    renamed = {f"{name}s": value for name, value in batch.items()}
    yield {**batch, **renamed}, f'unknown key "{model.data_key}s" in a batch; nearest: '
    yield {}, f'a batch must hold "{model.data_key}"; received nothing'
    yield (batch, batch), "received a tuple of 2: models compute their losses"


def test_every_method_refuses_what_it_cannot_take(family):
    model, batch = ready(family), FAMILIES[family].batch()
    of_batches = [model.compute_losses, model.bits, model.summaries, model]
    of_batches += [model.fit, model.evaluate, model.predict]
    of_batches += [model.train_on_batch, model.test_on_batch, model.predict_on_batch]
    for wrong, words in mistakes(model, batch):
        for method in of_batches:
            if method is model and isinstance(wrong, tuple):
                continue  # the arguments of `call`
            with pytest.raises(UserError, match=words) as raised:
                method(wrong)
            assert "\n" not in str(raised.value)


def test_every_batch_of_a_data_set_is_looked_at(family):
    model, batch = build(family), FAMILIES[family].batch()
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)

    def batches(wrong):
        yield batch
        yield batch
        yield wrong

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return wrong if index == 2 else batch

    for name, taken in model.takes.items():
        if not taken.highs:
            continue
        wrong = {**batch, name: batch[name].copy()}
        wrong[name][-1:] = taken.highs[0] + 1
        words = f"{name if name == 'label' else ''}.* must lie between .* {taken.highs[0] + 1}"
        stacked = {key: np.stack([batch[key], batch[key], wrong[key]]) for key in batch}
        data = tf.data.Dataset.from_tensor_slices(stacked)
        for given in (data, batches(wrong), Batches()):
            with pytest.raises(UserError, match=words) as raised:
                model.fit(given, verbose=0)
            assert "\n" not in str(raised.value)
        with pytest.raises(UserError, match=words):
            model.fit(batch, validation_data=data, verbose=0)
        for method in (model.evaluate, model.predict):
            with pytest.raises(UserError, match=words):
                method(data, verbose=0)


def test_in_a_graph_a_class_out_of_range_shows_in_the_loss(family):
    model, batch = ready(family), FAMILIES[family].batch()
    losses = tf.function(lambda batch: model.compute_losses(batch)["loss"], autograph=False)
    for name in list(model.takes)[1:]:
        high = model.takes[name].highs[0]
        assert np.isfinite(losses({**batch, name: np.full_like(batch[name], high)}))
        for wrong in (high + 1, -2, 2**32):
            values = np.zeros(batch[name].shape, np.int64)
            values[2] = wrong
            assert np.isnan(losses({**batch, name: tf.constant(values)}))


def test_targets_weights_losses_and_metrics_are_refused(family):
    model, batch = ready(family), FAMILIES[family].batch()
    for name, value in (
        ("y", batch[model.data_key]),
        ("sample_weight", np.ones(4)),
        ("class_weight", {0: 1.0}),
    ):
        with pytest.raises(UserError, match=f"takes no {name}: the model computes its losses"):
            model.fit(batch, **{name: value})
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        with pytest.raises(UserError, match=f"takes no {name}: the model computes its losses"):
            model.compile("adam", **{name: ["mse"]})
    with pytest.raises(UserError, match="received a tuple of 2"):
        model.fit(batch, validation_data=(batch, batch[model.data_key]))


def test_keras_s_methods_take_one_kind_of_batches(family):
    model, batch = build(family), FAMILIES[family].odd()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    data = batch[model.data_key]
    expected, alone = model(batch).numpy(), model(data).numpy()
    np.testing.assert_array_equal(model.predict(batch, verbose=0), expected)
    # Products of matrices of other sizes: a few roundings of 6e-8.
    np.testing.assert_allclose(model.predict(data, batch_size=3, verbose=0), alone, atol=1e-6)
    batches = tf.data.Dataset.from_tensor_slices(batch).batch(3)
    np.testing.assert_allclose(model.predict(batches, verbose=0), expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict_on_batch(batch), expected)
    first, rest = (
        {name: values[part] for name, values in batch.items()}
        for part in (slice(3), slice(3, None))
    )
    first, rest = losses_of(model, first), losses_of(model, rest)
    found = model.evaluate(batches, verbose=0, return_dict=True)
    for name, value in found.items():  # 3 examples and 1, each of the same weight; in float32
        assert value == pytest.approx((3 * first[name] + rest[name]) / 4, rel=1e-6), name
    assert found == model.evaluate(batch, batch_size=3, verbose=0, return_dict=True)
    history = model.fit(batch, batch_size=2, validation_split=0.5, verbose=0).history
    assert history.keys() == {*found, *(f"val_{name}" for name in found)}
    history = model.fit(batches, validation_data=(batch,), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(losses_of(model, batch)["loss"], rel=1e-2)
    assert set(model.train_on_batch(batch, return_dict=True)) == set(found)
    assert set(model.test_on_batch(data, return_dict=True)) == set(found)


def test_what_keras_exports_after_a_fit_says_the_same(family, tmp_path):
    model, batch = trained(family), FAMILIES[family].odd()
    model.export(str(tmp_path), verbose=False)
    served = tf.saved_model.load(str(tmp_path))
    conditions = {name: value for name, value in batch.items() if name != model.data_key}
    given = [batch[model.data_key], *([conditions] if conditions else [])]
    # The graph's sums may be in another order: a few roundings of 6e-8 of sums of size 10.
    np.testing.assert_allclose(served.serve(*given), model(batch), atol=1e-5)


def test_frozen_it_trains_nothing(family):
    model, batch = build(family), FAMILIES[family].batch()
    model.trainable = False
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    before = model.get_weights()
    assert np.isfinite(model.fit(batch, epochs=2, verbose=0).history["loss"]).all()
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_inside_another_model_it_keeps_its_quantizers_losses(family, tmp_path):
    model, batch = build(family), FAMILIES[family].batch()
    specs = {name: taken.spec for name, taken in model.takes.items()}
    inputs = {
        name: keras.Input(batch_shape=spec.shape, dtype=spec.dtype.name, name=name)
        for name, spec in specs.items()
    }
    outer = keras.Model(inputs, model(inputs))
    outputs, losses = outer(batch), losses_of(model, batch)
    own = [value for name, value in losses.items() if "commitment" in name]
    np.testing.assert_allclose(outer.losses, own)
    outer.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    loss = outer.fit(batch, outputs.numpy(), batch_size=4, verbose=0).history["loss"][0]
    assert loss == pytest.approx(sum(own), rel=1e-5, abs=1e-7)
    outer.save(tmp_path / "outer.keras")
    again = keras.models.load_model(tmp_path / "outer.keras")
    np.testing.assert_array_equal(again(batch), outer(batch))


def test_the_seed_of_the_configuration_decides_the_weights(family):
    first = ready(family)
    state = random.getstate()
    second = build(family)
    assert random.getstate() == state
    settings = dataclasses.replace(TRAINING, seed=1)
    other = build(family, training=settings)
    for a, b, c in zip(
        first.trainable_variables,
        second.trainable_variables,
        other.trainable_variables,
        strict=True,
    ):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
        if np.unique(a).size > 1 and a.path not in NOT_RANDOM:  # nor ones or zeros
            assert (a.numpy() != c.numpy()).any(), a.path


@pytest.mark.parametrize(
    "setting",
    [
        lambda: keras.config.set_image_data_format("channels_first"),
        lambda: keras.config.set_dtype_policy("mixed_bfloat16"),
        lambda: keras.config.set_floatx("float16"),
        lambda: keras.config.set_floatx("float64"),
    ],
    ids=["channels_first", "mixed_bfloat16", "float16", "float64"],
)
def test_a_setting_of_keras_changes_nothing(family, setting, request):
    batch, expected = FAMILIES[family].batch(), ready(family)
    data_format, floatx = keras.config.image_data_format(), keras.config.floatx()
    request.addfinalizer(lambda: keras.config.set_image_data_format(data_format))
    request.addfinalizer(lambda: keras.config.set_floatx(floatx))
    setting()
    model = build(family)
    np.testing.assert_array_equal(model(batch), expected(batch))
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    loss = model.fit(batch, verbose=0).history["loss"][0]
    assert loss == pytest.approx(losses_of(expected, batch)["loss"], rel=0.1)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_it_trains_and_answers_in_mixed_precision(family, precision):
    model = build(family, training=dataclasses.replace(TRAINING, precision=precision))
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    before = model.get_weights()
    batch = FAMILIES[family].batch()
    loss = model.fit(batch, verbose=0).history["loss"][0]
    assert loss == pytest.approx(losses_of(ready(family), batch)["loss"], rel=0.05)
    assert any((w != b).any() for w, b in zip(model.get_weights(), before, strict=True))
    assert np.isfinite(model.evaluate(batch, verbose=0, return_dict=True)["loss"])
    answers = [model.predict(batch, verbose=0)]
    if isinstance(model, models.Prior):
        answers.append(model.log_prob(**batch))
    assert all(np.isfinite(each).all() for each in tf.nest.flatten(answers))


def test_a_loaded_model_goes_on_with_its_optimizer(family, tmp_path):
    model, batch = ready(family), FAMILIES[family].batch()
    model.compile(keras.optimizers.Adam(0.001), run_eagerly=True)
    model.fit(batch, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for own, loaded in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(own, loaded)
    again.run_eagerly = True
    again.fit(batch, verbose=0)
    assert int(again.optimizer.iterations) == 2 * int(model.optimizer.iterations)


def test_saved_models_load_in_a_process_that_imports_the_library(tmp_path):
    for family, case in FAMILIES.items():
        model = trained(family)
        model.save(tmp_path / f"{family}.keras")
        np.save(tmp_path / f"{family}.npy", model(case.batch()))
    program = (
        "import sys, keras, numpy as np\n"
        "import vqvae_tf.models\n"
        "from tests.models.cases import FAMILIES\n"
        "for family, case in FAMILIES.items():\n"
        "    model = keras.models.load_model(f'{sys.argv[1]}/{family}.keras')\n"
        "    expected = np.load(f'{sys.argv[1]}/{family}.npy')\n"
        "    np.testing.assert_array_equal(model(case.batch()), expected, err_msg=family)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
