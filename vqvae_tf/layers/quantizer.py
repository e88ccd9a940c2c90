"""The base class of all quantizers, which map vectors to those of a finite set and their codes."""

import abc
import math
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
from absl import logging
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.backend import active as backend
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.layers import checks, code_lookup, foreign_arguments
from vqvae_tf.layers.losses_by_replica import LossesByReplica

_KERAS_TRAINABLE: Any = keras.layers.Layer.trainable  # a property, which `Quantizer` overrides


class Quantized(NamedTuple):
    """The output of a quantizer for a tensor of vectors.

    Attributes:
        vectors: `[..., dim]`, the codes' vectors, with the estimator's gradient to the input.
        codes: `[...]` int32 (composite quantizers: one more axis); 0 where masked.
        losses: name -> scalar, already weighted: their sum is the loss.
    """

    vectors: Any
    codes: Any
    losses: dict[str, Any]


class Mode(NamedTuple):
    """Options of a call; composite quantizers pass them to the inner quantizers.

    Attributes:
        training: whether codes may be drawn and stages dropped.
        update: whether codebooks and their statistics move.
        samples: number of examples in the batch, a scalar; the rows of an example are contiguous.
        num_stages: stages of a `ResidualQuantizer` to use; None for all of them.
    """

    training: bool
    update: bool
    samples: Any
    num_stages: int | None = None


