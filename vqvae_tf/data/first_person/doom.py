"""Doom by ViZDoom, whose wheel carries the engine and the art of Freedoom."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import weakref

import numpy as np

from vqvae_tf.data.first_person import doom_process
from vqvae_tf.data.first_person.engine import FORWARD, TURN_LEFT, TURN_RIGHT, UNDRAWN, Engine, View
from vqvae_tf.errors import UserError

_SIDE = doom_process.HEIGHT  # of the middle of the picture, which is a square
_LEFT = (doom_process.WIDTH - _SIDE) // 2


class DoomEngine(Engine):
    """One map with a random start, with momentum: a walk slides on for a few steps.

    Args:
        size: side of a frame, in pixels.
        degrees: of a turn.
        scenario: name of a scenario of ViZDoom; "" for the maps of Freedoom.
        level: name of the map in it.

    Raises:
        UserError: ViZDoom is not installed, or does not start.
    """

    def __init__(self, size: int, degrees: float, scenario: str, level: str):
        if importlib.util.find_spec("vizdoom") is None:
            raise UserError(
                "embedded:doom needs the package vizdoom; install it with: "
                'pip install "vqvae_tf[video]"'
            )
        self._size, self._degrees = size, degrees
        self._setting = {"scenario": scenario, "map": level}
        self._process = self._started()

    def start(self, seed: int, drawn: bool = True) -> View:
        if self._process.returncode is not None:  # it has failed
            self._process = self._started()
        view = self._ask(seed=seed, drawn=drawn)
        assert view is not None  # an episode does not begin with its end
        return view

    def act(self, action: int, drawn: bool = True) -> View | None:
        # A positive angle turns to the right here, and poses are counter-clockwise.
        turn = {TURN_LEFT: -self._degrees, TURN_RIGHT: self._degrees}.get(action, 0.0)
        return self._ask(turn=turn, forward=bool(action == FORWARD), drawn=drawn)

    def _started(self):
        process = subprocess.Popen(
            [sys.executable, "-I", os.path.abspath(doom_process.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it shares a group with the engine, and gets no Ctrl-C
        )
        weakref.finalize(self, _end, process)
        self._write(process, self._setting)
        return process

    def _ask(self, **command):
        self._write(self._process, command)
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._failure()
        answer = json.loads(line)
        if "failed" in answer:
            raise self._failure(answer["failed"])
        if answer["ended"]:
            return None
        data = self._process.stdout.read(answer["bytes"])
        if len(data) < answer["bytes"]:
            raise self._failure()
        frame = UNDRAWN
        if data:
            picture = np.frombuffer(data, np.uint8).reshape(_SIDE, doom_process.WIDTH, 3)
            frame = shrunk(picture[:, _LEFT : _LEFT + _SIDE], self._size)
        return View(frame, tuple(answer["pose"]), answer["blocked"])

    def _write(self, process, command):
        with contextlib.suppress(OSError):  # if it has ended, what can be read of it says why
            process.stdin.write(json.dumps(command).encode() + b"\n")
            process.stdin.flush()

    def _failure(self, why=None):
        if self._process.returncode is None:  # the engine outlives a process that was killed
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        _end(self._process)
        if why is None:
            why = f"its process ended with status {self._process.returncode}"
        return UserError(
            f"embedded:doom: ViZDoom does not run here ({why}); run the command again, or install "
            "vizdoom again"
        )


def shrunk(picture: np.ndarray, size: int) -> np.ndarray:
    """A square uint8 picture `[side, side, channels]`, by averaging areas.

    >>> shrunk(np.uint8([[[0], [8]], [[8], [0]]]), 1).tolist()
    [[[4]]]
    """
    values = picture.astype(np.float64)
    for axis in (0, 1):
        values = _means(values, size, axis)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _means(values, size, axis):
    """Means over `size` equal lengths of an axis, which may begin and end between two places.

    They are differences of sums up to a point. A product with a matrix of shares would do the same,
    but one so small is slower on several threads than on one.
    """
    side = values.shape[axis]
    sums = np.insert(np.cumsum(values, axis), 0, 0.0, axis)
    edges = np.arange(size + 1) * side / size
    low = np.minimum(edges.astype(int), side - 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    up_to = sums.take(low, axis) + values.take(low, axis) * (edges - low).reshape(shape)
    return np.diff(up_to, axis=axis) * (size / side)


def _end(process):
    with contextlib.suppress(OSError):  # a command that a process that has ended did not read
        process.stdin.close()
    process.stdout.close()
    process.wait()
