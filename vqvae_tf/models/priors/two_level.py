"""The prior over two grids of codes: the upper grid, and the lower grid given the upper."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import arguments, networks
from vqvae_tf.config.two_level import TwoLevelPriorConfig
from vqvae_tf.errors import UserError
from vqvae_tf.models import prior
from vqvae_tf.models.priors import pixelcnn
from vqvae_tf.models.two_level_codes import join_levels, split_levels


@keras.saving.register_keras_serializable("vqvae_tf")
class TwoLevelPrior(prior.Prior):
    """p(upper) p(lower | upper) by two gated PixelCNNs (VQ-VAE-2, arXiv 1906.00446, section 3.2).

    Codes are int32 `[batch, height, width, 5]`, as `TwoLevelVQVAE` returns them: the grid is that
    of the upper level, and each upper code is followed by its four lower codes, in reading order.
    The lower level is conditioned on all upper codes, including those after a place.

    Args:
        config: a `TwoLevelPriorConfig`, or a dictionary of one.

    >>> config = TwoLevelPriorConfig(code_sizes=(16,) * 5, channels=8, layers=2)
    >>> codes = TwoLevelPrior(config).sample(count=2, grid=(3, 5), seed=1)
    >>> upper, lower = split_levels(codes)
    >>> codes.shape.as_list(), upper.shape.as_list(), lower.shape.as_list()
    ([2, 3, 5, 5], [2, 3, 5], [2, 6, 10])
    """

    config_class = TwoLevelPriorConfig
    grid_rank = 2

    def _make_networks(self):
        config = self.config
        upper_size, lower_size = config.code_sizes[:2]
        self.upper = pixelcnn.make_network(
            config,
            "upper",
            upper_size,
            channels=config.upper_channels,
            layers=config.upper_layers,
        )
        self.condition = networks.Decoder(
            rank=2,
            widths=(config.condition_channels,),
            residual_blocks=config.condition_blocks,
            residual_width=max(config.condition_channels // 2, 1),
            channels=config.condition_channels,
            name="condition",
            dtype=config.training.precision,
        )
        self.condition.build((None, None, None, config.upper_channels))
        self.lower = pixelcnn.make_network(
            config, "lower", lower_size, spatial_channels=config.condition_channels
        )
        self._compiled_spatial = tf.function(
            self._spatial,
            input_signature=[tf.TensorSpec([None, None, None], tf.int32)],
            autograph=False,
        )

    def _logits(self, codes, conditions, training):
        upper, lower = split_levels(codes)
        told = {"label": conditions.get(self.config.condition), "training": training}
        of_upper = self.upper(upper, **told)
        of_lower = self.lower(lower, spatial=self._spatial(upper), **told)
        # Levels of different sizes share one tensor: missing codes of a level are impossible.
        size = max(self.config.code_sizes)
        padded = (
            tf.pad(
                logits,
                [[0, 0], [0, 0], [0, 0], [0, size - logits.shape[-1]]],
                constant_values=pixelcnn.IMPOSSIBLE,
            )
            for logits in (of_upper, of_lower)
        )
        return join_levels(*padded)

    def initialize(self, codebook: Any, log_frequencies: Any, maps: Sequence[Any] = ()) -> None:
        """As in `PixelCNNPrior`, with codebooks `[2, size, dim]`."""
        log_frequencies = self._checked_frequencies(log_frequencies)
        if self.config.code_dim is not None:
            codebook = arguments.numbers("codebook", codebook)
            if len(codebook.shape) != 3 or len(codebook) != 2:
                raise UserError(
                    f"codebook must have the shape [2, size, dim], of both levels; received "
                    f"{codebook.shape}"
                )
        of_lower = np.log(np.exp(log_frequencies[1:]).mean(axis=0))
        known = (log_frequencies[0], of_lower)
        for number, network in enumerate((self.upper, self.lower)):
            if self.config.code_dim is not None:
                network.load_code_vectors(codebook[number])
            network.set_output_bias(known[number][: network.num_embeddings])

    def _sample(self, count, grid, *, seed, conditions, prefix, **controls):
        label = conditions.get(self.config.condition)
        given: tuple[Any, Any] = (None, None)
        if prefix is not None:
            given = tuple(level.numpy() for level in split_levels(tf.constant(prefix)))
        upper = self.upper.sample(count, grid, seed=seed, prefix=given[0], label=label, **controls)
        lower = self.lower.sample(
            count,
            (2 * grid[0], 2 * grid[1]),
            seed=prior.seed_of_level(seed, 1),
            prefix=given[1],
            label=label,
            spatial=self._compiled_spatial(upper),
            **controls,
        )
        return join_levels(upper, lower)

    def noise_shapes(self, grid):
        """Noise of the upper grid, and of the lower one."""
        height, width = grid
        upper_size, lower_size = self.config.code_sizes[:2]
        return {
            "noise": (height, width, 1, upper_size),
            "lower_noise": (2 * height, 2 * width, 1, lower_size),
        }

    def seeded_noise(self, seed, count, grid, first_sample=0):
        """The noise of each row of both grids, drawn on demand."""
        upper_size, lower_size = self.config.code_sizes[:2]
        of_row = pixelcnn.noise_by_row
        return {
            "noise": of_row(seed, 0, first_sample, count, grid[1], 1, upper_size),
            "lower_noise": of_row(seed, 1, first_sample, count, 2 * grid[1], 1, lower_size),
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
        controls = {
            "temperature": temperature,
            "label": conditions.get(self.config.condition),
            "with_log_prob": with_log_prob,
        }
        upper, of_upper = pixelcnn.draw_level(
            self.upper, noise_of_row["noise"], grid, count, **controls
        )
        lower, of_lower = pixelcnn.draw_level(
            self.lower,
            noise_of_row["lower_noise"],
            (2 * grid[0], 2 * grid[1]),
            count,
            spatial=self._spatial(upper),
            **controls,
        )
        log_prob = join_levels(of_upper, of_lower) if with_log_prob else None
        return join_levels(upper, lower), log_prob

    def _spatial(self, upper):
        """Condition of the lower level: `[batch, 2 height, 2 width, condition_channels]`."""
        return self.condition(self.upper.embed(upper[..., None]))
