"""Python functions inside tf.data that do not block the exit of the interpreter.

A pipeline prefetches in separate threads. If one of them calls Python while the interpreter shuts
down, the process hangs or aborts, so such calls are drained at exit.
"""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

QUIET_SECONDS = 0.3  # without a call: the pipeline's buffers are full


class _Calls:
    def __init__(self):
        self._lock = threading.Lock()
        self._begun = 0
        self._running = 0
        self._ending = False

    def run(self, function: Callable, arguments: Sequence[Any], idle: Sequence[Any]) -> Any:
        with self._lock:
            self._begun += 1
            if self._ending:
                return idle
            self._running += 1
        try:
            return function(*arguments)
        finally:
            with self._lock:
                self._running -= 1

    def drain(self) -> None:
        """Waits until no call is running and no more calls start."""
        with self._lock:
            self._ending = True
            seen = -1 if self._begun else 0
        while self._running or seen != self._begun:
            seen = self._begun
            time.sleep(QUIET_SECONDS)


_CALLS = _Calls()
atexit.register(_CALLS.drain)


def numpy_call(
    function: Callable, inputs: Sequence[tf.Tensor], idle: Sequence[np.ndarray | np.generic]
) -> Sequence[tf.Tensor]:
    """`tf.numpy_function` that stops calling `function` when the interpreter ends.

    Args:
        function: takes NumPy arrays and returns a sequence with one array for each of `idle`.
        inputs: its arguments.
        idle: results to return once the interpreter ends, which also define the dtypes.

    Returns:
        The results as tensors of unknown shape.

    >>> halves = lambda number: numpy_call(lambda n: [n // 2, n % 2], [number], [np.int64(0)] * 2)
    >>> [(int(a), int(b)) for a, b in tf.data.Dataset.range(3).map(halves)]
    [(0, 0), (0, 1), (1, 0)]
    """
    return tf.numpy_function(
        lambda *arguments: _CALLS.run(function, arguments, idle),
        inputs,
        [array.dtype for array in idle],
    )
