"""Names of `tf.distribute` strategies, for the flag `--strategy`."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.errors import UserError, nearest, reason
from vqvae_tf.text_numbers import whole_number
from vqvae_tf.training import cluster, peers

NAMES = ("default", "mirrored", "multi_worker", "tpu")
_MEETING_SECONDS = 120  # by default
_MOST_DEVICES = 64  # logical devices of a CPU

# A process belongs to one cluster until it ends, as TensorFlow's context does.
_together: tuple[peers.Peers, tf.distribute.Strategy] | None = None


def get(name: str = "default") -> tf.distribute.Strategy:
    """The strategy called `name`; build the model in its scope and pass it to `train`.

    - `default`: one device, the first GPU if there is one.
    - `mirrored`: all GPUs of the machine. `mirrored:N` uses N of them, or, on a machine without
      GPUs, N logical CPU devices, which is for trying out, not for speed.
    - `multi_worker`: the machines listed in `TF_CONFIG`, one process each, which wait two minutes
      for each other; `multi_worker:SECONDS` sets another time.
    - `tpu`: the TPU of this machine; `tpu:NAME` is the TPU with that name or address.

    Raises:
        UserError: for an unknown name, missing devices, a TF_CONFIG that does not describe a
            cluster, or a process of the cluster that does not connect.

    >>> get("default").num_replicas_in_sync
    1
    """
    kind, _, argument = arguments.text("strategy", name).partition(":")
    if kind not in NAMES or (argument and kind == "default"):
        raise UserError(f'unknown strategy "{name}"; {nearest(name, NAMES)}')
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(name, argument) if argument else None)
    if kind == "multi_worker":
        return _multi_worker(name, argument)
    if kind == "tpu":
        return _tpu(argument)
    return tf.distribute.get_strategy()


def chief_first(work: Callable[[], object]) -> None:
    """Calls `work` on the chief of a cluster while the others wait; without a cluster, at once.

    Raises:
        UserError: on the others if the chief fails, ends or sends no heartbeat.
    """
    if _together is None:
        work()
    else:
        _together[0].chief_first(work)


@contextlib.contextmanager
def naming_lost_peers() -> Iterator[None]:
    """A context that turns TensorFlow's errors about an ended process into a one-line error.

    Raises:
        UserError: naming the process.
    """
    try:
        yield
    except tf.errors.OpError as error:
        lost = None if _together is None else _together[0].lost(str(error))
        if lost is None:
            raise
        raise UserError(peers.gone(lost)) from None


def _multi_worker(name, argument):
    global _together
    seconds = _number(argument or str(_MEETING_SECONDS), 86_400)
    if seconds is None:
        raise UserError(
            f'strategy "{name}" needs seconds up to a day to wait, as in "multi_worker:600"'
        )
    if "TF_CONFIG" not in os.environ:
        raise UserError(
            'strategy "multi_worker" needs the variable TF_CONFIG; set it, or use "mirrored" '
            "on one machine"
        )
    processes = cluster.read(os.environ["TF_CONFIG"])
    if _together is None:
        met = peers.meet(processes, seconds)
        with _unchanged_signals(), met.watched():
            try:
                _together = met, tf.distribute.MultiWorkerMirroredStrategy()
            except tf.errors.OpError as error:
                raise UserError(f"{processes.own} cannot start: {reason(error)}") from None
    return _together[1]


@contextlib.contextmanager
def _unchanged_signals() -> Iterator[None]:
    """Restores signal handlers, as TensorFlow's cluster makes SIGTERM a mere preemption notice."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _number(text, most):
    """A number from 1 to `most`, or None."""
    number = whole_number(text) or 0
    return number if 1 <= number <= most else None


def _devices(name, argument):
    count = _number(argument, _MOST_DEVICES)
    if count is None:
        raise UserError(
            f'strategy "{name}" needs a number of devices up to {_MOST_DEVICES}, as in "mirrored:2"'
        )
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if count > len(gpus):
            raise UserError(f'strategy "{name}" needs {count} GPUs; this machine has {len(gpus)}')
        return [f"GPU:{index}" for index in range(count)]
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * count,
        )
    except RuntimeError:
        raise UserError(
            f'strategy "{name}" on CPUs must be made before TensorFlow is first used'
        ) from None
    return [f"CPU:{index}" for index in range(count)]


def _tpu(address):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(address or "local")
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise UserError(
            f'no TPU {address or "on this machine"} ({reason}); name one as in "tpu:NAME"'
        ) from None
    return tf.distribute.TPUStrategy(resolver)
