"""Keras metrics over a whole epoch and all replicas, which are not means of batch values.

The functions at the top count codes and compute figures from the counts, for the metrics and for
the models' logs. For whole data sets `vqvae_tf.media.evaluation` counts in 64 bits.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError

SSIM_WINDOW = 11  # pixels, the width of tf.image.ssim's window


def count_codes(codes: Any, num_embeddings: int, weights: Any = None) -> Any:
    """How often each code was chosen: integers `[...]` -> float32 `[num_embeddings]`.

    Codes below 0 are not counted: the codes of a stage dropped by quantizer dropout are -1. XLA
    can compile it.

    Args:
        codes: in [0, num_embeddings), or below 0.
        num_embeddings: K.
        weights: weight of each code, in the shape of `codes`; None means 1.

    >>> [float(count) for count in count_codes([[0, 2], [2, -1]], num_embeddings=4)]
    [1.0, 0.0, 2.0, 0.0]
    """
    codes = ops.reshape(ops.cast(codes, "int32"), (-1,))
    weights = (
        ops.ones_like(codes, dtype="float32")
        if weights is None
        else ops.reshape(ops.cast(weights, "float32"), (-1,))
    )
    return ops.segment_sum(weights, codes, num_segments=num_embeddings)


def entropy_of(counts: Any) -> Any:
    """Entropy in nats of the frequencies of `counts`: `[..., num_embeddings]` -> `[...]`.

    >>> round(float(entropy_of([5, 5, 0, 0])), 4)
    0.6931
    """
    counts = ops.cast(counts, "float32")
    share = counts / ops.maximum(ops.sum(counts, axis=-1, keepdims=True), 1.0)
    return -ops.sum(share * ops.log(ops.where(share > 0.0, share, 1.0)), axis=-1)


def perplexity_of(counts: Any) -> Any:
    """exp of the entropy of `counts`, the effective number of codes; 1 if nothing was counted.

    Args:
        counts: `[num_embeddings]`, or `[..., num_embeddings]` for several codebooks; the result is
            then the geometric mean over them.

    Returns:
        A float32 scalar.

    >>> float(perplexity_of([5, 5, 0, 0]))
    2.0
    """
    return ops.exp(ops.mean(entropy_of(counts)))


def usage_of(counts: Any) -> Any:
    """Share of the codes that were chosen at least once, a float32 scalar in [0, 1].

    >>> float(usage_of([5, 5, 0, 0]))
    0.5
    """
    return ops.mean(ops.cast(ops.convert_to_tensor(counts) > 0, "float32"))


class _CodeHistogram(keras.metrics.Metric):
    """Counts how often each code was chosen; subclasses compute the result from the counts.

    Counts are float32, exact up to 16.7 million hits of one code between two resets. Negative codes
    are not counted: the codes of a stage dropped by quantizer dropout are -1.

    Args:
        num_embeddings: number of codes in the codebook; for a composite quantizer its
            `code_sizes`, one number for each entry of the codes' last axis.
        name: the key in logs, the same for every metric of the class by default, as in Keras.
    """

    default_name: str

    def __init__(
        self,
        num_embeddings: int | Sequence[int],
        name: str | None = None,
        dtype: Any = "float32",
    ):
        super().__init__(name=name or self.default_name, dtype=dtype)
        self.num_embeddings: int | list[int]
        if np.ndim(num_embeddings):
            self.sizes = list(arguments.wholes("num_embeddings", num_embeddings, least=1))
            self.num_embeddings = self.sizes
        else:
            self.num_embeddings = arguments.whole(
                "num_embeddings", num_embeddings, 1, limits.LARGEST_TABLE
            )
            self.sizes = [self.num_embeddings]
        self.counts = self.add_variable((sum(self.sizes),), "zeros", name="counts", dtype="float32")

    def update_state(self, codes, y_pred=None, sample_weight=None):
        """Adds a batch: `update_state(codes)`, or, as Keras calls it, `(targets, codes)`.

        Args:
            codes: integers of any shape; for a composite quantizer `[..., len(code_sizes)]`.
            y_pred: the codes, if the metric is used in `compile(metrics=...)`: the first argument
                is then the targets, which are ignored.
            sample_weight: weights in the shape of the codes (for a composite quantizer without
                their last axis), or of its first axes only, such as `[batch]`; 0 excludes a code
                (a mask). A Keras mask on the codes excludes them too.

        Raises:
            UserError: for codes that are not integers, or for a known code that is too large.
        """
        codes = arguments.dense("codes", codes if y_pred is None else y_pred)
        self._check(codes)
        codes = ops.convert_to_tensor(codes)
        if len(self.sizes) > 1:
            columns = [codes[..., number] for number in range(len(self.sizes))]
        else:
            columns = [codes]
        factors = [
            _broadcast_from_the_left(each, columns[0])
            for each in (sample_weight, getattr(y_pred, "_keras_mask", None))
            if each is not None
        ]
        weights = functools.reduce(ops.multiply, factors) if factors else None
        counts = [
            count_codes(column, size, weights)
            for column, size in zip(columns, self.sizes, strict=True)
        ]
        self.counts.assign_add(ops.concatenate(counts))

    def _check(self, codes):
        if "int" not in arguments.dtype_of(codes):
            raise UserError(
                f"{self.name} counts codes, which are integers; received {codes.dtype}: give the "
                "codes alone, or as y_pred, and weights as sample_weight"
            )
        if len(self.sizes) > 1 and (not codes.shape or codes.shape[-1] != len(self.sizes)):
            raise UserError(
                f"{self.name} counts {len(self.sizes)} codes per position, [..., "
                f"{len(self.sizes)}]; received shape {tuple(codes.shape)}"
            )
        values = _values(codes)
        if values is not None and (values >= self.sizes).any():
            wrong = values >= self.sizes
            largest = np.broadcast_to(self.sizes, values.shape)[wrong][0] - 1
            raise UserError(
                f"{self.name} knows the codes 0 to {largest}; received {values[wrong][0]}"
            )

    def _entropies(self):
        """Entropy in nats of the codes' frequencies, one for each of `sizes`."""
        edges = np.cumsum([0, *self.sizes])
        return [
            entropy_of(self.counts[edges[number] : edges[number + 1]])
            for number in range(len(self.sizes))
        ]

    def get_config(self):
        return {**super().get_config(), "num_embeddings": self.num_embeddings}


