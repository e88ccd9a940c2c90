"""The base class of all models of pictures."""

import abc
from typing import Any

import tensorflow as tf

from vqvae_tf import likelihoods
from vqvae_tf.config.image import ImageModelConfig
from vqvae_tf.models import autoencoder, checks, methods_layer
from vqvae_tf.summaries import Summaries


class ImageModel(autoencoder.Autoencoder):
    """A model that encodes pictures as codes and decodes codes to pictures.

    Pictures are uint8 `[batch, height, width, channels]` of any size. Sizes that the strides don't
    divide are padded by reflection at the bottom and the right; `reconstruct` crops the result.
    Codes are int32 `[batch, ceil(height / stride), ceil(width / stride)]`, with one more axis
    if there are several per place.

    The abstract methods of a family define its networks and its quantization.
    """

    data_key = "image"
    grid_rank = 2
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
        """Codes `[batch, height, width, slots]` of pixels whose size the strides divide."""

    @abc.abstractmethod
    def _outputs(self, codes):
        """Output of the decoder for codes with slots: the parameters of p(x|z)."""

    @property
    def conditions(self):
        return {}

    @property
    def data_taken(self):
        return checks.pictures(self.config.data.channels)

    @property
    def unused(self):
        return ("label",)

    def call(self, images, training: bool = False):
        """Reconstruction of uint8 pictures as float pixels in [-0.5, 0.5]."""
        outputs, losses, _ = self._forward(pixels_of(self._pad(images)), training)
        self._add_losses(losses)
        return self.likelihood.mean(_cropped(outputs, images))

    def decode(self, codes):
        """Decodes codes to uint8 pictures: the mean of p(x|z), rounded.

        It also takes a symbolic input of a functional model.
        """
        codes = self.codes_taken.check(codes)
        if methods_layer.is_symbolic(codes):
            return methods_layer.call(self, "decode", codes)
        return _to_uint8(self.likelihood.mean(self._outputs(codes)))

    def reconstruct(self, images):
        """`decode(encode(images))`, cropped to the size of the pictures.

        It also takes a symbolic input of a functional model.
        """
        images = self.data_taken.check(images)
        if methods_layer.is_symbolic(images):
            return methods_layer.call(self, "reconstruct", images)
        return _cropped(self.decode(self.encode(images)), images)

    def summaries(self, batch) -> Summaries:
        """Pictures next to their reconstructions, and a histogram of their codes."""
        images = self.check_batch(batch)["image"][:8]
        codes = self.encode(images)
        beside = tf.concat([images, _cropped(self.decode(codes), images)], axis=2)
        return Summaries(images={"reconstructions": beside}, histograms={"codes": codes})

    def _pad(self, data):
        return pad_by_reflection(data, self.config.stride)

    def _encode(self, data, conditions):
        return self._encode_pixels(pixels_of(data))

    def _loss_terms(self, batch, training):
        images = batch["image"]
        outputs, losses, codes = self._forward(pixels_of(self._pad(images)), training)
        outputs, pixels = _cropped(outputs, images), pixels_of(images)
        return self.likelihood.loss(outputs, pixels, training=training), losses, codes

    def _reconstruction_bits(self, batch, codes):
        images = batch["image"]
        checks.check_grid(codes, images, self.grid_rank, self.config.stride)
        return self.likelihood.bits(_cropped(self._outputs(codes), images), images)


def pixels_of(images):
    """uint8 pictures as networks take them: float32 in [-0.5, 0.5]."""
    return tf.cast(images, tf.float32) / 255.0 - 0.5


def make_likelihood(config: ImageModelConfig) -> likelihoods.Likelihood:
    """The likelihood of a configuration, not built yet."""
    if config.likelihood == "logistic_mixture":
        return likelihoods.LogisticMixture(config.mixture_components, name="likelihood")
    if config.likelihood == "categorical":
        return likelihoods.Categorical(name="likelihood")
    scale = "learned" if config.likelihood == "normal_learned" else "fixed"
    return likelihoods.Normal(scale, config.data_variance, name="likelihood")


def _to_uint8(pixels):
    return tf.cast(tf.round((pixels + 0.5) * 255.0), tf.uint8)


def _cropped(padded, images):
    """The part of `padded` that has the height and width of `images`."""
    sides = images.shape[1:3]
    if sides.is_fully_defined() and sides == padded.shape[1:3]:
        return padded
    size = tf.shape(images)
    return padded[:, : size[1], : size[2]]


def pad_by_reflection(images, multiple):
    """Pads pictures at the bottom and the right to sizes that `multiple` divides.

    It uses indices instead of `tf.pad`, which reflects at most the size of the picture less one.
    """
    for axis in (1, 2):
        size = images.shape[axis]
        if size is not None and size % multiple == 0:
            continue
        size = tf.shape(images)[axis]
        period = tf.maximum(2 * (size - 1), 1)
        place = tf.range(-(-size // multiple) * multiple) % period
        images = tf.gather(images, (size - 1) - tf.abs(size - 1 - place), axis=axis)
    return images
