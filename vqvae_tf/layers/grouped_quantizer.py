"""Product quantization: a quantizer for each part of the vector, or one shared by all parts."""

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.layers import composite_quantizer, quantizer


@keras.saving.register_keras_serializable("vqvae_tf")
class GroupedQuantizer(composite_quantizer.CompositeQuantizer):
    """Cuts each vector into equal parts and quantizes each part separately.

    G groups of K codes represent K^G vectors (product quantization, Jegou et al. 2011). With a
    single quantizer the groups share a codebook, as the heads of a multi-headed codebook do.

    Args:
        quantizers: one for each group, or a single one for all of `num_groups`.
        num_groups: with a single quantizer, the number of parts.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        codebook: `[groups, num_embeddings, dim / groups]` if all groups have the same number of
            codes; with a shared quantizer, that quantizer's codebook.

    >>> import numpy as np
    >>> from vqvae_tf.layers import VectorQuantizerEMA
    >>> layer = GroupedQuantizer([VectorQuantizerEMA(16), VectorQuantizerEMA(16)])
    >>> layer.encode(np.ones((2, 5, 8), "float32")).shape
    TensorShape([2, 5, 2])
    >>> heads = GroupedQuantizer(VectorQuantizerEMA(16), num_groups=4)
    >>> heads.encode(np.ones((2, 5, 8), "float32")).shape, heads.bits_per_vector
    (TensorShape([2, 5, 4]), 16.0)
    """

    def __init__(self, quantizers, num_groups: int | None = None, **kwargs):
        shared = isinstance(quantizers, (quantizer.Quantizer, dict))
        quantizers = [quantizers] if shared else composite_quantizer.listed(quantizers)
        if shared and num_groups is None:
            raise UserError(
                "num_groups must be at least 1, how many groups share the quantizer; received None"
            )
        if num_groups is None:
            num_groups = len(quantizers)
        num_groups = arguments.whole("num_groups", num_groups, 1, limits.WIDEST)
        if not shared and num_groups != len(quantizers):
            raise UserError(
                f"num_groups must be left out or {len(quantizers)}, the number of quantizers; "
                f"received {num_groups}"
            )
        super().__init__(quantizers, **kwargs)
        self.shared = shared
        self.num_groups = num_groups

    @property
    def code_sizes(self):
        return super().code_sizes * (self.num_groups if self.shared else 1)

    @property
    def _num_codes(self):
        return super()._num_codes * (self.num_groups if self.shared else 1)

    @property
    def _least_codes(self):
        return super()._least_codes * (self.num_groups if self.shared else 1)

    @property
    def codebook(self):
        return self.quantizers[0].codebook if self.shared else super().codebook

    def build(self, input_shape):
        dim = input_shape[-1]
        if dim is None or dim % self.num_groups:
            raise UserError(
                f"the last dimension must be a multiple of the {self.num_groups} groups; received "
                f"shape {tuple(input_shape)}"
            )
        self._build_inner((*input_shape[:-1], dim // self.num_groups))

    def _quantize(self, vectors, valid, mode):
        dim = vectors.shape[-1]
        if self.shared:
            parts = ops.reshape(vectors, (-1, dim // self.num_groups))
            if valid is not None:
                valid = ops.repeat(valid, self.num_groups)
            output = self.quantizers[0]._quantize(parts, valid, mode)
            codes = composite_quantizer.as_columns(output.codes)
            width = self.num_groups * codes.shape[1]
            return output._replace(
                vectors=ops.reshape(output.vectors, (-1, dim)),
                codes=ops.reshape(codes, (-1, width)),
            )
        outputs = [
            inner._quantize(part, valid, mode)
            for inner, part in zip(self.quantizers, self._parts(vectors), strict=True)
        ]
        return quantizer.Quantized(
            ops.concatenate([output.vectors for output in outputs], axis=1),
            composite_quantizer.join_codes(outputs),
            composite_quantizer.add_losses(outputs),
        )

    def _encode(self, vectors, num_stages=None):
        if self.shared:
            parts = ops.reshape(vectors, (-1, vectors.shape[-1] // self.num_groups))
            codes = composite_quantizer.as_columns(self.quantizers[0]._encode(parts))
            return ops.reshape(codes, (-1, self.num_groups * codes.shape[1]))
        return ops.concatenate(
            [
                composite_quantizer.as_columns(inner._encode(part))
                for inner, part in zip(self.quantizers, self._parts(vectors), strict=True)
            ],
            axis=1,
        )

    def _decode(self, codes):
        quantizers = self.quantizers * (self.num_groups if self.shared else 1)
        parts, start = [], 0
        for inner in quantizers:
            width = inner._num_codes
            parts.append(inner._decode(composite_quantizer.columns(codes, start, width)))
            start += width
        return ops.concatenate(parts, axis=-1)

    def _parts(self, vectors):
        width = vectors.shape[-1] // self.num_groups
        return [vectors[:, width * i : width * (i + 1)] for i in range(self.num_groups)]

    def get_config(self):
        config = super().get_config()
        if self.shared:
            config |= {"quantizers": config["quantizers"][0], "num_groups": self.num_groups}
        return config
