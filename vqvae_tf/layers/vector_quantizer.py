"""A codebook trained by its loss, as in equation 3 of the paper (arXiv:1711.00937)."""

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.layers import codebook_quantizer
from vqvae_tf.layers.usage_counting_quantizer import UsageCountingQuantizer


@keras.saving.register_keras_serializable("vqvae_tf")
class VectorQuantizer(UsageCountingQuantizer):
    """Replaces each vector by the nearest code; the optimizer pulls the codes to their vectors.

    The losses are the second and third terms of equation 3 (the sign of its first term is a slip:
    the likelihood is maximised), each a mean over the unmasked positions and dim, as in Sonnet:

        losses["codebook"]   = mean (sg(z) - e)^2                      moves the codes only
        losses["commitment"] = commitment_cost * mean (z - sg(e))^2    moves the encoder only

    The straight-through output passes the decoder's gradient to the encoder, not to the codebook.
    Running counts of the codes are used to revive dead ones (see `UsageCountingQuantizer`).
    A revived code is written in place. The models of this library also clear its optimizer state
    (`forget_revived`), as your own training loop may.

    Args:
        num_embeddings: K, the number of codes.
        orthogonality_cost: weight of the loss `orthogonality`, the mean squared cosine of all
            K^2 pairs of codes.
        **kwargs: as in `UsageCountingQuantizer`; `decay` applies to the running counts.

    Attributes:
        revived: `[num_embeddings]` bool, the codes that the last training step revived.

    References:
        van den Oord et al., Neural Discrete Representation Learning, arXiv:1711.00937 v2.

    >>> import numpy as np
    >>> layer = VectorQuantizer(num_embeddings=2, commitment_cost=0.25)
    >>> layer.load_codebook([[0.0, 0.0], [1.0, 1.0]])
    >>> output = layer.quantize(np.array([[0.9, 0.8], [0.1, 0.2]]))
    >>> {name: round(float(loss), 6) for name, loss in output.losses.items()}
    {'codebook': 0.025, 'commitment': 0.00625}
    """

    _made_by_build = (*UsageCountingQuantizer._made_by_build, "revived")
    codebook_trainable = True
    keeps_sums = False

    def __init__(self, num_embeddings: int, *, orthogonality_cost: float = 0.0, **kwargs):
        super().__init__(num_embeddings, **kwargs)
        if not self.revival_threshold:  # then nothing is counted
            arguments.refuse_inert("decay", self.decay, None, "revival_threshold")
            arguments.refuse_inert(
                "accumulation_steps", self.accumulation_steps, 1, "revival_threshold"
            )
        self.orthogonality_cost = arguments.not_negative("orthogonality_cost", orthogonality_cost)

    @property
    def _codebook_losses(self):
        return ("codebook", "orthogonality") if self.orthogonality_cost else ("codebook",)

    def build(self, input_shape):
        super().build(input_shape)
        self.revived = self._add_statistic("revived", (self.num_embeddings,), "zeros", "bool")

    def _quantize(self, vectors, valid, mode):
        quantized, vectors, table, squares = self._by_equation_3(vectors, valid, mode)
        if self.orthogonality_cost:
            quantized.losses["orthogonality"] = self.orthogonality_cost * orthogonality(table)
        counting = mode.update and self.trainable and self.revival_threshold > 0
        if counting:
            vectors, squares = ops.stop_gradient(vectors), ops.stop_gradient(squares)
            self._update(vectors, squares, quantized.codes, valid)
        self._count_step(mode, counting)
        return quantized

    def _move(self, batch, counts, rate, rows, moving):
        codebook = ops.convert_to_tensor(self.codebook)
        codebook, counts, index, dead = self._revive(codebook, counts, rows, moving)
        self.codebook.assign(codebook)
        none = ops.zeros((self.num_embeddings,), "bool")
        self.revived.assign(backend.scatter_rows(none, index, dead))
        self.counts.assign(counts)

    def get_config(self):
        return {**super().get_config(), "orthogonality_cost": self.orthogonality_cost}


def orthogonality(codebook):
    """Mean squared cosine of all pairs of two codes of `[num_embeddings, dim]`, in [0, 1]."""
    codes = codebook_quantizer.unit(codebook)
    number = codes.shape[0]
    cosines = ops.matmul(codes, ops.transpose(codes))
    of_others = ops.sum(ops.square(cosines)) - ops.sum(ops.square(ops.sum(codes * codes, axis=1)))
    return of_others / max(1, number * (number - 1))


def forget_revived(model, optimizer):
    """Clears the state of `optimizer` for the codes that were revived in this training step.

    Call it between the forward pass and the optimizer's step. Otherwise the momentum of a dead
    code would push the code that replaced it.

    Args:
        model: any Keras model or layer that contains `VectorQuantizer`s.
        optimizer: a Keras optimizer that has been built.
    """
    for layer in model._flatten_layers():
        if not (isinstance(layer, VectorQuantizer) and layer.built and layer.revival_threshold):
            continue
        key = layer.codebook.path.replace("/", "_")
        for slot in optimizer.variables:
            # Keras names a slot after its variable.
            if slot.path.split("/")[-1].startswith(key) and slot.shape == layer.codebook.shape:
                slot.assign(ops.where(ops.convert_to_tensor(layer.revived)[:, None], 0.0, slot))
