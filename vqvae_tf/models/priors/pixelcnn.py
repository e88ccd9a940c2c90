"""The prior over grids of codes of pictures: a gated PixelCNN."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.pixelcnn_prior import PixelCNNPriorConfig
from vqvae_tf.models import prior
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise, sample_codes

# The logit of a code that a slot does not have because it has fewer codes than the largest slot.
# Its gradient is exactly 0, so training does not change it.
IMPOSSIBLE = -1e9


@keras.saving.register_keras_serializable("vqvae_tf")
class PixelCNNPrior(prior.Prior):
    """p(codes) over grids of codes by a gated PixelCNN, with or without a class.

    Args:
        config: a `PixelCNNPriorConfig`, or a dictionary of one.

    >>> config = PixelCNNPriorConfig(code_sizes=(16,), channels=8, layers=2, head_width=8)
    >>> codes = PixelCNNPrior(config).sample(count=2, grid=(3, 5), seed=1)
    >>> codes.shape, PixelCNNPrior(config).log_prob(codes).shape
    (TensorShape([2, 3, 5]), TensorShape([2]))
    """

    config_class = PixelCNNPriorConfig
    grid_rank = 2

    def _make_networks(self):
        sizes = self.config.code_sizes
        self.network = make_network(self.config, "network", max(sizes), len(sizes))
        mask_impossible(self.network, sizes)

    def _logits(self, codes, conditions, training):
        label = conditions.get(self.config.condition)
        logits = self.network(without_slots(codes), label=label, training=training)
        return logits[..., None, :] if len(self.config.code_sizes) == 1 else logits

    def initialize(self, codebook: Any, log_frequencies: Any, maps: Sequence[Any] = ()) -> None:
        """Loads the codebook, if `code_dim` is set, and the frequencies of the codes."""
        log_frequencies = self._checked_frequencies(log_frequencies)
        if self.config.code_dim is not None:
            self.network.load_code_vectors(codebook)
        set_output_bias(self.network, log_frequencies)
        mask_impossible(self.network, self.config.code_sizes)

    def _sample(self, count, grid, *, conditions, prefix, **controls):
        label = conditions.get(self.config.condition)
        codes = self.network.sample(count, grid, label=label, prefix=prefix, **controls)
        return codes[..., None] if len(self.config.code_sizes) == 1 else codes

    def noise_shapes(self, grid):
        """Noise for each code: (height, width, slots, size)."""
        sizes = self.config.code_sizes
        return {"noise": (*grid, len(sizes), max(sizes))}

    def seeded_noise(self, seed, count, grid, first_sample=0):
        """The noise of each row, drawn on demand."""
        sizes = self.config.code_sizes
        return {
            "noise": noise_by_row(seed, 0, first_sample, count, grid[1], len(sizes), max(sizes))
        }

    def draw(
        self,
        noise_of_row,
        grid,
        count,
        *,
        temperature=1.0,
        conditions=prior.NONE,
        with_log_prob=False,
    ):
        """`sample` as a graph."""
        return draw_level(
            self.network,
            noise_of_row["noise"],
            grid,
            count,
            temperature=temperature,
            label=conditions.get(self.config.condition),
            with_log_prob=with_log_prob,
        )


def make_network(
    config: Any, name: str, size: int, slots: int = 1, **options: Any
) -> networks.PixelCNN:
    """The PixelCNN of a configuration, built; `options` override the configuration."""
    network = networks.PixelCNN(
        size,
        **{
            "channels": config.channels,
            "layers": config.layers,
            "slots": slots if slots > 1 else None,
            "kernel_size": config.kernel_size,
            "first_kernel": config.first_kernel,
            "head_width": config.head_width,
            "dropout": config.dropout,
            "num_classes": config.num_classes or None,
            "code_dim": config.code_dim,
            "name": name,
            "dtype": config.training.precision,
        }
        | options,
    )
    network.build(())
    return network


def noise_by_row(seed, level: int, first_sample, count, width, slots, size) -> Callable:
    """The function from a row's number to its noise, for a level of a prior."""
    key = seed + tf.constant(prior.seed_of_level(0, level), tf.uint64)
    return lambda row: gumbel_noise(key, first_sample, count, row, width, slots, size)


def set_output_bias(network: networks.PixelCNN, log_frequencies: Any) -> None:
    """Initializes the logits of each slot to `log_frequencies`, `[slots, size]`."""
    network.set_output_bias(log_frequencies if len(log_frequencies) > 1 else log_frequencies[0])


def mask_impossible(network: networks.PixelCNN, code_sizes: tuple[int, ...]) -> None:
    """Excludes the codes that a slot does not have, if slots differ in size."""
    for layer, size in zip(network.logits, code_sizes, strict=True):
        bias = keras.ops.convert_to_numpy(layer.bias)
        layer.bias.assign(np.where(np.arange(len(bias)) < size, bias, IMPOSSIBLE))


def draw_level(network, noise_of_row, grid, count, *, with_log_prob, **controls):
    """`sample_codes` with the result of `Prior.draw`: codes, and log probabilities or None."""
    drawn = sample_codes(
        network, noise_of_row, grid, count, with_log_prob=with_log_prob, **controls
    )
    codes, log_prob = drawn if with_log_prob else (drawn, None)
    return without_slots(codes), None if log_prob is None else without_slots(log_prob)