class Quantizer(keras.layers.Layer):
    """Base of all quantizers.

    A quantizer replaces every vector along the last axis of its input by one of a finite set:
    `[batch, 8, 8, 64]` is looked up as `batch * 64` vectors of 64 numbers.

    During training, `call` adds the quantizer's losses by `add_loss`, so that plain
    `compile`/`fit` trains it, under a `tf.distribute` strategy as well. Models that sum losses
    themselves call `quantize`, which returns them by name and does not call `add_loss`.

    At inference nothing is written, and `decode(encode(x))` equals `call(x)` bit for bit.

    Searches, statistics and losses are float32 under every dtype policy, so that the same
    input has the same codes. Only the returned vectors have the layer's compute dtype.

    Args:
        return_codes: `call` returns `(vectors, codes)` instead of `vectors`.

    Call arguments:
        inputs: `[batch, ..., dim]`, rank 2 to 5.
        mask: boolean `[batch, ...]`. Positions where it is false are excluded from training and
            statistics; their output is the zero vector and code 0. Keras's mask is used too.
        training: whether codebooks and their statistics move.
        freeze_codebook: whether codebooks stay fixed in this call; everything else is trained.
        num_stages: how many stages of a `ResidualQuantizer` are used; None for all.

    Attributes:
        code_sizes: how many values each code of a position may take: `(512,)`, or for a
            composite quantizer one number for each entry of the codes' last axis.
    """

    # Attributes that `build` makes, for the message of who reads them before.
    _made_by_build: tuple[str, ...] = ("codebook",)
    _traced_trainable: bool | None = None  # `trainable` when a training step was last compiled

    def __new__(cls, *args, **kwargs):
        # Not in __init__, since a required argument may be the misnamed one.
        arguments.refuse_misnamed(cls, kwargs, foreign_arguments.ANSWERS)
        layer = super().__new__(cls, *args, **kwargs)
        # Keras 3 sets a wrapper for int8 weights on every instance under this name.
        layer.__dict__.pop("quantize", None)
        return layer

    def __init__(self, *, return_codes: bool = False, **kwargs):
        # autocast=False: under a mixed policy Keras would round a float32 input.
        super().__init__(autocast=False, **kwargs)
        self.return_codes = arguments.flag("return_codes", return_codes)
        self.supports_masking = True
        if keras.backend.backend() == "tensorflow":
            # Bypasses Keras's attribute tracking, which would wrap it as a plain list.
            object.__setattr__(self, "_losses", LossesByReplica())

    if not TYPE_CHECKING:  # or mypy would take every attribute for known

        def __getattr__(self, name):
            if name in self._made_by_build and not self.built:
                raise checks.NotBuiltError(self.name, name)
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def trainable(self):
        """Whether the codebook moves. As with every Keras layer, `fit` uses the value at `compile`.

        A compiled step keeps the value that it was compiled with; setting another value then logs
        a warning. An eager call uses the new value at once.
        """
        return super().trainable

    @trainable.setter
    def trainable(self, value):
        if self._traced_trainable not in (None, bool(value)):
            logging.warning(
                "%s.trainable is now %s, but a training step was compiled with %s and still uses "
                "it: call compile() before the next fit",
                self.name,
                bool(value),
                self._traced_trainable,
            )
        _KERAS_TRAINABLE.fset(self, value)

    @property
    @abc.abstractmethod
    def code_sizes(self) -> tuple[int, ...]:
        """How many values each code of a position may take."""

    @property
    @abc.abstractmethod
    def loss_names(self) -> tuple[str, ...]:
        """The names in `Quantized.losses`."""

    @property
    def num_stages(self) -> int | None:
        """Number of stages of a `ResidualQuantizer` (this layer or the inner one), or None."""
        return None

    @property
    def output_is_trained(self) -> bool:
        """Whether the decoder's gradient trains weights of the layer."""
        return False

    @property
    def bits_per_vector(self) -> float:
        """Bits per vector with fixed-length codes: the sum of log2 of `code_sizes`."""
        return sum(math.log2(size) for size in self.code_sizes)

    @abc.abstractmethod
    def _quantize(self, vectors, valid, mode: Mode) -> Quantized:
        """Quantizes float32 `vectors` `[n, dim]`; `valid` is boolean `[n]` or None for all."""

    @abc.abstractmethod
    def _encode(self, vectors, num_stages: int | None = None):
        """Codes `[n]` (or `[n, stages]`) of float32 `vectors` `[n, dim]`."""

    @abc.abstractmethod
    def _decode(self, codes):
        """float32 vectors `[..., dim]` of int32 codes `[...]` (or `[..., stages]`)."""

    def __call__(self, inputs, *args, **kwargs):
        # Not in `call`, before which Keras would convert the inputs.
        inputs = checks.checked_vectors(self.name, inputs)
        # Keras would make tensors of NumPy's scalars, whose values are unknown during tracing.
        kwargs = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in kwargs.items()
        }
        return super().__call__(inputs, *args, **kwargs)

    def encode(self, inputs, num_stages: int | None = None):
        """Codes of the nearest vectors: `[..., dim]` -> int32 `[...]`; writes nothing."""
        num_stages = self._checked_stages(num_stages)
        inputs = self._prepare(inputs)
        codes = self._encode(_flatten(inputs), num_stages)
        return ops.reshape(codes, (*_leading(inputs), *codes.shape[1:]))

    def decode(self, codes):
        """Vectors `[..., dim]` of `codes`, in the compute dtype.

        For a symbolic input of a functional model it returns the output of a `CodeLookup` layer.

        Args:
            codes: integers, `[...]` or, for a composite quantizer, `[..., len(code_sizes)]`; a
                `ResidualQuantizer` also takes the codes of its first stages only.

        Raises:
            UserError: if the layer has not been built, for codes that are not integers, and for a
                code out of range. In a compiled function the range is not checked.
        """
        if not self.built:
            raise checks.NotBuiltError(self.name, "codebook")
        codes = checks.checked_codes(
            self.name, codes, self._code_widths, self.code_sizes, self._least_codes
        )
        if isinstance(codes, keras.KerasTensor):
            return code_lookup.CodeLookup(self)(codes)
        return ops.cast(self._decode(codes), self.compute_dtype)

    def quantize(  # type: ignore[override]
        self,
        inputs,
        training: bool = False,
        mask=None,
        freeze_codebook: bool = False,
        num_stages: int | None = None,
        **keras_mode,
    ) -> Quantized:
        """Vectors, codes and losses of `inputs` as a `Quantized`, without `add_loss`."""
        if keras_mode:  # model.quantize("int8") calls every layer, and warns if it gets this error
            raise NotImplementedError(f"{self.name} has no form with weights of {inputs}")
        num_stages = self._checked_stages(num_stages)
        inputs = self._prepare(inputs)
        if mask is not None:
            mask = ops.cast(checks.checked_mask(mask, tuple(inputs.shape[:-1])), "bool")
        valid = None if mask is None else ops.reshape(mask, (-1,))
        vectors = _flatten(inputs)
        if valid is not None:  # before any arithmetic, so that masked NaNs have no effect
            vectors = ops.where(valid[:, None], vectors, 0.0)
        training = training is not None and arguments.flag("training", training)
        freeze_codebook = arguments.flag("freeze_codebook", freeze_codebook)
        if training and not backend.is_concrete(inputs):
            self._traced_trainable = self.trainable
        mode = Mode(training, training and not freeze_codebook, ops.shape(inputs)[0], num_stages)
        flat = self._quantize(vectors, valid, mode)
        quantized, codes = flat.vectors, flat.codes
        if valid is not None:
            quantized = ops.where(valid[:, None], quantized, 0.0)
            codes = ops.where(ops.reshape(valid, (-1,) + (1,) * (len(codes.shape) - 1)), codes, 0)
        return Quantized(
            ops.cast(ops.reshape(quantized, ops.shape(inputs)), self.compute_dtype),
            ops.reshape(codes, (*_leading(inputs), *codes.shape[1:])),
            flat.losses,
        )

    def call(
        self,
        inputs,
        mask=None,
        training: bool = False,
        freeze_codebook: bool = False,
        num_stages: int | None = None,
    ):
        output = self.quantize(
            inputs,
            training=training,
            mask=mask,
            freeze_codebook=freeze_codebook,
            num_stages=num_stages,
        )
        for loss in output.losses.values():
            # Keras adds it to the losses of `compile`, which have the default dtype.
            self.add_loss(ops.cast(loss, keras.config.floatx()))
        return (output.vectors, output.codes) if self.return_codes else output.vectors

    def compute_mask(self, inputs, previous_mask):
        return (previous_mask, previous_mask) if self.return_codes else previous_mask

    def compute_output_spec(
        self, inputs, mask=None, training=False, freeze_codebook=False, num_stages=None
    ):
        num_stages = self._checked_stages(num_stages)
        vectors = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not self.return_codes:
            return vectors
        shape = self._codes_shape(inputs.shape, num_stages)
        return vectors, keras.KerasTensor(shape, dtype="int32")

    def compute_output_shape(self, input_shape):
        if not self.return_codes:
            return tuple(input_shape)
        return tuple(input_shape), self._codes_shape(input_shape)

    def _codes_shape(self, input_shape, num_stages=None):
        """Shape of the codes; composite quantizers add an axis."""
        return tuple(input_shape[:-1])

    def get_config(self):
        return {**super().get_config(), "return_codes": self.return_codes}

    def _checked_stages(self, num_stages):
        if num_stages is None:
            return None
        if self.num_stages is None:
            raise UserError(f"{self.name} has no stages; leave num_stages={num_stages} out")
        num_stages = arguments.whole("num_stages", num_stages)
        if not 1 <= num_stages <= self.num_stages:
            raise UserError(f"num_stages must lie in 1 to {self.num_stages}; received {num_stages}")
        return num_stages

    @property
    def _num_codes(self) -> int:
        """Codes per vector: the length of `code_sizes`, which may be unknown before `build`."""
        return 1

    @property
    def _least_codes(self) -> tuple[int, ...]:
        """The least value of each code of a position: -1 if it may mark a dropped stage, else 0."""
        return (0,) * self._num_codes

    @property
    def _code_widths(self) -> tuple[int, ...] | None:
        """Allowed lengths of the codes' last axis; None if codes have no axis of their own."""
        return None

    def _vectors_shape(self, codes_shape):
        """The shape of the vectors of codes of this shape."""
        leading = codes_shape if self._code_widths is None else codes_shape[:-1]
        return (*leading, self.get_build_config()["input_shape"][-1])

    def _prepare(self, inputs):
        """Checks the shape, builds the layer if it is not built, and casts to float32."""
        if isinstance(inputs, keras.KerasTensor):
            raise UserError(
                f"{self.name} cannot encode a symbolic input of a functional model; construct it "
                "with return_codes=True, and calling it returns (vectors, codes)"
            )
        inputs = ops.convert_to_tensor(checks.checked_vectors(self.name, inputs))
        if not self.built:
            self.build(inputs.shape)
        dim = self.get_build_config()["input_shape"][-1]
        if inputs.shape[-1] != dim:
            raise UserError(
                f"{self.name} was built for vectors of {dim} numbers, [batch, ..., {dim}]; "
                f"received shape {tuple(inputs.shape)}"
            )
        return ops.cast(inputs, "float32")


def seed_or_drawn(seed) -> int:
    """The seed as a Python int, checked; None draws one from Python's generator, as Keras does."""
    if seed is not None:
        return arguments.whole("seed", seed, 0, limits.LARGEST_SEED)
    if backend.num_workers() > 1:
        raise UserError(
            "seed=None would draw a different seed in each worker of the cluster; give a number"
        )
    return random.randrange(2**31)


def as_quantizer(given, name: str) -> Quantizer:
    """Returns the quantizer `given`, which may also be the configuration of one.

    Args:
        name: of the layer that takes it, for the message.

    Raises:
        UserError: for anything else.
    """
    if isinstance(given, dict):
        given = keras.saving.deserialize_keras_object(given)
    if not isinstance(given, Quantizer):
        raise UserError(f"{name} takes quantizers; received {given!r}")
    return given


def _leading(inputs) -> tuple:
    """All dimensions but the last, static where known."""
    return tuple(ops.shape(inputs)[:-1])


def _flatten(inputs):
    return ops.reshape(inputs, (-1, inputs.shape[-1]))
