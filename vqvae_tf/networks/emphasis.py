"""Emphasis of high frequencies before samples are companded, and its inverse.

Speech falls with frequency. What a coarse or drawn sample adds is white noise, which drowns the
high formants; the inverse filter makes it fall as the speech does (as in LPCNet, Valin and
Skoglund 2019).
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

_REST = 1e-7  # of the inverse filter's answer, below the precision of float32: where it is cut off


def emphasised(audio: Any, weight: float) -> tf.Tensor:
    """`(x[t] - weight x[t-1]) / (1 + weight)`: within [-1, 1] where x is.

    Args:
        audio: float32 `[batch, time]`; before its beginning there is silence.
        weight: from 0, which changes nothing, to below 1.

    >>> emphasised(tf.constant([[0.75, 0.75, -0.75]]), 0.5).numpy().tolist()
    [[0.5, 0.25, -0.75]]
    """
    audio = tf.cast(audio, tf.float32)
    return (audio - weight * tf.pad(audio[:, :-1], [[0, 0], [1, 0]])) / (1.0 + weight)


def taps(weight: float) -> int:
    """How many samples the inverse filter sees."""
    return 1 if weight == 0.0 else math.ceil(math.log(_REST) / math.log(weight))


def without_emphasis(samples: Any, weight: float, past: Any = None) -> tf.Tensor:
    """The inverse of `emphasised`, clipped to [-1, 1].

    Args:
        samples: float32 `[batch, time]`.
        weight: as there.
        past: the `taps(weight) - 1` samples before; None for silence.

    >>> audio = tf.constant([[0.5, 0.5, -0.5]])
    >>> without_emphasis(emphasised(audio, 0.5), 0.5).numpy().round(3).tolist()
    [[0.5, 0.5, -0.5]]
    """
    samples = tf.cast(samples, tf.float32)
    size = taps(weight)
    if past is None:
        samples = tf.pad(samples, [[0, 0], [size - 1, 0]])
    else:
        samples = tf.concat([past, samples], axis=1)
    answer = (1.0 + weight) * weight ** np.arange(size, dtype=np.float64)
    kernel = answer[::-1].astype(np.float32)[:, None, None]
    return tf.clip_by_value(tf.nn.conv1d(samples[..., None], kernel, 1, "VALID")[..., 0], -1.0, 1.0)
