"""TF_CONFIG: what describes a cluster, and the one line for what does not."""

import json
import random

import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.training import cluster

WORKERS = ["a.example.org:2222", "10.0.0.2:2222", "[::1]:2223"]


def config(jobs=None, task=("worker", 0), **more):
    jobs = {"worker": WORKERS} if jobs is None else jobs
    return {"cluster": jobs, "task": {"type": task[0], "index": task[1]}, **more}


def test_the_chief_comes_first():
    read = cluster.read(json.dumps(config(task=("worker", 2))))
    assert read.own == ("worker", 2, "[::1]", 2223)
    assert str(read.chief) == "worker 0 (a.example.org:2222)"
    named = config({"worker": WORKERS, "chief": ["c:1"]}, ("worker", "1"), environment="cloud")
    read = cluster.read(json.dumps(named))
    assert str(read.chief) == "chief 0 (c:1)" and read.place == 2 and read.own.number == 1


def test_the_peers_that_an_error_names():
    read = cluster.read(json.dumps(config(task=("worker", 1))))
    error = (
        "Collective ops is aborted by: Error reported from /job:worker/task:1: tasks are unhealthy:"
        "\n/job:worker/replica:0/task:2\nfrom /job:worker/replica:0/task:0 and /job:ps/task:7"
    )
    assert [task.number for task in read.others_in(error)] == [2, 0]
    assert not read.others_in("No space left on /job:worker/replica:0/task:1/device:CPU:0")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("", "TF_CONFIG is not JSON: ''"),
        ("{", "is not JSON"),
        ("{" * 100_000, "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be an object; received []"),
        ("null", "must be an object; received None"),
        ("{}", 'its "cluster" must be an object; received None'),
        ({"cluster": {}}, "must name a worker; received {}"),
        ({"cluster": {"worker": WORKERS}}, 'its "task" must be an object; received None'),
        (config(["a:1"]), 'its "cluster" must be an object'),
        (config({"worker": "a:1"}), '"worker" must be a list of "HOST:PORT"; received \'a:1\''),
        (config({"worker": {"0": "a:1"}}), "must be a list"),
        (config({"worker": []}), "must name a worker"),
        (config({"worker": [5]}), 'entry 0 of "worker" must be "HOST:PORT"; received 5'),
        (config({"worker": ["a:1", "a"]}), "entry 1 of"),
        (config({"worker": ["a:"]}), "entry 0 of"),
        (config({"worker": [":1"]}), "entry 0 of"),
        (config({"worker": ["a:0"]}), "entry 0 of"),
        (config({"worker": ["a:70000"]}), "entry 0 of"),
        (config({"worker": ["a:" + "9" * 5_000]}), "entry 0 of"),
        (config({"worker": ["a b:1"]}), "entry 0 of"),
        (config({"worker": ["http://a:1"]}), "entry 0 of"),
        (config({"worker": ["::1:1"]}), "entry 0 of"),
        (config({"worker": ["a:1\n"]}), "entry 0 of"),
        (config({"worker": ["a:1", "b:1", "A:1"]}), "names A:1 twice"),
        (config({"worker": ["a:1"], "chief": ["a:1"]}), "names a:1 twice"),
        (config({"worker": ["a:1"], "chief": ["b:1", "c:1"]}), "a cluster has one chief"),
        (config({"wrker": ["a:1"]}), "has no job 'wrker'; nearest: worker"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), "has no job 'ps'"),
        (config(task=("chief", 0)), "must be a job of its \"cluster\"; received 'chief'"),
        (config(task=(["worker"], 0)), "must be a job"),
        (config(task=(None, 0)), "must be a job"),
        (config(task=("worker", 3)), 'the "index" of its "task" must be from 0 to 2; received 3'),
        (config(task=("worker", -1)), "received -1"),
        (config(task=("worker", 1.0)), "received 1.0"),
        (config(task=("worker", True)), "received True"),
        (config(task=("worker", "first")), "received 'first'"),
        (config(task=("worker", "9" * 5_000)), "from 0 to 2; received '999"),
        (config(task=("worker", None)), "received None"),
        (config(rpc_layer=5), 'its "rpc_layer" must be "grpc"; received 5'),
    ],
)
def test_what_describes_no_cluster_is_refused_in_one_line(value, part):
    refused(value if isinstance(value, str) else json.dumps(value), part)


def refused(text, part):
    with pytest.raises(UserError) as error:
        cluster.read(text)
    message = str(error.value)
    assert part in message and message.startswith("TF_CONFIG")
    assert message.isprintable() and len(message) < 500


def test_bytes_changed_at_random_are_refused_or_another_cluster():
    draws = random.Random(0)
    text = json.dumps(config())
    for _ in range(1_000):
        changed = list(text)
        for _ in range(draws.randint(1, 4)):
            place = draws.randrange(len(changed))
            changed[place] = draws.choice(['"', "{", "]", ":", "0", "", "é", "\x00", "[", ","])
        try:
            read = cluster.read("".join(changed))
        except UserError as error:
            assert str(error).isprintable() and len(str(error)) < 500
        else:
            assert read.own in read.tasks
