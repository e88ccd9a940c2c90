"""Processes that meet, here as threads: who is missing, who has ended, who may go on."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

from vqvae_tf.errors import UserError
from vqvae_tf.training import cluster, peers


def ports(count):
    """Numbers of ports that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def clusters(count):
    """The cluster as each of its processes sees it."""
    addresses = [f"127.0.0.1:{port}" for port in ports(count)]
    return [
        cluster.read(
            json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            )
        )
        for index in range(count)
    ]


def all_at_once(*functions):
    """What each returns, or the words of its UserError."""

    def caught(function):
        try:
            return function()
        except UserError as error:
            assert str(error).isprintable()
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(caught, functions))


def met(count):
    seen = clusters(count)
    return all_at_once(*(lambda each=each: peers.meet(each, 20) for each in seen))


def close(*all_peers):
    for each in all_peers:
        for link in each._links.values():
            link.close()


def test_the_chief_works_while_the_others_wait():
    done = []

    def work():
        time.sleep(0.2)
        done.append("chief")

    all_peers = met(3)
    all_at_once(
        *(lambda each=each: each.chief_first(work) or done.append("") for each in all_peers)
    )
    assert done == ["chief", "", "", ""]
    assert not any(each.lost("no peer is named") for each in all_peers)
    close(*all_peers)


def test_a_process_that_does_not_come_is_named_everywhere():
    chief, first, _, _ = clusters(4)
    words = all_at_once(lambda: peers.meet(chief, 1), lambda: peers.meet(first, 20))
    for each in words:
        assert each.startswith(f"{chief.tasks[2]} and {chief.tasks[3]} did not come within 1 s;")
    (words,) = all_at_once(lambda: peers.meet(first, 0.5))
    assert words.startswith(f"{chief.own} did not come within 0 s (Connection refused);")


def test_different_clusters_and_one_index_twice_are_told():
    chief, first, *_ = clusters(3)
    other = cluster.Cluster(first.tasks[:2], 1)
    told = all_at_once(lambda: peers.meet(chief, 20), lambda: peers.meet(other, 20))
    assert told[0] == told[1] and "have different clusters in TF_CONFIG" in told[0]
    held = threading.Event()

    def again():
        held.wait(10)
        return peers._join(first, 20)

    chief, first, *_ = clusters(3)
    told = all_at_once(
        lambda: peers.meet(chief, 20), lambda: held.set() or peers.meet(first, 20), again
    )
    assert told[0] == told[1] == told[2]
    assert told[0].startswith(f"two processes have the index of {first.own}")


def test_a_port_that_is_taken():
    chief, first = clusters(2)
    with socket.create_server(("", first.own.port)):
        (words,) = all_at_once(lambda: peers.meet(first, 20))
    assert words.startswith(f"{first.own} cannot listen on its port (Address already in use)")


def test_strangers_at_the_port_are_not_taken_for_a_peer():
    chief, first = clusters(2)

    def strangers():
        for words in (b"", b"GET / HTTP/1.1\r\n", b"[]\n", b'{"place": {}}\n', b"\xff" * 9_000):
            while True:
                with contextlib.suppress(OSError):
                    link = socket.create_connection(("127.0.0.1", chief.own.port), 1)
                    break
            with contextlib.suppress(OSError), link:
                link.sendall(words)
        return peers.meet(first, 20)

    found = all_at_once(lambda: peers.meet(chief, 20), strangers)
    assert all(isinstance(each, peers.Peers) for each in found)
    close(*found)
    with socket.create_server(("127.0.0.1", chief.own.port)) as other:
        threading.Thread(target=_answer, args=(other, b"no\n"), daemon=True).start()
        (words,) = all_at_once(lambda: peers.meet(first, 1))
    assert "did not come within 1 s (another program answers there)" in words


def _answer(server, words):
    with contextlib.suppress(OSError):
        while True:
            link, _ = server.accept()
            link.sendall(words)
            link.close()


def test_a_chief_that_fails_is_told_and_one_that_ends_is_noticed(monkeypatch):
    monkeypatch.setattr(peers, "_SILENCE_SECONDS", 0.5)

    def fails():
        raise UserError("workdir w holds another run")

    chief, worker = met(2)
    told = all_at_once(lambda: chief.chief_first(fails), lambda: worker.chief_first(fails))
    assert told[0] == "workdir w holds another run"
    assert told[1] == f"{chief.cluster.chief}, the chief, has ended: workdir w holds another run"

    (words,) = all_at_once(lambda: worker.chief_first(fails))
    assert words.startswith(f"{chief.cluster.chief}, the chief, has been silent for 0 s")
    close(chief)
    (words,) = all_at_once(lambda: worker.chief_first(fails))
    assert words.startswith(f"{chief.cluster.chief} no longer answers")
    assert worker.lost("") == chief.cluster.chief
    close(worker)


def test_a_chief_at_work_for_long_gives_signs_of_life(monkeypatch):
    monkeypatch.setattr(peers, "_SILENCE_SECONDS", 0.6)
    monkeypatch.setattr(peers, "_BEAT_SECONDS", 0.1)
    chief, worker = met(2)
    work = lambda: time.sleep(1.5)  # noqa: E731
    assert all_at_once(lambda: chief.chief_first(work), lambda: worker.chief_first(work)) == [
        None,
        None,
    ]
    close(chief, worker)


def test_a_worker_that_has_ended_is_named_by_the_chief():
    chief, first, second = met(3)
    close(second)
    (words,) = all_at_once(lambda: chief.chief_first(lambda: None))
    # The operating system may take the first words for a closed connection.
    assert words is None or words.startswith(f"{second.cluster.own} no longer answers")
    assert chief.lost("") == second.cluster.own
    assert first.lost("unhealthy: /job:worker/replica:0/task:2") == second.cluster.own
    assert first.lost("RPC: /tensorflow.CoordinationService/Heartbeat") == chief.cluster.own
    assert first.lost("No space left on device") is None
    close(chief, first)
