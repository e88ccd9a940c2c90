"""Connections between the processes of a multi-worker run.

TensorFlow waits for a missing peer without a message, up to an hour, and ignores Ctrl-C meanwhile.
The processes therefore connect to each other before it starts. The connections stay open: the
chief uses them to tell the others when to continue, and a closed one shows which peer has ended.
"""

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from vqvae_tf.errors import UserError, reason
from vqvae_tf.training import start_watch
from vqvae_tf.training.cluster import Cluster, Task

_HELLO_SECONDS = 5.0  # for the first line of a connection, which may be of another program
_BEAT_SECONDS, _SILENCE_SECONDS = 5.0, 60.0  # between heartbeats of the chief, and their timeout
_QUIET_SECONDS = 5.0  # of waiting before the log names the missing processes
_LONGEST_LINE = 4_096
_AGAIN = "run the same command on all of them again"


class Peers:
    """The processes of a cluster, once all are connected.

    Args:
        cluster: the processes.
        links: connections by index in `cluster.tasks`: from the chief to all others, from a worker
            to the chief.
    """

    def __init__(self, cluster: Cluster, links: dict[int, socket.socket]):
        self.cluster, self._links = cluster, links
        for link in links.values():
            _keep_alive(link)

    def chief_first(self, work: Callable[[], object]) -> None:
        """Calls `work` on the chief while the others wait.

        Raises:
            UserError: on the others if the chief fails, ends or sends no heartbeat.
        """
        if self.cluster.place == 0:
            self._lead(work)
        else:
            _await_chief(self._links[0], self.cluster.chief, _SILENCE_SECONDS)

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """A context for TensorFlow's start, which ends in a line where a peer ends meanwhile."""
        return start_watch.watching(
            {gone(self.cluster.tasks[place]): link for place, link in self._links.items()}
        )

    def lost(self, message: str) -> Task | None:
        """The peer that no longer answers, by the connections or by an error of TensorFlow."""
        for place, link in self._links.items():
            if _is_closed(link):
                return self.cluster.tasks[place]
        others = self.cluster.others_in(message)
        if others:
            return others[0]
        # The chief runs TensorFlow's coordination service; errors do not name it.
        of_service = "CoordinationService" in message and self.cluster.place
        return self.cluster.chief if of_service else None

    def _lead(self, work):
        try:
            with self._beating():
                work()
        except BaseException as error:
            words = reason(error) if str(error) else "it was stopped"
            for link in self._links.values():
                with contextlib.suppress(OSError):
                    _send(link, {"stop": f"{self.cluster.chief}, the chief, has ended: {words}"})
            raise
        for place, link in self._links.items():
            try:
                _send(link, {"go": True})
            except OSError:
                raise UserError(gone(self.cluster.tasks[place])) from None

    @contextlib.contextmanager
    def _beating(self) -> Iterator[None]:
        """A context in which heartbeats are sent to the others."""
        over = threading.Event()

        def beat():
            while not over.wait(_BEAT_SECONDS):
                for link in self._links.values():
                    with contextlib.suppress(OSError):
                        link.sendall(b"\n")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def gone(task: Task) -> str:
    """The message about a peer that has ended or hangs."""
    return f"{task} no longer answers; see what it wrote, then {_AGAIN}: the run resumes"


def meet(cluster: Cluster, seconds: float) -> Peers:
    """Waits until all processes of the cluster are connected.

    Args:
        cluster: the processes.
        seconds: how long to wait for missing ones.

    Raises:
        UserError: naming the process that does not connect, that has another cluster in its
            TF_CONFIG, or whose port is in use.
    """
    with _listening(cluster.own) as listener:
        if cluster.place == 0:
            return Peers(cluster, _gather(cluster, listener, seconds))
    return Peers(cluster, {0: _join(cluster, seconds)})


def _gather(cluster, listener, seconds) -> dict[int, socket.socket]:
    """The chief's connections to all others."""
    links: dict[int, socket.socket] = {}
    try:
        waiting = _Waiting(seconds)
        while len(links) < len(cluster.tasks) - 1:
            missing = [
                task for place, task in enumerate(cluster.tasks) if place and place not in links
            ]
            waiting.for_one_of(missing)
            listener.settimeout(waiting.slice())
            try:
                link, _ = listener.accept()
            except TimeoutError:
                continue
            place = _place_of(link, cluster, links)
            if place is not None:
                links[place] = link
        for link in links.values():
            _send(link, {"go": True})
    except BaseException as error:
        for link in links.values():
            with contextlib.suppress(OSError):
                _send(link, {"stop": reason(error) if str(error) else f"{cluster.chief} has ended"})
            link.close()
        if isinstance(error, OSError):
            raise UserError(f"a worker has ended before all came; {_AGAIN}") from None
        raise
    return links


