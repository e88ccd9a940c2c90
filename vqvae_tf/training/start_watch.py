"""Watches the peers of a multi-worker run while TensorFlow starts.

TensorFlow waits for the others inside of a call that holds Python's lock: no thread and no signal
handler of this process runs until it returns, and if a peer has ended it may never return. A
process of its own, this file as a program, therefore watches the connections. If one closes, it
says whose and kills the process that waits. It imports nothing but Python, so it starts at once.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

_GRACE_SECONDS = 10.0  # for TensorFlow to notice by itself


@contextlib.contextmanager
def watching(links: Mapping[str, socket.socket]) -> Iterator[None]:
    """A context in which this process is killed after a line on stderr if a connection closes.

    Args:
        links: connections to peers, by the line to write.
    """
    arguments = [str(os.getpid())]
    for words, link in links.items():
        arguments += [str(link.fileno()), words]
    watch = subprocess.Popen(
        [sys.executable, "-I", os.path.abspath(__file__), *arguments],
        stdin=subprocess.PIPE,
        pass_fds=[link.fileno() for link in links.values()],
    )
    try:
        yield
    finally:
        watch.communicate()  # closes its input, at which it ends


def _is_closed(link):
    try:
        return link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _main(parent, *given):
    links = {
        socket.socket(fileno=int(number)): words
        for number, words in zip(given[::2], given[1::2], strict=True)
    }
    while True:
        over, _, _ = select.select([sys.stdin], [], [], 0.5)
        if over:
            return
        closed = [words for link, words in links.items() if _is_closed(link)]
        if closed:
            break
    over, _, _ = select.select([sys.stdin], [], [], _GRACE_SECONDS)
    if not over:
        print(closed[0], file=sys.stderr, flush=True)
        os.kill(int(parent), signal.SIGKILL)


if __name__ == "__main__":
    _main(*sys.argv[1:])
