"""The contract of all quantizers: vectors in, the vectors of a finite set and their codes out."""

import abc
from typing import Any, NamedTuple

import keras
from keras import ops

from vqvae_tf.layers.backend import active as backend


class Quantized(NamedTuple):
    """What a quantizer makes of a tensor of vectors.

    Attributes:
        vectors: `[..., dim]`, the codes' vectors, with the estimator's gradient to the input.
        codes: `[...]` int32 (composite quantizers: one more axis); 0 where masked.
        losses: name -> scalar, already weighted: their sum is the loss.
    """

    vectors: Any
    codes: Any
    losses: dict[str, Any]


class Quantizer(keras.layers.Layer):
    """Base of all quantizers.

    A quantizer replaces every vector along the last axis of its input by one of a finite set:
    `[batch, 8, 8, 64]` is looked up as `batch * 64` vectors of 64 numbers.

    During training, `call` adds the quantizer's losses by `add_loss`, so that plain
    `compile`/`fit` trains it, under a `tf.distribute` strategy as well. Models that sum losses
    themselves call `quantize`, which returns them by name and adds none.

    At inference nothing is written, and `decode(encode(x))` equals `call(x)` bit for bit.

    Searches, statistics and losses are float32 under every dtype policy, so that the same
    input has the same codes; only the vectors handed out have the layer's compute dtype.

    Args:
        return_codes: `call` returns `(vectors, codes)` instead of `vectors`.

    Call arguments:
        inputs: `[batch, ..., dim]`, rank 2 to 5.
        mask: boolean `[batch, ...]`; positions where it is false train nothing and count
            nothing, and get the zero vector and code 0. Keras's own mask is honoured.
        training: whether codebooks and their statistics move.

    Attributes:
        loss_names: the names in `Quantized.losses`.
    """

    loss_names: tuple[str, ...]  # of `Quantized.losses`

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls, *args, **kwargs)
        # Keras 3 hangs a wrapper for its int8 weights on every instance under this name.
        layer.__dict__.pop("quantize", None)
        return layer

    def __init__(self, *, return_codes: bool = False, **kwargs):
        # autocast=False: a float32 input must not lose bits on entry under a mixed policy.
        super().__init__(autocast=False, **kwargs)
        self.return_codes = return_codes
        self.supports_masking = True
        if keras.backend.backend() == "tensorflow":
            # Past Keras's attribute tracking, which would wrap it as a plain list.
            object.__setattr__(self, "_losses", _LossesByReplica())

    @abc.abstractmethod
    def _quantize(self, vectors, valid, training: bool) -> Quantized:
        """Quantizes float32 `vectors` `[n, dim]`; `valid` is boolean `[n]` or None for all."""

    @abc.abstractmethod
    def _encode(self, vectors):
        """Codes `[n]` (or `[n, stages]`) of float32 `vectors` `[n, dim]`."""

    @abc.abstractmethod
    def decode(self, codes):
        """Vectors `[..., dim]` of `codes`, in the compute dtype."""

    def encode(self, inputs):
        """Codes of the nearest vectors: `[..., dim]` -> int32 `[...]`; writes nothing."""
        inputs = self._prepare(inputs)
        codes = self._encode(_flatten(inputs))
        return ops.reshape(codes, (*_leading(inputs), *codes.shape[1:]))

    def quantize(self, inputs, training: bool = False, mask=None, **keras_mode) -> Quantized:
        """Vectors, codes and losses of `inputs` as a `Quantized`, without `add_loss`."""
        if keras_mode:  # model.quantize("int8") asks every layer, and warns where it gets this
            raise NotImplementedError(f"{self.name} has no form with weights of {inputs}")
        inputs = self._prepare(inputs)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            if not _same_shape(mask.shape, inputs.shape[:-1]):
                raise ValueError(
                    f"mask must have the input's shape but the last axis, "
                    f"{tuple(inputs.shape[:-1])}; received {tuple(mask.shape)}"
                )
        valid = None if mask is None else ops.reshape(mask, (-1,))
        vectors = _flatten(inputs)
        if valid is not None:  # before any arithmetic: a masked NaN is nobody's concern
            vectors = ops.where(valid[:, None], vectors, 0.0)
        flat = self._quantize(vectors, valid, bool(training))
        quantized, codes = flat.vectors, flat.codes
        if valid is not None:
            quantized = ops.where(valid[:, None], quantized, 0.0)
            codes = ops.where(ops.reshape(valid, (-1,) + (1,) * (len(codes.shape) - 1)), codes, 0)
        return Quantized(
            ops.cast(ops.reshape(quantized, ops.shape(inputs)), self.compute_dtype),
            ops.reshape(codes, (*_leading(inputs), *codes.shape[1:])),
            flat.losses,
        )

    def call(self, inputs, mask=None, training: bool = False):
        output = self.quantize(inputs, training=training, mask=mask)
        for loss in output.losses.values():
            self.add_loss(loss)
        return (output.vectors, output.codes) if self.return_codes else output.vectors

    def compute_mask(self, inputs, previous_mask):
        return (previous_mask, previous_mask) if self.return_codes else previous_mask

    def compute_output_spec(self, inputs, mask=None, training: bool = False):
        vectors = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not self.return_codes:
            return vectors
        return vectors, keras.KerasTensor(self._codes_shape(inputs.shape), dtype="int32")

    def compute_output_shape(self, input_shape):
        if not self.return_codes:
            return tuple(input_shape)
        return tuple(input_shape), self._codes_shape(input_shape)

    def _codes_shape(self, input_shape):
        return tuple(input_shape[:-1])

    def get_config(self):
        return {**super().get_config(), "return_codes": self.return_codes}

    def _prepare(self, inputs):
        """Checks the shape, builds the layer where it is not built, and casts to float32."""
        inputs = ops.convert_to_tensor(inputs)
        if not 2 <= len(inputs.shape) <= 5:
            raise ValueError(
                f"{self.name} takes inputs of rank 2 to 5, [batch, ..., dim]; received shape "
                f"{tuple(inputs.shape)}"
            )
        if not self.built:
            self.build(inputs.shape)
        return ops.cast(inputs, "float32")


class _LossesByReplica:
    """Stands in for a layer's list of losses with one list per replica.

    Replicas are threads of one process that take turns at every exchange between them. With
    Keras's one list for all, a loss added before the exchange is cleared by the next replica
    and one added after it is counted by all (`tests/layers/test_replicas.py` shows both). Keras
    touches the list in the three ways below and no other.
    """

    def __init__(self):
        self._lists = {}

    def _own(self) -> list:
        return self._lists.setdefault(backend.replica_key(), [])

    def extend(self, losses):
        self._own().extend(losses)

    def __getitem__(self, index):
        return self._own()[index]

    def clear(self):
        self._own().clear()

    def __deepcopy__(self, memo):
        return _LossesByReplica()

    def __reduce__(self):
        return (_LossesByReplica, ())


def _leading(inputs) -> tuple:
    """All dimensions but the last, static where known."""
    return tuple(ops.shape(inputs)[:-1])


def _flatten(inputs):
    return ops.reshape(inputs, (-1, inputs.shape[-1]))


def _same_shape(a, b) -> bool:
    """Whether two shapes may be the same; unknown sizes may be anything."""
    return len(a) == len(b) and all(
        x is None or y is None or x == y for x, y in zip(a, b, strict=True)
    )
