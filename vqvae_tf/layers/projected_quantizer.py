"""A quantizer between two linear projections, so that codes have fewer dimensions than vectors."""

from typing import Any

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.layers import checks
from vqvae_tf.layers import quantizer as quantizer_lib


@keras.saving.register_keras_serializable("vqvae_tf")
class ProjectedQuantizer(quantizer_lib.Quantizer):
    """Projects each vector to `code_dim` numbers, quantizes these, and projects back.

    Look-up in few dimensions keeps more of a codebook in use (ViT-VQGAN, arXiv:2110.04627, with
    `distance="cosine"` in the inner quantizer). It also lets quantizers of a fixed dimension, such
    as the finite scalar one, take inputs of any dimension. With a `GroupedQuantizer` inside it has
    several heads; with a `ResidualQuantizer`, residual codes of low dimension.

    The projections are float32, like everything that codes depend on. They are trained by the
    decoder's gradient and by the inner quantizer's losses.

    Args:
        quantizer: any quantizer, of vectors `[..., code_dim]`.
        code_dim: its last dimension.
        seed: seed of the projections. None draws one, which is stored in the configuration.
        return_codes: `call` returns `(vectors, codes)`.

    >>> import numpy as np
    >>> from vqvae_tf.layers import VectorQuantizer
    >>> layer = ProjectedQuantizer(VectorQuantizer(16, distance="cosine"), code_dim=4)
    >>> x = np.ones((2, 5, 64), "float32")
    >>> layer(x).shape, layer.encode(x).shape
    (TensorShape([2, 5, 64]), TensorShape([2, 5]))
    """

    output_is_trained = True
    # Set by `build`, by name.
    projection_in: Any
    projection_in_bias: Any
    projection_out: Any
    projection_out_bias: Any

    def __init__(
        self,
        quantizer,
        code_dim: int,
        *,
        seed: int | None = 0,
        return_codes: bool = False,
        **kwargs,
    ):
        super().__init__(return_codes=return_codes, **kwargs)
        self.quantizer: Any = quantizer_lib.as_quantizer(quantizer, self.name)
        self.code_dim = arguments.whole("code_dim", code_dim, 1, limits.WIDEST)
        self.seed = quantizer_lib.seed_or_drawn(seed)

    @property
    def code_sizes(self):
        return self.quantizer.code_sizes

    @property
    def _num_codes(self):
        return self.quantizer._num_codes

    @property
    def _least_codes(self):
        return self.quantizer._least_codes

    @property
    def _code_widths(self):
        return self.quantizer._code_widths

    @property
    def loss_names(self):
        return self.quantizer.loss_names

    @property
    def num_stages(self):
        return self.quantizer.num_stages

    @property
    def codebook(self):
        """The codebook of the inner quantizer, in `code_dim` dimensions."""
        return self.quantizer.codebook

    def build(self, input_shape):
        self._dim = dim = checks.checked_dim(self.name, input_shape)
        checks.check_table(self.name, dim, self.code_dim)
        if not self.quantizer.built:  # it is built already if it was loaded from a file
            self.quantizer.build((*input_shape[:-1], self.code_dim))
        for number, (name, shape) in enumerate(
            (("projection_in", (dim, self.code_dim)), ("projection_out", (self.code_dim, dim)))
        ):
            kernel = self.add_weight(
                name=name,
                shape=shape,
                initializer=keras.initializers.GlorotUniform(seed=(self.seed + number) % 2**32),
                dtype="float32",
                autocast=False,
            )
            bias = self.add_weight(
                name=f"{name}_bias",
                shape=shape[1:],
                initializer="zeros",
                dtype="float32",
                autocast=False,
            )
            setattr(self, name, kernel)
            setattr(self, f"{name}_bias", bias)

    def _in(self, vectors):
        return ops.matmul(vectors, self.projection_in) + self.projection_in_bias

    def _out(self, vectors):
        flat = ops.matmul(ops.reshape(vectors, (-1, self.code_dim)), self.projection_out)
        flat = flat + self.projection_out_bias
        return ops.reshape(flat, (*ops.shape(vectors)[:-1], self._dim))

    def _quantize(self, vectors, valid, mode):
        output = self.quantizer._quantize(self._in(vectors), valid, mode)
        return output._replace(vectors=self._out(output.vectors))

    def _encode(self, vectors, num_stages=None):
        return self.quantizer._encode(self._in(vectors), num_stages)

    def _decode(self, codes):
        return self._out(self.quantizer._decode(codes))

    def _codes_shape(self, input_shape, num_stages=None):
        return self.quantizer._codes_shape(input_shape, num_stages)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "code_dim": self.code_dim,
            "seed": self.seed,
        }
