"""A codebook whose codes move together: a fixed random table and a trained affine map."""

import keras
from keras import ops

from vqvae_tf.layers import checks, codebook_quantizer


@keras.saving.register_keras_serializable("vqvae_tf")
class SimVQ(codebook_quantizer.CodebookQuantizer):
    """Replaces each vector by the nearest row of e W + b, where e is fixed and W and b are trained.

    A gradient to any code moves all of them, so no code falls out of use and none has to be revived
    (Zhu et al. 2024, arXiv:2411.02038; b as in their code, so that the codes can follow data whose
    mean is not zero). e is normal with variance 1/dim; W is initialized to the identity. The losses
    are those of equation 3 with the codes c = e W + b:

        losses["codebook"]   = mean (sg(z) - c)^2                    moves W and b only
        losses["commitment"] = commitment_cost * mean (z - sg(c))^2  moves the encoder only

    Args:
        As in `CodebookQuantizer`.

    Attributes:
        codebook: `[num_embeddings, dim]`, e W + b.
        table: `[num_embeddings, dim]` float32, e, which is not trained.
        projection: `[dim, dim]` float32, W.
        bias: `[dim]` float32, b.

    >>> import numpy as np
    >>> layer = SimVQ(num_embeddings=8)
    >>> codes = layer.encode(np.ones((2, 3, 4), "float32"))
    >>> codes.shape, [variable.name for variable in layer.trainable_variables]
    (TensorShape([2, 3]), ['projection', 'bias'])
    """

    _made_by_build = ("codebook", "step", "table", "projection", "bias")
    _codebook_losses = ("codebook",)

    def build(self, input_shape):
        super().build(input_shape)
        dim = input_shape[-1]
        checks.check_table(self.name, dim, dim)
        self.table = self.add_weight(
            name="table",
            shape=(self.num_embeddings, dim),
            initializer=keras.initializers.RandomNormal(stddev=dim**-0.5, seed=self.seed),
            dtype="float32",
            autocast=False,
            trainable=False,
        )
        self.projection = self.add_weight(
            name="projection",
            shape=(dim, dim),
            initializer="identity",
            dtype="float32",
            autocast=False,
        )

        self.bias = self.add_weight(
            name="bias", shape=(dim,), initializer="zeros", dtype="float32", autocast=False
        )

    @property
    def codebook(self):
        return self._codes_vectors()

    def _table(self):
        return ops.matmul(self.table, self.projection) + self.bias

    def _quantize(self, vectors, valid, mode):
        quantized, *_ = self._by_equation_3(vectors, valid, mode)
        self._count_step(mode, moved=False)
        return quantized