def _place_of(link, cluster, links):
    """Index of the task that has connected; None for another program."""
    try:
        hello = _receive(link, _HELLO_SECONDS)
    except TimeoutError:
        hello = None
    place = hello.get("place") if isinstance(hello, dict) else None
    if not isinstance(place, int) or not isinstance(hello.get("name"), str):
        link.close()
        return None
    if hello.get("cluster") != _digest(cluster):
        words = f"{cluster.chief} and {hello['name'][:200]} have different clusters in TF_CONFIG"
    elif place in links and not _is_closed(links[place]):
        words = f"two processes have the index of {cluster.tasks[place]} in TF_CONFIG"
    else:
        return place
    words = f"{words}; correct it and {_AGAIN}"
    with contextlib.suppress(OSError):
        _send(link, {"stop": words})
    link.close()
    raise UserError(words)


def _join(cluster, seconds) -> socket.socket:
    """A worker's connection to the chief."""
    chief, waiting = cluster.chief, _Waiting(seconds)
    hello = {"place": cluster.place, "name": str(cluster.own), "cluster": _digest(cluster)}
    why = "no answer"
    while True:
        waiting.for_one_of([chief], why)
        try:
            host = chief.host.strip("[]")
            link = socket.create_connection((host, chief.port), timeout=_HELLO_SECONDS)
            _send(link, hello)
        except OSError as error:
            why = _why(error)
            time.sleep(waiting.slice() / 2)
            continue
        if _await_chief(link, chief, seconds + _HELLO_SECONDS, before_start=True):
            return link
        link.close()
        why = "another program answers there"
        time.sleep(waiting.slice() / 2)


def _await_chief(link, chief, seconds, before_start=False):
    """Waits for the chief's signal; False if, before the start, another program answers instead."""
    while True:
        try:
            message = _receive(link, seconds)
        except TimeoutError:
            raise UserError(
                f"{chief}, the chief, has been silent for {seconds:.0f} s; {_AGAIN}"
            ) from None
        if isinstance(message, dict) and message.get("go"):
            return True
        if isinstance(message, dict) and "stop" in message:
            raise UserError(str(message["stop"]))
        if message == "":  # a heartbeat
            continue
        if before_start:
            return False
        raise UserError(gone(chief))


class _Waiting:
    """The time that is left to wait, and the processes waited for."""

    def __init__(self, seconds):
        self._seconds, self._start, self._said = seconds, time.monotonic(), False

    def slice(self) -> float:
        """Seconds until the next check."""
        return max(min(1.0, self._seconds - self._passed()), 0.01)

    def for_one_of(self, missing: list[Task], why: str = "") -> None:
        """Logs after a while that it waits, and raises UserError when the time is over."""
        names = " and ".join(map(str, missing[:3])) + (" and others" if len(missing) > 3 else "")
        if self._passed() >= self._seconds:
            because = f" ({why})" if why else ""
            raise UserError(
                f"{names} did not come within {self._seconds:.0f} s{because}; start one process "
                "for each address in TF_CONFIG, or wait longer, as in --strategy=multi_worker:600"
            )
        if not self._said and self._passed() >= _QUIET_SECONDS:
            self._said = True
            logging.info("waiting up to %.0f s for %s", self._seconds, names)

    def _passed(self):
        return time.monotonic() - self._start


@contextlib.contextmanager
def _listening(own: Task) -> Iterator[socket.socket]:
    """Listens on the port of this process, on all interfaces as TensorFlow's server does."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        listener = socket.create_server(("", own.port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise UserError(
            f"{own} cannot listen on its port ({_why(error)}); end what uses the port, or give "
            "another in every TF_CONFIG"
        ) from None
    with listener:
        yield listener


def _digest(cluster):
    addresses = "\n".join(map(str, cluster.tasks))
    return hashlib.sha256(addresses.encode()).hexdigest()


def _why(error: OSError) -> str:
    """The operating system's message of an error, without the addresses that Python adds."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or reason(error)
    return os.strerror(error.errno)


def _send(link, message: dict[str, Any]) -> None:
    link.sendall(json.dumps(message).encode() + b"\n")


def _receive(link, seconds) -> Any:
    """The next line as JSON: "" for an empty line, None for an invalid one or at the end.

    Raises:
        TimeoutError: after this many seconds without a byte.
    """
    line = b""
    link.settimeout(seconds)
    try:
        while not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
            byte = link.recv(1)
            if not byte:
                return None
            line += byte
        return json.loads(line) if line.strip() else ""
    except TimeoutError:
        raise
    except (OSError, ValueError, RecursionError):
        return None


def _is_closed(link):
    link.setblocking(False)
    try:
        return link.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _keep_alive(link):
    """Makes the operating system detect a lost machine within half a minute."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
