"""Quantizers in a row, each of what the ones before it left over."""

import itertools
import math

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.errors import UserError
from vqvae_tf.layers import composite_quantizer, estimators, grid_quantizer, quantizer

DROPPED = -1  # the code of a stage that quantizer dropout leaves out


@keras.saving.register_keras_serializable("vqvae_tf")
class ResidualQuantizer(composite_quantizer.CompositeQuantizer):
    """Replaces each vector by a sum of codes, the q-th nearest to what the first q - 1 leave.

        r_1 = z,   r_(q+1) = r_q - sg(e_q),   output = e_1 + ... + e_Q

    (residual vector quantization; SoundStream, arXiv:2107.03312). The residual is detached from
    the codes, so that every stage's commitment loss reaches the encoder, and the estimator is
    applied once, to the sum, so that the decoder's gradient comes through once. Losses are the
    sums of the stages' own.

    Stages of `FiniteScalarQuantizer` or `LookupFreeQuantizer` have fixed codes, so this layer sets
    their scales. The first stage is what it is alone, and r_1 is z after the bound of that stage;
    the gradient includes the bound. Each later stage has the scale of the largest residual that
    the stage before it leaves, so a stage of L levels divides the residual by L, and a stage of
    signs by 2. Stages with fixed codes come first; stages with a codebook may follow.

    Args:
        quantizers: the stages, any quantizers whose output is trained by their losses alone; their
            own estimators do not matter but where they draw codes. A `ProjectedQuantizer` goes
            around the row, not into it, and so does a `GroupedQuantizer` with fixed codes.
        dropout: in training every example uses only its first n stages, n uniform in 1 to all, so
            that fewer stages make a usable code of fewer bits (SoundStream's quantizer dropout).
            The draws depend on `seed`, the step and the example's number among those of all
            replicas. A stage that is left out has the code -1, which `decode` takes as no code and
            `vqvae_tf.metrics` do not count; `encode` and inference have none.
        estimator: "straight_through" or "rotation", of the whole.
        seed: of the dropout; None draws one here, which the configuration keeps.
        return_codes: `call` returns `(vectors, codes)`.

    Call arguments:
        num_stages: use only the first `num_stages` stages; the codes' last axis has this length.

    Attributes:
        codebook: `[stages, num_embeddings, dim]` where all stages have as many codes.

    >>> import numpy as np
    >>> from vqvae_tf.layers import VectorQuantizerEMA
    >>> layer = ResidualQuantizer([VectorQuantizerEMA(16) for _ in range(3)])
    >>> x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    >>> layer(x).shape, layer.encode(x).shape, layer.encode(x, num_stages=2).shape
    (TensorShape([2, 5, 4]), TensorShape([2, 5, 3]), TensorShape([2, 5, 2]))
    """

    def __init__(
        self,
        quantizers,
        *,
        dropout: bool = False,
        estimator="straight_through",
        seed: int | None = 0,
        return_codes: bool = False,
        **kwargs,
    ):
        super().__init__(quantizers, return_codes=return_codes, **kwargs)
        self.estimator = estimators.get(estimator)
        if self.estimator.draws:
            raise UserError(
                f"estimator must be straight_through or rotation; {type(self.estimator).__name__} "
                "draws codes, which is up to the stages: give it to them"
            )
        for inner in self.quantizers:
            if inner.output_is_trained:
                raise UserError(
                    f"a stage's output must be trained by its losses alone, which that of "
                    f"{type(inner).__name__} is not; put it around the ResidualQuantizer"
                )
        for number in range(len(self.quantizers)):
            self._check_scale(number)
        fixed = [each for each in self.quantizers if _has_fixed_codes(each)]
        cells = math.prod(int(np.max(each._cells)) for each in fixed)
        if cells > grid_quantizer.MOST_CELLS:
            raise UserError(
                f"the stages of {self.name} divide a channel into {cells} cells, more than the "
                f"{grid_quantizer.MOST_CELLS} that float32 can distinguish; use fewer stages"
            )
        self.dropout = arguments.flag("dropout", dropout)
        self.seed = quantizer.seed_or_drawn(seed)

    def _check_scale(self, number):
        """Refuses a stage of fixed codes whose scale cannot be set."""
        inner, before = self.quantizers[number], self.quantizers[number - 1]
        kind, where = type(inner).__name__, f"stage {number + 1} of {self.name}"
        if not any(map(_has_fixed_codes, inner._flatten_layers())):
            return
        if not _has_fixed_codes(inner):
            raise UserError(
                f"{where} is a {kind} that holds quantizers with fixed codes, whose scale must "
                f"change from stage to stage; put the {kind} around a ResidualQuantizer of them"
            )
        if number and not _has_fixed_codes(before):
            raise UserError(
                f"{where} is a {kind}, whose codes are fixed, but the residuals of "
                f"{type(before).__name__} before it have no known scale; put {kind} first"
            )

    @property
    def num_stages(self):
        return len(self.quantizers)

    @property
    def _least_codes(self):
        first, *others = self.quantizers
        dropped = sum(each._num_codes for each in others)
        return (*first._least_codes, *(-self.dropout,) * dropped)

    @property
    def _code_widths(self):
        return tuple(itertools.accumulate(each._num_codes for each in self.quantizers))

    def build(self, input_shape):
        for number, inner in enumerate(self.quantizers, 1):
            if _has_fixed_codes(inner):
                if inner._is_stage:
                    raise UserError(
                        f"stage {number} of {self.name} is a stage of another ResidualQuantizer, "
                        f"whose scale it has; make another {type(inner).__name__}"
                    )
                inner._is_stage = True
        self._build_inner(input_shape)
        for before, inner in itertools.pairwise(self.quantizers):
            if _has_fixed_codes(inner):
                inner._refine(before._step)
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int32", trainable=False
        )

    def _quantize(self, vectors, valid, mode):
        stages = self.quantizers[: mode.num_stages]
        used = None
        if self.dropout and mode.training and len(stages) > 1:
            used = self._stages_by_row(vectors, mode, len(stages))
            self.step.assign(self.step + 1)
        bounded = self._bounded(vectors)
        residual, total, outputs = bounded, 0.0, []
        for number, inner in enumerate(stages):
            here = valid
            if used is not None and number:
                here = used > number if valid is None else valid & (used > number)
            given = residual if number else vectors
            output = inner._quantize(given, here, mode._replace(num_stages=None))
            stage_vectors = ops.stop_gradient(output.vectors)
            if here is not None:
                stage_vectors = ops.where(here[:, None], stage_vectors, 0.0)
                codes = composite_quantizer.as_columns(output.codes)
                output = output._replace(codes=ops.where(here[:, None], codes, DROPPED))
            residual = residual - stage_vectors
            total = total + stage_vectors
            outputs.append(output)
        codes = composite_quantizer.join_codes(outputs)
        if _has_fixed_codes(self.quantizers[0]):
            total = self._decode(codes)  # sums whole numbers, which no compiler rounds differently
        return quantizer.Quantized(
            self.estimator(bounded, total), codes, composite_quantizer.add_losses(outputs)
        )

    def _stages_by_row(self, vectors, mode, number):
        """How many stages each row uses, `[n]`: the same for all rows of an example."""
        samples = ops.convert_to_tensor(mode.samples)
        before, _ = backend.rows_before(samples)
        noise = backend.uniform_rows(self.seed, self.step.value, before, mode.samples)
        used = 1 + ops.cast(noise[:, 0] * number, "int32")
        rows = ops.shape(vectors)[0]
        example = ops.arange(rows) * mode.samples // ops.maximum(rows, 1)
        return ops.take(used, example, axis=0)

    def _bounded(self, vectors):
        """What the sum of the stages approximates: `vectors` after the first stage's bound."""
        first = self.quantizers[0]
        return first._bounded(vectors) if _has_fixed_codes(first) else vectors

    def _encode(self, vectors, num_stages=None):
        residual, columns = self._bounded(vectors), []
        for number, inner in enumerate(self.quantizers[:num_stages]):
            codes = inner._encode(residual if number else vectors)
            residual = residual - inner._decode(codes)
            columns.append(composite_quantizer.as_columns(codes))
        return ops.concatenate(columns, axis=1)

    def _decode(self, codes):
        total, steps, start = 0.0, 0, 0
        for inner in self.quantizers:
            width = inner._num_codes
            if start + width > codes.shape[-1]:
                break
            stage_codes = composite_quantizer.columns(codes, start, width)
            kept = codes[..., start : start + 1] >= 0 if start and self.dropout else None
            if _has_fixed_codes(inner):
                steps = steps * inner._cells + _where_kept(kept, inner._steps, stage_codes)
                total = inner._at(steps)
            else:
                total = total + _where_kept(kept, inner._decode, stage_codes)
            start += width
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "estimator": estimators.serialize(self.estimator),
            "seed": self.seed,
        }


def _has_fixed_codes(layer):
    return isinstance(layer, grid_quantizer.GridQuantizer)


def _where_kept(kept, look_up, codes):
    """`look_up(codes)`, and zeros where `kept`, `[..., 1]` or None for all, is false."""
    if kept is None:
        return look_up(codes)
    return ops.where(kept, look_up(ops.maximum(codes, 0)), 0)
