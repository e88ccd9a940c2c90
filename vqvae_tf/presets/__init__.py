"""Configurations by name, one file per medium; nothing here imports TensorFlow."""

from vqvae_tf.presets.registry import AUTOENCODERS, PRESETS, PRIORS, preset

__all__ = ["AUTOENCODERS", "PRESETS", "PRIORS", "preset"]
