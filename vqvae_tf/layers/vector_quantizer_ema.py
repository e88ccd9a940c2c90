"""A codebook that follows the data by exponential moving averages (arXiv:1711.00937, A.1)."""

import keras
from keras import ops

from vqvae_tf.backend import active as backend
from vqvae_tf.layers import codebook_quantizer, quantizer
from vqvae_tf.layers.usage_counting_quantizer import UsageCountingQuantizer


@keras.saving.register_keras_serializable("vqvae_tf")
class VectorQuantizerEMA(UsageCountingQuantizer):
    """Replaces each vector by the nearest code; the codes are running means of their vectors.

    A training step updates, over the unmasked vectors z of all replicas, n_k of them nearest to
    code k:

        N_k <- decay * N_k + (1 - decay) * n_k                  (equation 6)
        m_k <- decay * m_k + (1 - decay) * sum of these z       (equation 7)
        e_k <- m_k / N_k   where n_k > 0, else unchanged        (equation 8)

    The output and the loss are computed before the update, as in the reference code. The only
    loss is `commitment_cost * mean (z - sg(e))^2`. By default, codes are drawn from data and dead
    ones revived; see `UsageCountingQuantizer`. `revival_threshold=0, decay=0.99` is the paper's
    form, which starts at N = 1 and m = e.

    With `trainable=False` the codebook is frozen; the commitment loss remains.

    Args:
        As in `UsageCountingQuantizer`.

    Attributes:
        sums: `[num_embeddings, dim]` float32, m of equation 7.

    References:
        van den Oord et al., Neural Discrete Representation Learning, arXiv:1711.00937 v2.

    >>> import numpy as np
    >>> layer = VectorQuantizerEMA(num_embeddings=2)
    >>> layer.load_codebook([[0.0, 0.0], [1.0, 1.0]])
    >>> np.array(layer.encode(np.array([[0.9, 0.8], [0.1, 0.2]]))).tolist()
    [1, 0]
    >>> output = layer.quantize(np.array([[0.9, 0.8], [0.1, 0.2]]))
    >>> round(float(output.losses["commitment"]), 6)  # 0.25 * (0.01 + 0.04 + 0.01 + 0.04) / 4
    0.00625
    """

    _made_by_build = (*UsageCountingQuantizer._made_by_build, "sums")
    codebook_trainable = False
    keeps_sums = True

    def build(self, input_shape):
        super().build(input_shape)
        self.sums = self._add_statistic("sums", tuple(self.codebook.shape), "zeros")
        if not self.revival_threshold:
            # A copy: under JAX an assignment shares the buffer, which may not be donated twice.
            self.sums.assign(ops.copy(self.codebook))

    def load_codebook(self, codebook):
        super().load_codebook(codebook)
        self.sums.assign(ops.copy(self.codebook))

    def _set_counts(self, counts):
        super()._set_counts(counts)
        self.sums.assign(self.codebook * self.counts[:, None])

    def _quantize(self, vectors, valid, mode):
        if self.distance == "cosine":
            vectors = codebook_quantizer.unit(vectors)
        constant = ops.stop_gradient(vectors)
        table = self._codes_vectors()
        codes, quantized, output = self._choose(vectors, table, valid, mode)
        squares = codebook_quantizer.squared_distances(vectors, ops.stop_gradient(quantized), valid)
        commitment = codebook_quantizer.mean_of_squares(squares, vectors.shape[-1], valid)
        losses = {
            "commitment": self.commitment_cost * commitment,
            **self._diversity(vectors, table, valid),
        }
        moving = mode.update and self.trainable
        if moving:
            self._update(constant, ops.stop_gradient(squares), codes, valid)
        self._count_step(mode, moving)
        return quantizer.Quantized(output, codes, losses)

    def _move(self, batch, counts, rate, rows, moving):
        sums = self.sums + rate * (batch[:, 2:] - self.sums)
        hit = (batch[:, :1] > 0) & (rate > 0)
        # For a code without vectors m / N is e except for rounding; keeping e keeps every bit.
        means = sums / ops.where(hit, counts[:, None], 1.0)
        codebook = ops.where(hit, means, ops.convert_to_tensor(self.codebook))
        if self.revival_threshold:
            codebook, counts, index, _ = self._revive(codebook, counts, rows, moving)
            revived = ops.take(codebook, index, axis=0) * ops.take(counts, index)[:, None]
            # A live code has m = N e already, so all examined codes may be written.
            sums = backend.scatter_rows(sums, index, revived)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.codebook.assign(codebook)
