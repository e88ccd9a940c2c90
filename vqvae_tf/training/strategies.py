"""Names of `tf.distribute` strategies, as programs take them by `--strategy`."""

import os

import tensorflow as tf

from vqvae_tf.errors import UserError, nearest

NAMES = ("default", "mirrored", "multi_worker", "tpu")


def get(name: str = "default") -> tf.distribute.Strategy:
    """The strategy called `name`; build the model in its scope and hand it to `train`.

    - `default`: one device, the first GPU where there is one.
    - `mirrored`: all GPUs of the machine; `mirrored:N` takes N of them, and on a machine without
      GPUs N logical CPU devices, which is for trying out, not for speed.
    - `multi_worker`: the machines that `TF_CONFIG` names, one process each.
    - `tpu`: the TPU of this machine; `tpu:NAME` the one of that name or address.

    Raises:
        UserError: for an unknown name, or devices that are not there.

    >>> get("default").num_replicas_in_sync
    1
    """
    kind, _, argument = name.partition(":")
    if kind not in NAMES or (argument and kind not in ("mirrored", "tpu")):
        raise UserError(f'unknown strategy "{name}"; {nearest(name, NAMES)}')
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(name, argument) if argument else None)
    if kind == "multi_worker":
        if "TF_CONFIG" not in os.environ:
            raise UserError(
                'strategy "multi_worker" needs the variable TF_CONFIG; set it, or take "mirrored" '
                "on one machine"
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "tpu":
        return _tpu(argument)
    return tf.distribute.get_strategy()


def _devices(name, argument):
    if not argument.isdecimal() or int(argument) < 1:
        raise UserError(f'strategy "{name}" needs a number of devices, as in "mirrored:2"')
    count = int(argument)
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
