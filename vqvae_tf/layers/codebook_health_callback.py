"""A callback that warns when most of a codebook is unused."""

import keras
import numpy as np
from absl import logging
from keras import ops

from vqvae_tf.layers.usage_counting_quantizer import UsageCountingQuantizer

LEAST_USAGE = 0.25  # of the codes; revival keeps 0.9 and more in use
_DEAD = 0.05  # of the mean count: lower than the threshold of revival


def idle_codebooks(model, least_usage: float = LEAST_USAGE) -> list[str]:
    """One line for each codebook of `model` with less than `least_usage` of its codes in use.

    Uses the running counts, which `VectorQuantizerEMA` has and `VectorQuantizer` has with revival
    on.

    >>> from vqvae_tf.layers import VectorQuantizerEMA
    >>> layer = VectorQuantizerEMA(8, revival_threshold=0, decay=0.5, name="codes")
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> _ = layer.counts.assign([4.0, 0, 0, 0, 0, 0, 0, 0])
    >>> print(idle_codebooks(model)[0])
    12 % of the codes of codes are in use: turn its revival on, or see what its inputs are like
    """
    lines = []
    for layer in model._flatten_layers():
        if isinstance(layer, UsageCountingQuantizer) and layer.built:
            counts = ops.convert_to_numpy(layer.counts)
            usage = np.mean(counts > _DEAD * counts.mean())
            if counts.any() and usage < least_usage:
                lines.append(
                    f"{100 * usage:.0f} % of the codes of {layer.name} are in use: turn its "
                    "revival on, or see what its inputs are like"
                )
    return lines


class CodebookHealthCallback(keras.callbacks.Callback):
    """Logs a warning after each epoch of `fit` in which most of a codebook was unused.

    The library's training loop logs the same warning at every checkpoint.

    Args:
        least_usage: share of the codes that should be in use.
    """

    def __init__(self, least_usage: float = LEAST_USAGE):
        super().__init__()
        self.least_usage = least_usage

    def on_epoch_end(self, epoch, logs=None):
        for line in idle_codebooks(self.model, self.least_usage):
            logging.warning("epoch %d: %s", epoch + 1, line)
