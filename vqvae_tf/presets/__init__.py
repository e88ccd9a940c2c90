"""Configurations by name, a file for each medium."""

from vqvae_tf.presets.registry import PRESETS, preset

__all__ = ["PRESETS", "preset"]
