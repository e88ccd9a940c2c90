"""The contract of models: what every family must do, whatever is inside it."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.cases import FAMILIES, build
from tests.small import TRAINING
from vqvae_tf import models, training


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
