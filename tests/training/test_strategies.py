import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.training import strategies

# Two strategies of different size cannot live in one process: one process for each.
TRAIN = """
import json, sys
import numpy as np
import tensorflow as tf
from tests.training import toy
from vqvae_tf import metrics
from vqvae_tf.config import TrainingConfig
from vqvae_tf.training import strategies, train

name, workdir = sys.argv[1:]
strategy = strategies.get(name)
for index, options in enumerate([
    {},
    {"clip_norm": 0.05, "weight_averaging": 0.9},
    {"clip_norm": 0.05, "precision": "mixed_float16"},
]):
    with strategy.scope():
        model = toy.ToyModel()
    config = TrainingConfig(
        steps=12, batch_size=8, learning_rate=0.01, log_every=4, checkpoint_every=6, **options
    )
    run = f"{workdir}/{index}"
    results = train(model, toy.make_dataset(), config, run, strategy=strategy)
    for variable in model.trainable_variables:
        values = strategy.experimental_local_results(variable.value)
        assert all(np.array_equal(value.numpy(), values[0].numpy()) for value in values)
    np.savez(f"{run}/state.npz", *toy.state(model))

with strategy.scope():
    perplexity = metrics.Perplexity(num_embeddings=16)

def update():
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    perplexity.update_state(tf.range(4) + 4 * replica)

strategy.run(tf.function(update))
print(json.dumps([strategy.num_replicas_in_sync, float(perplexity.result())]))
"""


def start(name, workdir, **environment):
    workdir.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, name, str(workdir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.getcwd(),
            "CUDA_VISIBLE_DEVICES": "",
            **environment,
        },
    )


def finish(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def assert_same_training(one, two):
    for run in ("0", "1", "2"):
        with open(one / run / "evaluation.json") as file:
            losses = json.load(file)["losses"]
        with open(two / run / "evaluation.json") as file:
            assert json.load(file)["losses"] == pytest.approx(losses, rel=1e-5)
        with np.load(one / run / "state.npz") as first, np.load(two / run / "state.npz") as second:
            # Gradients are summed in another order: 1e-7 relative each, over 12 steps of Adam,
            # whose first steps divide a gradient by its own size.
            for name in first:
                np.testing.assert_allclose(second[name], first[name], rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    path = tmp_path_factory.mktemp("one")
    assert finish(start("default", path)) == [1, pytest.approx(4.0)]
    return path


def test_two_replicas_train_as_one(one_device, tmp_path):
    # The perplexity is that of the pooled codes: four on each replica, all different.
    assert finish(start("mirrored:2", tmp_path)) == [2, pytest.approx(8.0)]
    assert_same_training(one_device, tmp_path)


def test_two_workers_train_as_one(one_device, tmp_path):
    with socket.socket() as first, socket.socket() as second:
        first.bind(("localhost", 0))
        second.bind(("localhost", 0))
        workers = [f"localhost:{each.getsockname()[1]}" for each in (first, second)]
    processes = [
        start(
            "multi_worker",
            tmp_path,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    try:
        for process in processes:
            assert finish(process) == [2, pytest.approx(8.0)]
    finally:  # a worker waits for ever for one that has failed
        for process in processes:
            process.kill()
    assert_same_training(one_device, tmp_path)


def test_default_is_the_current_strategy():
    assert strategies.get() is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mirored", "nearest: mirrored"),
        ("default:2", 'unknown strategy "default:2"'),
        ("mirrored:0", "needs a number of devices"),
        ("mirrored:two", "needs a number of devices"),
        ("mirrored:" + "9" * 5_000, "needs a number of devices up to 64"),
        ("mirrored:65", "needs a number of devices up to 64"),
        ("multi_worker", "needs the variable TF_CONFIG"),
        ("multi_worker:0", "needs seconds up to a day to wait"),
        ("multi_worker:soon", "needs seconds up to a day to wait"),
    ],
)
def test_wrong_names_are_answered_in_one_line(name, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match=message) as error:
        strategies.get(name)
    assert "\n" not in str(error.value)


def test_a_config_that_describes_no_cluster_is_refused_before_anything_starts(monkeypatch):
    for value in ("{", "{}", '{"cluster": {"worker": ["a"]}}'):
        monkeypatch.setenv("TF_CONFIG", value)
        with pytest.raises(UserError, match="^TF_CONFIG"):
            strategies.get("multi_worker")


def test_without_a_cluster_work_is_done_at_once_and_errors_stay_as_they_are():
    done = []
    strategies.chief_first(lambda: done.append(1))
    assert done == [1]
    error = tf.errors.UnavailableError(None, None, "from /job:worker/task:1")
    with pytest.raises(tf.errors.UnavailableError), strategies.naming_lost_peers():
        raise error


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="about CPU devices")
def test_logical_devices_come_before_the_first_use():
    tf.zeros([])
    with pytest.raises(UserError, match="before TensorFlow is first used"):
        strategies.get("mirrored:2")
