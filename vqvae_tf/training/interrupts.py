"""Ctrl-C and SIGTERM held back until a step is complete, so that what is saved is whole."""

import contextlib
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training stopped on request; the message says where it was saved."""


class StopRequests(contextlib.AbstractContextManager):
    """Notes SIGINT and SIGTERM while it lasts instead of acting on them.

    A second Ctrl-C acts at once. Outside the main thread, where Python allows no handlers,
    nothing is noted.
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
        """For long parts that lose nothing when they are cut off: signals act at once."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _note(self, number, frame):
        self.received = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