def _values(tensor):
    """NumPy values of a tensor, or None while it is traced."""
    try:
        return np.asarray(tensor)
    except (NotImplementedError, TypeError):  # raised by TensorFlow and by JAX
        return None


def _broadcast_from_the_left(weights, codes):
    """`weights`, such as `[batch]`, as float32 in the shape of `codes`."""
    weights = ops.cast(weights, "float32")
    given, shape = weights.shape, codes.shape
    if len(given) > len(shape) or any(
        None not in (mine, theirs) and mine not in (1, theirs)
        for mine, theirs in zip(given, shape, strict=False)
    ):
        raise UserError(
            f"sample_weight must have the shape of the codes, {tuple(shape)}, or of their first "
            f"axes; received {tuple(given)}"
        )
    weights = ops.reshape(weights, (*ops.shape(weights), *[1] * (len(shape) - len(given))))
    return ops.broadcast_to(weights, ops.shape(codes))


@keras.saving.register_keras_serializable("vqvae_tf")
class Perplexity(_CodeHistogram):
    """Exponential of the entropy of the codes' frequencies: the effective number of codes.

    It is 1 if a single code is used, and `num_embeddings` if all are used equally. Frequencies are
    pooled over the epoch; a mean of batch perplexities would be smaller, since no batch shows all
    codes. For a composite quantizer it is the geometric mean over its codebooks.

    >>> metric = Perplexity(num_embeddings=8)
    >>> metric.update_state([[0, 1], [0, 1]])
    >>> round(float(metric.result()), 4)
    2.0
    """

    default_name = "perplexity"

    def result(self):
        return ops.exp(sum(self._entropies()) / len(self.sizes))


@keras.saving.register_keras_serializable("vqvae_tf")
class BitsPerVector(_CodeHistogram):
    """Sum of the entropies, in bits, of the codes of one vector.

    It is the rate of an entropy coder that uses only the frequencies of the codes. The rate of
    fixed-length codes is the quantizer's `bits_per_vector`.

    >>> metric = BitsPerVector(num_embeddings=(8, 8))
    >>> metric.update_state([[0, 3], [1, 3], [2, 3], [3, 3]])
    >>> round(float(metric.result()), 4)
    2.0
    """

    default_name = "bits_per_vector"

    def result(self):
        return sum(self._entropies()) / math.log(2.0)


@keras.saving.register_keras_serializable("vqvae_tf")
class Usage(_CodeHistogram):
    """Share of the codes that were chosen at least once, in [0, 1].

    >>> metric = Usage(num_embeddings=8)
    >>> metric.update_state([0, 1, 0, 1])
    >>> float(metric.result())
    0.25
    """

    default_name = "usage"

    def result(self):
        return usage_of(self.counts)


