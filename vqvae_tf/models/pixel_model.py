"""The base class of all models of pixels: of pictures and of videos."""

import abc
from typing import Any

import tensorflow as tf

from vqvae_tf import likelihoods
from vqvae_tf.models import autoencoder, checks, methods_layer
from vqvae_tf.models.pixels import cropped, pad_by_reflection, pixels_of, to_uint8
from vqvae_tf.summaries import Summaries


class PixelModel(autoencoder.Autoencoder):
    """A model that encodes uint8 data `[batch, ..., height, width, channels]` as codes and back.

    Heights and widths that the strides don't divide are padded by reflection at the bottom and the
    right; `reconstruct` crops the result.

    The abstract methods of a family define its data, its networks and its quantization.
    """

    likelihood: likelihoods.Likelihood  # made with the networks

    def _body(self):
        """Arguments that the config gives to all encoders and decoders."""
        return {
            "rank": 2,
            "residual_blocks": self.config.residual_blocks,
            "residual_width": self.config.residual_width,
            "dtype": self.config.training.precision,
        }

    @abc.abstractmethod
    def _forward(self, pixels, training) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """`(outputs, losses, codes)`: the decoder's output; losses by name, codes by prefix."""

    @abc.abstractmethod
    def _encode_pixels(self, pixels):
        """Codes `[batch, *grid, slots]` of pixels whose height and width the strides divide."""

    @abc.abstractmethod
    def _outputs(self, codes):
        """Output of the decoder for codes with slots: the parameters of p(x|z)."""

    @abc.abstractmethod
    def _shown(self, data) -> Any:
        """Pictures `[count, height, width, channels]` of some data, for the training log."""

    @property
    def conditions(self):
        return {}

    def call(self, data, training: bool = False):
        """Reconstruction of uint8 data as float pixels in [-0.5, 0.5]."""
        outputs, losses, _ = self._forward(pixels_of(self._pad(data)), training)
        self._add_losses(losses)
        return self.likelihood.mean(cropped(outputs, data))

    def decode(self, codes):
        """Decodes codes to uint8 data: the mean of p(x|z), rounded.

        It also takes a symbolic input of a functional model.
        """
        codes = self.codes_taken.check(codes)
        if methods_layer.is_symbolic(codes):
            return methods_layer.call(self, "decode", codes)
        return to_uint8(self.likelihood.mean(self._outputs(codes)))

    def reconstruct(self, data):
        """`decode(encode(data))`, cropped to the height and width of the data.

        It also takes a symbolic input of a functional model.
        """
        data = self.data_taken.check(data)
        if methods_layer.is_symbolic(data):
            return methods_layer.call(self, "reconstruct", data)
        return cropped(self.decode(self.encode(data)), data)

    def summaries(self, batch) -> Summaries:
        """Pictures next to their reconstructions, and a histogram of their codes."""
        data = self.check_batch(batch)[self.data_key][:8]
        codes = self.encode(data)
        beside = tf.concat([data, cropped(self.decode(codes), data)], axis=-2)
        return Summaries(
            images={"reconstructions": self._shown(beside)}, histograms={"codes": codes}
        )

    def _pad(self, data):
        return pad_by_reflection(data, self.config.stride)

    def _encode(self, data, conditions):
        return self._encode_pixels(pixels_of(data))

    def _loss_terms(self, batch, training):
        data = batch[self.data_key]
        outputs, losses, codes = self._forward(pixels_of(self._pad(data)), training)
        outputs, pixels = cropped(outputs, data), pixels_of(data)
        return self.likelihood.loss(outputs, pixels, training=training), losses, codes

    def _reconstruction_bits(self, batch, codes):
        data = batch[self.data_key]
        checks.check_grid(codes, data, self.strides)
        return self.likelihood.bits(cropped(self._outputs(codes), data), data)
