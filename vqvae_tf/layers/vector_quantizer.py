"""A codebook trained by its loss, as in equation 3 of the paper (arXiv:1711.00937)."""

import keras
from keras import ops

from vqvae_tf.layers import estimators, quantizer
from vqvae_tf.layers.backend import active as backend
from vqvae_tf.layers.codebook import CodebookQuantizer
from vqvae_tf.layers.search import nearest_codes


@keras.saving.register_keras_serializable("vqvae_tf")
class VectorQuantizer(CodebookQuantizer):
    """Replaces each vector by the nearest code; the optimizer pulls the codes to their vectors.

    The second and third term of equation 3 (its sign of the first is a slip: the likelihood is
    to be maximised), each a mean over the unmasked positions and then over dim, as in Sonnet:

        losses["codebook"]   = mean (sg(z) - e)^2                      moves the codes only
        losses["commitment"] = commitment_cost * mean (z - sg(e))^2    moves the encoder only

    The straight-through output gives the encoder the decoder's gradient and the codebook none.
    Running counts of the codes' use serve the revival of dead ones (see `CodebookQuantizer`);
    a revived code is written in place, the optimizer's own slots stay as they are.

    Args:
        As in `CodebookQuantizer`; `decay` is that of the running counts.

    References:
        van den Oord et al., Neural Discrete Representation Learning, arXiv:1711.00937 v2.

    >>> import numpy as np
    >>> layer = VectorQuantizer(num_embeddings=2, commitment_cost=0.25)
    >>> layer.load_codebook([[0.0, 0.0], [1.0, 1.0]])
    >>> output = layer.quantize(np.array([[0.9, 0.8], [0.1, 0.2]]))
    >>> {name: round(float(loss), 6) for name, loss in output.losses.items()}
    {'codebook': 0.025, 'commitment': 0.00625}
    """

    codebook_trainable = True
    loss_names = ("codebook", "commitment")

    def _quantize(self, vectors, valid, training):
        constant = ops.stop_gradient(vectors)
        codes = nearest_codes(constant, ops.stop_gradient(self.codebook))
        codes_vectors = backend.lookup(self.codebook, codes)
        quantized = ops.stop_gradient(codes_vectors)
        losses = {
            "codebook": self._squared_distance(constant, codes_vectors, valid),
            "commitment": self.commitment_cost * self._squared_distance(vectors, quantized, valid),
        }
        if training and self.trainable and self.revival_threshold:
            self._update(constant, codes, valid)
        return quantizer.Quantized(estimators.straight_through(vectors, quantized), codes, losses)

    def _update(self, vectors, codes, valid):
        batch_counts, _, finite = self._batch_statistics(vectors, codes, valid)
        rate = ops.where(finite, self._rate(batch_counts), 0.0)
        counts = self.counts + rate * (batch_counts - self.counts)
        codebook = ops.convert_to_tensor(self.codebook)
        codebook, counts, _ = self._revive(codebook, counts, vectors, valid, finite)
        self.counts.assign(counts)
        self.codebook.assign(codebook)
        self.step.assign(self.step + 1)
        self.skipped_steps.assign(self.skipped_steps + ops.cast(~finite, "int32"))
