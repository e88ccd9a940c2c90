"""What the quantizers share whose codes are the points of a fixed grid."""

import abc
from typing import Any

from keras import ops

from vqvae_tf.layers import checks, quantizer

MOST_CELLS = 2**24  # along a channel, in all stages together: float32 distinguishes no more


class GridQuantizer(quantizer.Quantizer):
    """Base of the quantizers whose codes are the points of a grid.

    In each channel, codes are whole numbers of steps, and neighbouring codes are two steps apart:
    within the range of the grid, no number is further than one step from a code. A later stage of
    a `ResidualQuantizer` therefore covers residuals of one step of the stage before it.
    """

    dim: int  # numbers per vector
    _step: Any  # float32, a number or one for each channel
    _is_stage = False  # of a `ResidualQuantizer`, which may have set the step

    @property
    @abc.abstractmethod
    def _cells(self):
        """How many points the grid has along a channel: an integer, or one for each channel."""

    @abc.abstractmethod
    def _steps(self, codes):
        """int32 `[..., dim]`, the vectors of `codes` in steps."""

    @abc.abstractmethod
    def _bounded(self, vectors):
        """float32 `vectors` `[n, dim]` after the bound that precedes the choice of a code."""

    @abc.abstractmethod
    def _refine(self, step):
        """Makes the layer, once built, a stage that follows one with this step."""

    @property
    def codebook(self):
        """`[num_codes, dim]` float32, the vectors of all codes."""
        (size,) = self.code_sizes
        checks.check_table(self.name, size, self.dim)
        return self._decode(ops.arange(size, dtype="int32"))

    def _decode(self, codes):
        return self._at(self._steps(codes))

    def _at(self, steps):
        """Vectors of whole numbers of steps: one product, which all compilers round alike."""
        return ops.cast(steps, "float32") * self._step
