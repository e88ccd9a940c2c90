"""The processes of a multi-worker run, as listed in the variable TF_CONFIG."""

import json
import re
from typing import Any, NamedTuple, NoReturn

from vqvae_tf.errors import UserError, nearest, shown
from vqvae_tf.text_numbers import whole_number

_JOBS = ("chief", "worker")
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%]+\]):([0-9]{1,5})")
_EXAMPLE = (
    'write it as {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Task(NamedTuple):
    """One process of the cluster.

    Attributes:
        job: "chief" or "worker".
        number: its index among the processes of its job.
        host, port: address of TensorFlow's server.
    """

    job: str
    number: int
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.job} {self.number} ({self.host}:{self.port})"


class Cluster(NamedTuple):
    """All processes, and the index of this one.

    Attributes:
        tasks: all processes, with the chief first: the one of job "chief", or worker 0.
        place: index of this process in `tasks`.
    """

    tasks: tuple[Task, ...]
    place: int

    @property
    def own(self) -> Task:
        """This process."""
        return self.tasks[self.place]

    @property
    def chief(self) -> Task:
        """The process that writes the files of the run."""
        return self.tasks[0]

    def others_in(self, text: str) -> list[Task]:
        """The other processes named in a message of TensorFlow, in its order.

        >>> read(
        ...     '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}'
        ... ).others_in("reported from /job:worker/replica:0/task:1, by /job:worker/task:0")
        [Task(job='worker', number=1, host='b', port=2)]
        """
        named = re.findall(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)", text)
        known = {(task.job, str(task.number)): task for task in self.tasks}
        found = dict.fromkeys(known[name] for name in named if name in known)
        return [task for task in found if task != self.own]


def read(text: str) -> Cluster:
    """The cluster that the value of TF_CONFIG describes.

    Raises:
        UserError: for anything with which TensorFlow could not start.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"TF_CONFIG is not JSON: {shown(text)}; {_EXAMPLE}") from None
    jobs = _mapping(_mapping(config, "TF_CONFIG").get("cluster"), 'its "cluster"')
    if config.get("rpc_layer", "grpc") != "grpc":
        _refuse('its "rpc_layer" must be "grpc"', config["rpc_layer"])
    tasks: list[Task] = []
    for job in _JOBS:
        tasks += _tasks(job, jobs.get(job, []))
    for job in jobs:
        if job not in _JOBS:
            raise UserError(f"TF_CONFIG: a cluster has no job {shown(job)}; {nearest(job, _JOBS)}")
    if not tasks:
        _refuse('its "cluster" must name a worker', jobs)
    if sum(task.job == "chief" for task in tasks) > 1:
        _refuse("a cluster has one chief", jobs["chief"])
    addresses = [(task.host.lower(), task.port) for task in tasks]
    for number, task in enumerate(tasks):
        if addresses[number] in addresses[:number]:
            raise UserError(f"TF_CONFIG names {task.host}:{task.port} twice; {_EXAMPLE}")
    return Cluster(tuple(tasks), _place(config.get("task"), tasks))


def _tasks(job, addresses):
    if not isinstance(addresses, list):
        _refuse(f'"{job}" must be a list of "HOST:PORT"', addresses)
    for number, address in enumerate(addresses):
        match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if match is None or not 1 <= int(match[2]) <= 65_535:
            _refuse(f'entry {number} of "{job}" must be "HOST:PORT"', address)
        yield Task(job, number, match[1], int(match[2]))


def _place(task, tasks):
    """Index in `tasks` of this process, from the "task" of TF_CONFIG."""
    task = _mapping(task, 'its "task"')
    job, given = task.get("type"), task.get("index")
    numbers = [task.number for task in tasks if task.job == job]
    if not numbers:
        _refuse('the "type" of its "task" must be a job of its "cluster"', job)
    number = whole_number(given) if isinstance(given, str) else given  # as TensorFlow reads it
    if isinstance(number, bool) or not isinstance(number, int) or number not in numbers:
        _refuse(f'the "index" of its "task" must be from 0 to {numbers[-1]}', given)
    return [(task.job, task.number) for task in tasks].index((job, number))


def _mapping(value, name) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(
            f"{name} must be an object" if name != "TF_CONFIG" else "it must be an object", value
        )
    return value


def _refuse(what: str, received: Any) -> NoReturn:
    raise UserError(f"TF_CONFIG: {what}; received {shown(received)}: {_EXAMPLE}")
