"""Keras metrics that are true over a whole epoch and over replicas, not means of batch values."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class _CodeHistogram(keras.metrics.Metric):
    """Counts how often each code was chosen; subclasses say what is read off the counts.

    Counts are float32, exact up to 16.7 million hits of one code between two resets.

    Args:
        num_embeddings: number of codes in the codebook; for a composite quantizer its
            `code_sizes`, one number for each entry of the codes' last axis.
    """

    def __init__(self, num_embeddings: int | Sequence[int], name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        several = not isinstance(num_embeddings, int)
        sizes = [int(size) for size in num_embeddings] if several else [num_embeddings]
        if not sizes or min(sizes) < 1:
            raise ValueError(f"num_embeddings must be at least 1; received {num_embeddings}")
        self.num_embeddings = sizes if several else num_embeddings
        self.sizes = sizes
        self.counts = self.add_variable((sum(sizes),), "zeros", name="counts")

    def update_state(self, codes, sample_weight=None):
        """Adds the codes of a batch.

        Args:
            codes: integers of any shape; of a composite quantizer `[..., len(code_sizes)]`.
            sample_weight: shape of `codes` (of a composite quantizer without its last axis); 0
                leaves a code out (a mask).
        """
        codes = ops.cast(codes, "int32")
        shape = ops.shape(codes)
        if isinstance(self.num_embeddings, list):
            starts = [sum(self.sizes[:number]) for number in range(len(self.sizes))]
            codes = codes + ops.convert_to_tensor(starts, "int32")
            if sample_weight is not None:
                sample_weight = ops.broadcast_to(ops.expand_dims(sample_weight, -1), shape)
        codes = ops.reshape(codes, [-1])
        if sample_weight is None:
            weights = ops.ones_like(codes, dtype=self.dtype)
        else:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), [-1])
        self.counts.assign_add(ops.segment_sum(weights, codes, sum(self.sizes)))

    def entropies(self):
        """Entropy in nats of the codes' frequencies, one for each of `sizes`."""
        entropies = []
        for number, size in enumerate(self.sizes):
            counts = self.counts[sum(self.sizes[:number]) :][:size]
            share = counts / ops.maximum(ops.sum(counts), 1.0)
            logarithm = ops.log(ops.where(share > 0.0, share, 1.0))
            entropies.append(-ops.sum(share * logarithm))
        return entropies

    def get_config(self):
        return {**super().get_config(), "num_embeddings": self.num_embeddings}


@keras.saving.register_keras_serializable("vqvae_tf")
class Perplexity(_CodeHistogram):
    """Exponential of the entropy of the codes' frequencies: how many codes do the work.

    1 when a single code is used, `num_embeddings` when all are used alike. Frequencies are pooled
    over the epoch; a mean of batch perplexities would be smaller, since no batch shows all codes.
    Of a composite quantizer it is the geometric mean over its codebooks.

    >>> metric = Perplexity(num_embeddings=8)
    >>> metric.update_state([[0, 1], [0, 1]])
    >>> round(float(metric.result()), 4)
    2.0
    """

    def result(self):
        return ops.exp(sum(self.entropies()) / len(self.sizes))


@keras.saving.register_keras_serializable("vqvae_tf")
class BitsPerVector(_CodeHistogram):
    """Entropy of the codes of one vector in bits, each of its codes taken by itself.

    What an entropy coder needs that knows the codes' frequencies and nothing else; at fixed length
    it is the quantizer's `bits_per_vector`.

    >>> metric = BitsPerVector(num_embeddings=(8, 8))
    >>> metric.update_state([[0, 3], [1, 3], [2, 3], [3, 3]])
    >>> round(float(metric.result()), 4)
    2.0
    """

    def result(self):
        return sum(self.entropies()) / math.log(2.0)


@keras.saving.register_keras_serializable("vqvae_tf")
class Usage(_CodeHistogram):
    """Share of the codebook that was chosen at least once, in [0, 1].

    >>> metric = Usage(num_embeddings=8)
    >>> metric.update_state([0, 1, 0, 1])
    >>> float(metric.result())
    0.25
    """

    def result(self):
        return ops.mean(ops.cast(self.counts > 0.0, self.dtype))


@keras.saving.register_keras_serializable("vqvae_tf")
class DeadCodes(_CodeHistogram):
    """Number of codes that were not chosen once.

    >>> metric = DeadCodes(num_embeddings=8)
    >>> metric.update_state([0, 1, 0, 1])
    >>> float(metric.result())
    6.0
    """

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

    def __init__(self, max_value: float = 255.0, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.max_value = max_value
        self.squared_error = self.add_variable((), "zeros", name="squared_error")
        self.pixels = self.add_variable((), "zeros", name="pixels")

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

    TensorFlow only: its window is 11 pixels wide, so pictures are at least 11 by 11.

    Args:
        max_value: range of the pixels: 255 for 8-bit values, 1 for `x / 255 - 0.5`.
    """

    def __init__(self, max_value: float = 255.0, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.max_value = max_value

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds pictures `[batch, height, width, channels]`; `sample_weight` is `[batch]`."""
        import tensorflow as tf  # keras.ops has no SSIM

        values = tf.image.ssim(
            tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32), self.max_value
        )
        super().update_state(values, sample_weight)

    def get_config(self):
        return {**super().get_config(), "max_value": self.max_value}


@keras.saving.register_keras_serializable("vqvae_tf")
class BitsPerDimension(keras.metrics.Metric):
    """All bits over all dimensions, so that pictures of unlike sizes weigh as they should.

    >>> metric = BitsPerDimension()
    >>> metric.update_state([24.0, 48.0], dimensions=12)
    >>> float(metric.result())
    3.0
    """

    def __init__(self, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.bits = self.add_variable((), "zeros", name="bits")
        self.dimensions = self.add_variable((), "zeros", name="dimensions")

    def update_state(self, bits, dimensions, sample_weight=None):
        """Adds a batch.

        Args:
            bits: what each example cost, `[batch]`.
            dimensions: numbers that an example consists of (height x width x channels), a scalar
                or `[batch]`.
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
