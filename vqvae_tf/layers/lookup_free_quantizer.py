"""One bit a number, its sign: 2^dim codes without a table to search, in space or on a sphere."""

import itertools
import math

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError
from vqvae_tf.layers import codebook_quantizer, estimators, grid_quantizer, mixed_radix, quantizer

MOST_BITS = 30  # 2^31 is no int32


@keras.saving.register_keras_serializable("vqvae_tf")
class LookupFreeQuantizer(grid_quantizer.GridQuantizer):
    """Replaces each number by its sign; the vectors' dim bits are the code (LFQ, BSQ).

        vectors = sign(z)                              -1 at 0 and at NaN
        code = sum_i 2^i [z_i > 0]                     in [0, 2^dim)

    With `spherical` (BSQ) z is first put on the unit sphere, u = z / |z|, and the codes too,
    sign(u) / sqrt(dim). The vectors' gradient is straight-through, to z or through the norm.

    With s the size of a code's numbers, 1 or 1 / sqrt(dim), a soft code q(z) = softmax(2 z.c / T)
    has independent bits of probability sigmoid(4 s z_i / T), so that its entropy is a sum:

        losses["commitment"] = commitment_cost * mean (z - sg(vectors))^2
        losses["entropy"]    = entropy_cost * E[H(q(z))]               each vector decided
        losses["diversity"]  = diversity_cost * (log K - H(E[q(z)]))   all codes in use

    The last two are the entropy penalty of the papers plus a constant, in nats of the whole code;
    a cost of 0 leaves a loss out. E is over the unmasked positions of all replicas. H(E[q]) is
    exact up to dim = `group_bits`. Beyond, the bits are split into the fewest groups of at most as
    many, of near-equal size, and their entropies added: an upper bound, which is blind to
    dependence between groups.

    As a later stage of a `ResidualQuantizer`, it takes the signs of the residual r, which is not
    put on a sphere. Its s is half that of the stage before it, and its T a quarter, so the soft
    code is that of r / s. Numbers of at most 2 s in the first stage leave at most s in each stage.

    Args:
        spherical: BSQ instead of LFQ.
        commitment_cost, entropy_cost, diversity_cost: weights of the losses.
        temperature: T; None is 1, and 1 / dim with `spherical`: a code is as sure of its own bits
            in either form.
        group_bits: bits whose joint distribution is held, 2^group_bits numbers, up to 20.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        codebook: `[2^dim, dim]` float32, the vectors of all codes.

    References:
        Yu et al., Language Model Beats Diffusion (MAGVIT-v2), arXiv:2310.05737.
        Zhao et al., Image and Video Tokenization with Binary Spherical Quantization,
        arXiv:2406.07548.

    >>> import numpy as np
    >>> layer = LookupFreeQuantizer()
    >>> vectors = np.array([[0.3, -2.0, 0.1], [0.0, -1.0, 7.0]])
    >>> np.array(layer(vectors)).tolist(), np.array(layer.encode(vectors)).tolist()
    ([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]], [5, 4])
    """

    def __init__(
        self,
        *,
        spherical: bool = False,
        commitment_cost: float = 0.25,
        entropy_cost: float = 0.01,
        diversity_cost: float = 0.1,
        temperature: float | None = None,
        group_bits: int = 10,
        return_codes: bool = False,
        **kwargs,
    ):
        super().__init__(return_codes=return_codes, **kwargs)
        self.spherical = arguments.flag("spherical", spherical)
        self.commitment_cost = arguments.not_negative("commitment_cost", commitment_cost)
        self.entropy_cost = arguments.not_negative("entropy_cost", entropy_cost)
        self.diversity_cost = arguments.not_negative("diversity_cost", diversity_cost)
        self.temperature = (
            None if temperature is None else arguments.positive("temperature", temperature)
        )
        self.group_bits = arguments.whole("group_bits", group_bits, least=1, most=20)
        if not self.diversity_cost:
            arguments.refuse_inert("group_bits", self.group_bits, 10, "diversity_cost")
            if not self.entropy_cost:
                arguments.refuse_inert(
                    "temperature", self.temperature, None, "entropy_cost or diversity_cost"
                )
        self._refines = False
        self._scale = np.float32(1)  # s of this stage, relative to s without a stage before it

    @property
    def loss_names(self):
        costs = {"entropy": self.entropy_cost, "diversity": self.diversity_cost}
        return ("commitment", *(name for name, cost in costs.items() if cost))

    @property
    def code_sizes(self):
        if not self.built:
            raise UserError(
                f"{self.name} has as many codes as its input has bits; call it once on data, or "
                "build it with .build((None, dim))"
            )
        return (2**self.dim,)

    def build(self, input_shape):
        dim = input_shape[-1]
        if dim is None or not 1 <= dim <= MOST_BITS:
            raise UserError(
                f"{self.name} takes vectors of 1 to {MOST_BITS} numbers, a bit each; received "
                f"shape {tuple(input_shape)}. A ProjectedQuantizer takes others"
            )
        self.dim = dim
        self._size = self._step = np.float32(1 / math.sqrt(dim) if self.spherical else 1)

    @property
    def _cells(self):
        return 2

    def _refine(self, step):
        self._scale = np.float32(step / 2 / self._size)
        self._step = self._size * self._scale
        self._refines = True

    def _quantize(self, vectors, valid, mode):
        bits = _bits(vectors)
        vectors, quantized = self._bounded(vectors), self._at(2 * bits - 1)
        losses = self._losses_of(vectors, quantized, valid)
        output = estimators.straight_through(vectors, quantized)
        return quantizer.Quantized(output, self._codes(bits), losses)

    def _encode(self, vectors, num_stages=None):
        return self._codes(_bits(vectors))

    def _steps(self, codes):
        return 2 * mixed_radix.unpack(codes, (2,) * self.dim) - 1

    def _bounded(self, vectors):
        return codebook_quantizer.unit(vectors) if self.spherical and not self._refines else vectors

    def _codes(self, bits):
        return mixed_radix.pack(bits, (2,) * self.dim)

    def _losses_of(self, vectors, quantized, valid):
        divisor = codebook_quantizer.mean_divisor(vectors, valid)
        squares = ops.mean(ops.square(vectors - quantized), axis=-1)
        losses = {"commitment": self.commitment_cost * _sum(squares, valid) / divisor}
        logits = vectors * (4 * self._size / (self._temperature * self._scale))
        if self.entropy_cost:
            entropies = ops.sum(_bit_entropies(logits), axis=-1)
            losses["entropy"] = self.entropy_cost * _sum(entropies, valid) / divisor
        if self.diversity_cost:
            losses["diversity"] = self.diversity_cost * self._gap(ops.sigmoid(logits), valid)
        return losses

    @property
    def _temperature(self):
        if self.temperature is None:
            return 1 / self.dim if self.spherical else 1
        return self.temperature

    def _gap(self, probabilities, valid):
        """log K - H(E[q]), from the probabilities `[n, dim]` of the bits; 0 for an empty batch."""
        rows = ops.ones_like(probabilities[:, :1])
        if valid is not None:
            rows = ops.cast(valid, "float32")[:, None]
        total = backend.sum_over_replicas(ops.sum(rows))
        groups = -(-self.dim // self.group_bits)
        edges = [group * self.dim // groups for group in range(groups + 1)]
        gap = self.dim * math.log(2)
        for start, end in itertools.pairwise(edges):
            sums = backend.sum_over_replicas(_joint_sums(probabilities[:, start:end], rows))
            gap = gap - codebook_quantizer.entropy(sums / ops.maximum(total, 1.0))
        return ops.where(total > 0, gap, 0.0)  # nothing to spread where there is no vector

    def get_config(self):
        return {
            **super().get_config(),
            "spherical": self.spherical,
            "commitment_cost": self.commitment_cost,
            "entropy_cost": self.entropy_cost,
            "diversity_cost": self.diversity_cost,
            "temperature": self.temperature,
            "group_bits": self.group_bits,
        }


def _bits(vectors):
    return ops.cast(vectors > 0, "int32")


def _sum(values, valid):
    """Sum of the unmasked of `[n]`."""
    return ops.sum(values if valid is None else ops.where(valid, values, 0.0))


def _bit_entropies(logits):
    """Entropy of a bit of probability sigmoid(logit), in nats; no difference of large numbers."""
    size = ops.abs(logits)
    return ops.softplus(-size) + size * ops.sigmoid(-size)


def _joint(probabilities, rows):
    """`[n, 2^bits]`, the probabilities of all values of independent bits, times `rows` `[n, 1]`."""
    joint = rows
    for bit in range(probabilities.shape[1]):
        one = probabilities[:, bit : bit + 1]
        joint = ops.concatenate([joint * (1.0 - one), joint * one], axis=1)
    return joint


def _joint_sums(probabilities, rows):
    """Sum of `_joint` over the rows, `[2^bits]`.

    The joint distribution is the outer product of those of two halves of the bits, so that its sum
    is a matrix product: of `[n, 2^bits]` only the square root is held.
    """
    half = probabilities.shape[1] // 2
    low = _joint(probabilities[:, :half], rows)
    high = _joint(probabilities[:, half:], ops.ones_like(rows))
    return ops.reshape(ops.matmul(ops.transpose(high), low), (-1,))