@keras.saving.register_keras_serializable("vqvae_tf")
class DeadCodes(_CodeHistogram):
    """Number of codes that were never chosen.

    >>> metric = DeadCodes(num_embeddings=8)
    >>> metric.update_state([0, 1, 0, 1])
    >>> float(metric.result())
    6.0
    """

    default_name = "dead_codes"

    def result(self):
        return ops.sum(ops.cast(self.counts == 0.0, self.dtype))


@keras.saving.register_keras_serializable("vqvae_tf")
class PSNR(keras.metrics.Metric):
    """Peak signal-to-noise ratio in decibels, from the squared error pooled over all pixels.

    Args:
        max_value: range of the pixels: 255 for 8-bit values, 1 for `x / 255 - 0.5`.

    >>> metric = PSNR()
    >>> metric.update_state([[0, 128, 255]], [[16, 144, 239]])
    >>> round(float(metric.result()), 2)
    24.05
    """

    def __init__(self, max_value: float = 255.0, name: str = "psnr", dtype: Any = "float32"):
        super().__init__(name=name, dtype=dtype)
        self.max_value = arguments.positive("max_value", max_value)
        self.squared_error = self.add_variable((), "zeros", name="squared_error", dtype=self.dtype)
        self.pixels = self.add_variable((), "zeros", name="pixels", dtype=self.dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of pictures of any shape; `sample_weight` broadcasts against them."""
        difference = ops.cast(y_true, self.dtype) - ops.cast(y_pred, self.dtype)
        weights = ops.ones_like(difference)
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, self.dtype)
        self.squared_error.assign_add(ops.sum(weights * ops.square(difference)))
        self.pixels.assign_add(ops.sum(weights))

    def result(self):
        return 10.0 * ops.log10(self.max_value**2 * self.pixels / self.squared_error)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}


@keras.saving.register_keras_serializable("vqvae_tf")
class SSIM(keras.metrics.Mean):
    """Structural similarity (Wang et al., 2004), averaged over pictures.

    TensorFlow only: its window is 11 pixels wide, so pictures must be at least 11 by 11.

    Args:
        max_value: range of the pixels: 255 for 8-bit values, 1 for `x / 255 - 0.5`.
    """

    def __init__(self, max_value: float = 255.0, name: str = "ssim", dtype: Any = "float32"):
        super().__init__(name=name, dtype=dtype)
        self.max_value = arguments.positive("max_value", max_value)

    def update_state(self, y_true, y_pred, sample_weight=None):  # type: ignore[override]
        """Adds pictures `[batch, height, width, channels]`; `sample_weight` is `[batch]`."""
        import tensorflow as tf  # keras.ops has no SSIM

        sizes = tuple(y_true.shape)[1:3]
        if any(size is not None and size < SSIM_WINDOW for size in sizes):
            raise UserError(
                f"SSIM needs pictures of at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, the size of "
                f"its window; received {sizes[0]}x{sizes[1]}"
            )
        values = tf.image.ssim(
            tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32), self.max_value
        )
        super().update_state(values, sample_weight)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}


@keras.saving.register_keras_serializable("vqvae_tf")
class BitsPerDimension(keras.metrics.Metric):
    """All bits divided by all dimensions, so that larger pictures have more weight.

    >>> metric = BitsPerDimension()
    >>> metric.update_state([24.0, 48.0], dimensions=12)
    >>> float(metric.result())
    3.0
    """

    def __init__(self, name: str = "bits_per_dimension", dtype: Any = "float32"):
        super().__init__(name=name, dtype=dtype)
        self.bits = self.add_variable((), "zeros", name="bits", dtype=self.dtype)
        self.dimensions = self.add_variable((), "zeros", name="dimensions", dtype=self.dtype)

    def update_state(self, bits, dimensions, sample_weight=None):
        """Adds a batch.

        Args:
            bits: bits of each example, `[batch]`.
            dimensions: size of an example (height x width x channels), a scalar or `[batch]`.
            sample_weight: `[batch]`.
        """
        bits = ops.cast(bits, self.dtype)
        dimensions = ops.broadcast_to(ops.cast(dimensions, self.dtype), ops.shape(bits))
        weights = ops.ones_like(bits)
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, self.dtype)
        self.bits.assign_add(ops.sum(weights * bits))
        self.dimensions.assign_add(ops.sum(weights * dimensions))

    def result(self):
        return ops.divide_no_nan(self.bits, self.dimensions)
