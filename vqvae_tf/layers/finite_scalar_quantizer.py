"""Every number rounded to one of a few levels: a grid of codes that nothing has to learn."""

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.errors import UserError
from vqvae_tf.layers import estimators, grid_quantizer, mixed_radix, quantizer

# How much wider than its levels the bounded interval is, so that the outermost are reached and
# arctanh is finite at L = 2.
MARGIN = 1e-3


@keras.saving.register_keras_serializable("vqvae_tf")
class FiniteScalarQuantizer(grid_quantizer.GridQuantizer):
    """Bounds each number and rounds it to one of its channel's levels (FSQ).

    With L levels in a channel, h = (L - 1) (1 + 0.001) / 2, and o = 1/2 where L is even, else 0:

        f(z) = h tanh(z + arctanh(o / h)) - o          f(0) = 0
        vectors = round(f(z)) / floor(L / 2)           L levels in [-1, 1]
        code = sum_i (round(f(z_i)) + floor(L_i / 2)) prod_{j < i} L_j

    The last axis has one number for each channel: `[batch, 8, 8, 4]` with four levels given. There
    are no weights and no losses, and no code can die. Rounding is straight-through, so that the
    gradient is that of f / floor(L / 2). A NaN gets the level of 0.

    As a later stage of a `ResidualQuantizer`, it divides the cells of the stage before it. If those
    have width w, it does not bound the residual, and replaces it by the nearest of

        (k - (L - 1) / 2) s        s = w / L,  k = 0, ..., L - 1: the code's digit in this channel

    With equal levels, stage q has s = L^(1 - q) / floor(L / 2), and leaves at most s / 2.

    Args:
        levels: L of each channel, 2 or more. 5 or more are advised; f of two levels is flat around
            0, where `LookupFreeQuantizer` has its threshold.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        codebook: `[num_codes, len(levels)]` float32, the vectors of all codes.

    References:
        Mentzer et al., Finite Scalar Quantization: VQ-VAE Made Simple, arXiv:2309.15505.

    >>> import numpy as np
    >>> layer = FiniteScalarQuantizer(levels=(5, 3))
    >>> vectors = np.array([[0.6, -9.0], [0.0, 0.0]])
    >>> np.array(layer(vectors)).tolist(), np.array(layer.encode(vectors)).tolist()
    ([[0.5, -1.0], [0.0, 0.0]], [3, 7])
    """

    loss_names = ()

    def __init__(self, levels=(8, 5, 5, 5), *, return_codes: bool = False, **kwargs):
        levels = arguments.wholes("levels", levels, least=2)
        if mixed_radix.size(levels) > mixed_radix.LARGEST:
            raise UserError(
                f"levels {levels} make {mixed_radix.size(levels)} codes, more than int32 holds; "
                "leave channels out, or quantize them in groups"
            )
        if max(levels) > grid_quantizer.MOST_CELLS:
            raise UserError(
                f"each of levels must be at most {grid_quantizer.MOST_CELLS}, since float32 "
                f"distinguishes no more; received {max(levels)}"
            )
        super().__init__(return_codes=return_codes, **kwargs)
        self.levels, self.dim = levels, len(levels)
        number = np.array(levels, "float64")
        offset = np.where(number % 2 == 0, 0.5, 0.0)
        width = (number - 1) * (1 + MARGIN) / 2
        self._width, self._offset = np.float32(width), np.float32(offset)
        self._shift = np.float32(np.arctanh(offset / width))
        self._zero = np.float32(number // 2)  # the digit of 0
        self._last = np.float32(number - 1)
        self._step = np.float32(0.5 / (number // 2))
        self._origin = np.int32(number // 2 * 2)  # the digit of the vector 0, in steps
        self._refines = False

    @property
    def code_sizes(self):
        return (mixed_radix.size(self.levels),)

    def build(self, input_shape):
        if input_shape[-1] != len(self.levels):
            raise UserError(
                f"{self.name} takes vectors of {len(self.levels)} numbers, one for each of its "
                f"levels; received shape {tuple(input_shape)}. A ProjectedQuantizer takes others"
            )

    @property
    def _cells(self):
        return np.array(self.levels, "int32")

    def _refine(self, step):
        self._step = np.float32(step / self._cells)
        self._origin = self._cells - 1
        self._refines = True

    def _quantize(self, vectors, valid, mode):
        numbers = self._numbers(vectors)
        digits = self._digits(ops.stop_gradient(numbers))
        output = estimators.straight_through(
            numbers * (2 * self._step), self._at(2 * digits - self._origin)
        )
        return quantizer.Quantized(output, mixed_radix.pack(digits, self.levels), {})

    def _encode(self, vectors, num_stages=None):
        return mixed_radix.pack(self._digits(self._numbers(vectors)), self.levels)

    def _steps(self, codes):
        return 2 * mixed_radix.unpack(codes, self.levels) - self._origin

    def _bounded(self, vectors):
        return self._numbers(vectors) * (2 * self._step)

    def _numbers(self, vectors):
        """`vectors` in cells: the levels are whole numbers."""
        if self._refines:
            return vectors * (0.5 / self._step) - self._offset
        return ops.tanh(vectors + self._shift) * self._width - self._offset

    def _digits(self, numbers):
        """int32 `[..., dim]`: the nearest levels, counted from 0."""
        numbers = ops.where(ops.isnan(numbers), 0.0, numbers)
        # From 1001 levels on the margin alone is half a level.
        digits = ops.minimum(ops.maximum(ops.round(numbers) + self._zero, 0.0), self._last)
        return ops.cast(digits, "int32")

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}
