"""A search for codes by the error of the decoded picture, instead of the nearest codes.

In a flat region the output of a convolutional encoder is the same at every place. A whole sky
therefore gets one code, and its gradual changes of colour are decoded as patches. A mix of several
codes would be better, like the dots of a printer, but an encoder with a local receptive field
cannot arrange one. A search can: it tries other codes and compares the decoded pictures.
"""

from typing import Any

import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.models.autoencoder import Autoencoder
from vqvae_tf.models.checks import refuse_symbolic
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.conditions import resolve
from vqvae_tf.models.pixels import pad_by_reflection
from vqvae_tf.models.prior import Prior

# Places this far apart are changed at once: the effect of a changed code does not reach as far.
_SPACING = 4
# The squared error of each change is counted over the 3x3 places around it.
_RADIUS = 1


class CodeSearch:
    """Encodes by coordinate descent on the decoder's error, starting from the nearest codes.

    A pass visits every place once. At each place the `candidates` codes nearest to the encoder's
    output are decoded, and the code is chosen that has the smallest

        squared error of the pixels around (channels summed, of 255) + rate_weight * bits

    where the bits of the codes under `prior` are computed at the start of the pass. A pass takes
    16 * candidates decodings (and the same again for each further code per place).

    The codes are decoded as usual. PSNR increases by about 0.5 dB on data like the training set
    and by 1 dB on other photographs, and skies are smooth (results/image.md). With a prior and a
    weight, this is possible at the rate of the nearest codes.

    Args:
        model: a trained autoencoder that is `searchable` and has `code_vectors`.
        passes: number of passes; 0 returns the nearest codes.
        candidates: number of codes tried per place.
        prior: prior that gives the bits; None to use the error only.
        rate_weight: weight of a bit, in units of squared error.

    Raises:
        UserError: for numbers out of range, or a weight without a prior.

    >>> from vqvae_tf.models import ImageConfig, ImageVQVAE
    >>> model = ImageVQVAE(ImageConfig(widths=(4, 8), residual_width=4))
    >>> CodeSearch(model, passes=1, candidates=2).encode(tf.zeros([1, 21, 30, 3], tf.uint8)).shape
    TensorShape([1, 6, 8])
    """

    def __init__(
        self,
        model: Autoencoder,
        *,
        passes: int = 2,
        candidates: int = 8,
        prior: Prior | None = None,
        rate_weight: float = 0.0,
    ):
        if not getattr(model, "searchable", False) or model.code_vectors is None:
            raise UserError(
                "a search needs a model of pictures with one grid of codes of one codebook; "
                f"received {type(model).__name__} with another: take its nearest codes, with 0 "
                "passes"
            )
        codes = model.code_sizes[0]
        passes = arguments.whole("search passes", passes, 0, limits.MOST_PASSES)
        candidates = arguments.whole("search candidates", candidates, 1, codes)
        rate_weight = arguments.not_negative("rate_weight", rate_weight)
        if prior is not None and (
            not isinstance(prior, Prior) or prior.config.code_sizes != model.code_sizes
        ):
            raise UserError(
                f"a search needs a prior over the model's codes, of the sizes {model.code_sizes}; "
                f"received {type(prior).__name__} of others"
            )
        if rate_weight and prior is None:
            raise UserError("a weight of the rate needs a prior, which gives the rate")
        self._model: Any = model
        self._prior: Any = prior
        self._passes, self._candidates, self._rate_weight = passes, candidates, rate_weight
        self._slots = len(model.code_sizes)
        self._conditions = {} if prior is None else prior.conditions
        self._compiled = tf.function(
            self._search,
            input_signature=[
                tf.TensorSpec([None, None, None, model.config.data.channels], tf.uint8),
                {name: tf.TensorSpec([None], tf.int32) for name in self._conditions},
            ],
            autograph=False,
        )

    def encode(self, images, conditions=None):
        """Codes of uint8 pictures, in the shape that the model's `encode` returns.

        Args:
            images: `[batch, height, width, channels]`, any size.
            conditions: conditions of the prior by name, one for all pictures or one for each.
                They are ignored without a prior that takes any.
        """
        refuse_symbolic("pictures", images)
        images = self._model.data_taken.check(images)
        if self._passes == 0:
            return self._model.encode(images)
        told = {name: tf.fill(tf.shape(images)[:1], -1) for name in self._conditions}
        if self._conditions:
            told |= resolve(self._conditions, conditions or {}, images)
        return self._compiled(images, told)

    def _search(self, images, told):
        stride = self._model.config.stride
        padded = pad_by_reflection(images, stride)
        target = tf.cast(padded, tf.float32)
        # The error of the padding is ignored.
        size, whole = tf.shape(images), tf.shape(padded)
        inside = tf.pad(
            tf.ones([1, size[1], size[2], 1]),
            [[0, 0], [0, whole[1] - size[1]], [0, whole[2] - size[2]], [0, 0]],
        )
        candidates = self._nearest(padded)  # [batch, rows, columns, slots, candidates]
        codes = candidates[..., 0]
        for _ in range(self._passes):
            bits = self._bits(codes, candidates, told)
            codes = self._pass(codes, candidates, bits, target, inside)
        return without_slots(codes)

    def _nearest(self, padded):
        """The candidates of every place, nearest first; int32."""
        latents = self._model.latents(padded)
        codebook = tf.convert_to_tensor(self._model.code_vectors)
        shape = tf.concat([tf.shape(latents)[:-1], [self._slots, codebook.shape[-1]]], 0)
        latents = tf.reshape(latents, shape)
        centre = tf.reduce_mean(codebook, axis=0)
        codebook = codebook - centre
        half_norms = tf.reduce_sum(tf.square(codebook), axis=1) / 2

        def of_row(row):  # one row of places at a time, as the distances to all codes are large
            scores = tf.matmul(row - centre, codebook, transpose_b=True) - half_norms
            return tf.math.top_k(scores, self._candidates).indices

        rows = tf.map_fn(
            of_row,
            tf.transpose(tf.cast(latents, tf.float32), [1, 0, 2, 3, 4]),
            fn_output_signature=tf.int32,
            parallel_iterations=1,
        )
        return tf.transpose(rows, [1, 0, 2, 3, 4])

    def _bits(self, codes, candidates, told):
        """Rate term of every candidate, given the other codes, in units of squared error."""
        if self._prior is None or not self._rate_weight:
            return tf.zeros(tf.shape(candidates))
        logits = tf.cast(self._prior(codes, told), tf.float32)
        logits = tf.reshape(logits, tf.concat([tf.shape(codes), [logits.shape[-1]]], 0))
        bits = -tf.nn.log_softmax(logits) / tf.math.log(2.0)
        return self._rate_weight * tf.gather(bits, candidates, batch_dims=4)

    def _pass(self, codes, candidates, bits, target, inside):
        """Visits every place (and slot) once, a lattice of them at a time."""
        rows, columns = tf.shape(codes)[1], tf.shape(codes)[2]
        row_phase = (tf.range(rows) % _SPACING)[:, None, None]
        column_phase = (tf.range(columns) % _SPACING)[:, None]

        def visit(number, codes):
            phase, slot = number % _SPACING**2, number // _SPACING**2
            here = (
                (row_phase == phase // _SPACING)
                & (column_phase == phase % _SPACING)
                & (tf.range(self._slots) == slot)
            )

            def attempt(rank, best, chosen):
                new = candidates[..., rank]
                cost = self._error(tf.where(here, new, codes), target, inside) + bits[..., rank]
                better = here & (cost < best)
                return rank + 1, tf.where(better, cost, best), tf.where(better, new, chosen)

            # The current code is always one of the candidates.
            none = tf.fill(tf.shape(codes), float("inf"))
            _, _, codes = tf.while_loop(
                lambda rank, *_: rank < self._candidates, attempt, (0, none, codes)
            )
            return number + 1, codes

        visits = _SPACING**2 * self._slots
        return tf.while_loop(lambda number, _: number < visits, visit, (0, codes))[1]

    def _error(self, codes, target, inside):
        """Squared error of the pixels around every place, `[batch, rows, columns, 1]`."""
        stride = self._model.config.stride
        decoded = tf.cast(self._model.decode(codes), tf.float32)
        error = tf.reduce_sum(tf.square(target - decoded) * inside, axis=-1, keepdims=True)
        error = tf.nn.avg_pool2d(error, stride, stride, "VALID") * stride**2
        side = 2 * _RADIUS + 1
        edges = [[0, 0], [_RADIUS, _RADIUS], [_RADIUS, _RADIUS], [0, 0]]
        return tf.nn.avg_pool2d(tf.pad(error, edges), side, 1, "VALID") * side**2
