"""The base class of quantizers made of quantizers: codes on one more axis, losses added."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from vqvae_tf.errors import UserError
from vqvae_tf.layers import quantizer


class CompositeQuantizer(quantizer.Quantizer):
    """Base of the quantizers that contain other quantizers.

    Codes have one more axis, with an entry for each stage or group (if an inner quantizer is
    composite, for each of its stages or groups). Losses with the same name are added.

    Args:
        quantizers: the inner quantizers; no layer may appear twice.
        return_codes: `call` returns `(vectors, codes)`.

    Attributes:
        quantizers: the inner layers.
    """

    def __init__(self, quantizers, *, return_codes: bool = False, **kwargs):
        super().__init__(return_codes=return_codes, **kwargs)
        layers = [quantizer.as_quantizer(each, self.name) for each in listed(quantizers)]
        if not layers:
            raise UserError(f"{self.name} needs at least one quantizer; received none")
        if len({id(each) for each in layers}) < len(layers):
            raise UserError(f"{self.name} was given one quantizer twice; make one for each place")
        self.quantizers: list[Any] = layers  # most have a `codebook`, not all

    def _build_inner(self, input_shape):
        for each in self.quantizers:
            if not each.built:  # they are built already if they were loaded from a file
                each.build(input_shape)

    @property
    def code_sizes(self):
        return tuple(size for each in self.quantizers for size in each.code_sizes)

    @property
    def _num_codes(self):
        return sum(each._num_codes for each in self.quantizers)

    @property
    def _least_codes(self):
        return tuple(least for each in self.quantizers for least in each._least_codes)

    @property
    def _code_widths(self):
        return (self._num_codes,)

    @property
    def loss_names(self):
        return tuple(dict.fromkeys(name for each in self.quantizers for name in each.loss_names))

    @property
    def output_is_trained(self):
        return any(each.output_is_trained for each in self.quantizers)

    @property
    def codebook(self):
        codebooks = [ops.convert_to_tensor(each.codebook)[None] for each in self.quantizers]
        shapes = sorted({tuple(each.shape[1:]) for each in codebooks})
        if len(shapes) > 1:
            raise UserError(
                f"{self.name} has codebooks of different shapes, {shapes}; take each from one of "
                "its quantizers"
            )
        return ops.concatenate(codebooks)

    def _codes_shape(self, input_shape, num_stages=None):
        width = self._num_codes
        if num_stages is not None:
            width = sum(each._num_codes for each in self.quantizers[:num_stages])
        return (*input_shape[:-1], width)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizers": [keras.saving.serialize_keras_object(each) for each in self.quantizers],
        }


def listed(quantizers):
    """`quantizers` as a list; UserError if it is not an iterable of quantizers."""
    if isinstance(quantizers, (str, dict)) or not isinstance(quantizers, Iterable):
        raise UserError(f"quantizers must be a list of quantizers; received {quantizers!r}")
    return list(quantizers)


def as_columns(codes):
    """Codes `[n]` or `[n, m]` as `[n, m]`."""
    return codes[:, None] if len(codes.shape) == 1 else codes


def columns(codes, start, width):
    """The codes `[..., width]` of an inner quantizer, or `[...]` if it has one code per vector."""
    return codes[..., start] if width == 1 else codes[..., start : start + width]


def join_codes(outputs):
    """Codes of several `Quantized`, joined along the last axis."""
    return ops.concatenate([as_columns(output.codes) for output in outputs], axis=1)


def add_losses(outputs):
    """Losses of several `Quantized`; those with the same name are added."""
    losses: dict = {}
    for output in outputs:
        for name, loss in output.losses.items():
            losses[name] = losses[name] + loss if name in losses else loss
    return losses
