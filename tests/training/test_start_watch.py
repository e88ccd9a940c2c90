"""A process that waits with Python's lock held ends in a line once a peer has ended."""

import socket
import subprocess
import sys
import textwrap
import time

from vqvae_tf.training import start_watch

WAITS = textwrap.dedent(
    """
    import ctypes, socket
    from vqvae_tf.training import start_watch

    ours, theirs = socket.socketpair()
    with start_watch.watching({"worker 1 no longer answers": ours}):
        theirs.close()
        ctypes.PyDLL(None).sleep(120)  # unlike CDLL, it keeps the lock
    """
)


def test_a_peer_that_ends_while_the_lock_is_held_is_named():
    started = subprocess.run(
        [sys.executable, "-c", WAITS], capture_output=True, text=True, timeout=100
    )
    assert started.returncode == -9
    assert started.stderr.splitlines()[-1] == "worker 1 no longer answers"


def test_while_all_peers_are_there_nothing_happens(capfd):
    ours, theirs = socket.socketpair()
    with start_watch.watching({"worker 1 no longer answers": ours}):
        theirs.sendall(b"\n")  # a heartbeat
        time.sleep(1.5)
    assert ours.recv(1) == b"\n"  # it was not taken away
    assert capfd.readouterr().err == ""
    theirs.close()
