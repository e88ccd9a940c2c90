"""Pixels as networks take and return them, and pictures of sizes that strides don't divide."""

import tensorflow as tf

from vqvae_tf import likelihoods
from vqvae_tf.config.pixels import PixelModelConfig


def pixels_of(pictures):
    """uint8 pictures as networks take them: float32 in [-0.5, 0.5]."""
    return tf.cast(pictures, tf.float32) / 255.0 - 0.5


def to_uint8(pixels):
    """Float pixels in [-0.5, 0.5] as uint8, rounded."""
    return tf.cast(tf.round((pixels + 0.5) * 255.0), tf.uint8)


def make_likelihood(config: PixelModelConfig) -> likelihoods.Likelihood:
    """The likelihood of a configuration, not built yet."""
    if config.likelihood == "logistic_mixture":
        return likelihoods.LogisticMixture(config.mixture_components, name="likelihood")
    if config.likelihood == "categorical":
        return likelihoods.Categorical(name="likelihood")
    scale = "learned" if config.likelihood == "normal_learned" else "fixed"
    return likelihoods.Normal(scale, config.data_variance, name="likelihood")


def cropped(padded, pictures):
    """The part of `padded` that has the height and width of `pictures`, `[..., H, W, channels]`."""
    sides = pictures.shape[-3:-1]
    if sides.is_fully_defined() and sides == padded.shape[-3:-1]:
        return padded
    size = tf.shape(pictures)
    return padded[..., : size[-3], : size[-2], :]


def pad_by_reflection(pictures, multiple):
    """Pads `[..., H, W, channels]` at the bottom and the right to sizes that `multiple` divides.

    It uses indices instead of `tf.pad`, which reflects at most the size of the picture less one.
    """
    for axis in (-3, -2):
        size = pictures.shape[axis]
        if size is not None and size % multiple == 0:
            continue
        size = tf.shape(pictures)[axis]
        period = tf.maximum(2 * (size - 1), 1)
        place = tf.range(-(-size // multiple) * multiple) % period
        mirrored = (size - 1) - tf.abs(size - 1 - place)
        pictures = tf.gather(pictures, mirrored, axis=pictures.shape.rank + axis)
    return pictures
