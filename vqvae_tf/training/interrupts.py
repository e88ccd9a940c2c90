"""Handling of Ctrl-C and SIGTERM, which are deferred until a step is complete."""

import contextlib
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training stopped on request; the message names the checkpoint."""


class StopRequests(contextlib.AbstractContextManager):
    """A context that records SIGINT and SIGTERM instead of acting on them.

    A second Ctrl-C acts at once. Outside the main thread, where Python allows no handlers,
    nothing is recorded.
    """

    def __init__(self):
        self.received = False
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """A context in which signals raise KeyboardInterrupt, for parts that may be cut off."""
        for number in self._previous:
            signal.signal(number, signal.default_int_handler)
        try:
            yield
        finally:
            for number in self._previous:
                signal.signal(number, self._note)

    def _note(self, number, frame):
        self.received = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
