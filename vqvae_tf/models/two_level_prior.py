"""A prior over two grids of codes: the upper one by itself, the lower one given the upper."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import at_least
from vqvae_tf.errors import UserError
from vqvae_tf.models import prior as prior_lib
from vqvae_tf.networks.pixelcnn.sampler import sample_codes

CODES_PER_POSITION = 5  # an upper code, and the four lower ones under it


@dataclasses.dataclass(frozen=True)
class TwoLevelPriorConfig(prior_lib.PriorConfig):
    """What a two-level prior is and how it is trained; `config.json` holds it.

    `channels` and `layers` are the lower level's, `grid` is in places of the upper one.

    Attributes beside those of `PriorConfig`:
        upper_channels, upper_layers: of the upper level's PixelCNN.
        condition_channels, condition_blocks: of the network that tells the lower level of the
            upper codes: channels of its output, and residual blocks.
    """

    codes_per_position: int = CODES_PER_POSITION
    upper_channels: int = 64
    upper_layers: int = 8
    condition_channels: int = 64
    condition_blocks: int = 2
    grid: int = 8

    def __post_init__(self):
        super().__post_init__()
        at_least(1, self, "upper_channels", "upper_layers", "condition_channels")
        at_least(0, self, "condition_blocks")
        if self.codes_per_position != CODES_PER_POSITION:
            raise UserError(
                f"a prior of two levels has {CODES_PER_POSITION} codes a position; received "
                f"{self.codes_per_position}"
            )


@keras.saving.register_keras_serializable("vqvae_tf")
class TwoLevelPrior(prior_lib.Prior):
    """p(upper) p(lower | upper) by two gated PixelCNNs (VQ-VAE-2, arXiv 1906.00446, section 3.2).

    Codes are int32 `[batch, height, width, 5]`, as `TwoLevelVQVAE` gives them: the grid is the
    upper level's, and behind each of its codes stand the four lower ones, in reading order. The
    lower level sees all upper codes, those beyond a place as well.

    Args:
        config: a `TwoLevelPriorConfig`, or a dictionary of one.

    >>> prior = TwoLevelPrior(TwoLevelPriorConfig(num_embeddings=16, channels=8, layers=2))
    >>> codes = prior.sample(count=2, grid=(3, 5), seed=1)
    >>> upper, lower = split_levels(codes)
    >>> codes.shape.as_list(), upper.shape.as_list(), lower.shape.as_list()
    ([2, 3, 5, 5], [2, 3, 5], [2, 6, 10])
    """

    config_class = TwoLevelPriorConfig

    def _make_networks(self):
        config = self.config
        self.upper = self._pixelcnn(
            "upper", channels=config.upper_channels, layers=config.upper_layers
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
        self.lower = self._pixelcnn("lower", spatial_channels=config.condition_channels)
        self._compiled_spatial = tf.function(
            self._spatial,
            input_signature=[tf.TensorSpec([None, None, None], tf.int32)],
            autograph=False,
        )

    def call(self, codes, label=None, training: bool = False):
        """Logits of every code: `[batch, height, width, 5, num_embeddings]`."""
        upper, lower = split_levels(codes)
        return join_levels(
            self.upper(upper, label=label, training=training),
            self.lower(lower, label=label, spatial=self._spatial(upper), training=training),
        )

    def initialize(self, codebook: Any, log_frequencies: Any) -> None:
        """As `Prior.initialize`, of codebooks `[2, num_embeddings, dim]`."""
        log_frequencies = np.asarray(log_frequencies)
        of_lower = np.log(np.exp(log_frequencies[1:]).mean(axis=0))
        for network, vectors, known in zip(
            (self.upper, self.lower), codebook, (log_frequencies[0], of_lower), strict=True
        ):
            if self.config.code_dim is not None:
                network.load_code_vectors(vectors)
            network.set_output_bias(known)

    def _sample(self, count, grid, *, seed, prefix, **controls):
        given: tuple[Any, Any] = (None, None)
        if prefix is not None:
            if prefix.ndim != 4 or prefix.shape[-1] != CODES_PER_POSITION:
                raise UserError(
                    f"prefix must hold integers of shape {(count, *grid, CODES_PER_POSITION)}; "
                    f"received shape {prefix.shape}"
                )
            given = tuple(level.numpy() for level in split_levels(tf.constant(prefix)))
        upper = self.upper.sample(count, grid, seed=seed, prefix=given[0], **controls)
        lower = self.lower.sample(
            count,
            (2 * grid[0], 2 * grid[1]),
            seed=prior_lib.seed_of_level(seed, 1),
            prefix=given[1],
            spatial=self._compiled_spatial(upper),
            **controls,
        )
        return join_levels(upper, lower)

    def noise_shapes(self, grid):
        height, width = grid
        return {"noise": (height, width, 1), "lower_noise": (2 * height, 2 * width, 1)}

    def draw(self, noise_of_row, grid, count, *, with_log_prob=False, **controls):
        def level(network, name, grid, **condition):
            drawn = sample_codes(
                network,
                noise_of_row[name],
                grid,
                count,
                with_log_prob=with_log_prob,
                **controls,
                **condition,
            )
            return [each[..., 0] for each in (drawn if with_log_prob else [drawn])]

        upper = level(self.upper, "noise", grid)
        fine = (2 * grid[0], 2 * grid[1])
        lower = level(self.lower, "lower_noise", fine, spatial=self._spatial(upper[0]))
        joined = [join_levels(*pair) for pair in zip(upper, lower, strict=True)]
        return tuple(joined) if with_log_prob else joined[0]

    def _spatial(self, upper):
        """What the lower level is told: `[batch, 2 height, 2 width, condition_channels]`."""
        return self.condition(self.upper.embed(upper[..., None]))


def split_levels(codes):
    """`(upper, lower)`: `[batch, height, width]` and `[batch, 2 height, 2 width]`.

    Args:
        codes: `[batch, height, width, 5]`.
    """
    batch, height, width = (tf.shape(codes)[axis] for axis in range(3))
    lower = tf.reshape(codes[..., 1:], [batch, height, width, 2, 2])
    lower = tf.transpose(lower, [0, 1, 3, 2, 4])
    return codes[..., 0], tf.reshape(lower, [batch, 2 * height, 2 * width])


def join_levels(upper, lower):
    """The two grids as one of five codes a place: the inverse of `split_levels`.

    Args:
        upper: `[batch, height, width, ...]`.
        lower: `[batch, 2 height, 2 width, ...]`.

    Returns:
        `[batch, height, width, 5, ...]`.

    >>> codes = tf.reshape(tf.range(30), [1, 2, 3, 5])
    >>> bool(tf.reduce_all(join_levels(*split_levels(codes)) == codes))
    True
    """
    batch, height, width = (tf.shape(upper)[axis] for axis in range(3))
    rest = tf.shape(upper)[3:]
    under = tf.reshape(lower, tf.concat([[batch, height, 2, width, 2], rest], 0))
    under = tf.transpose(under, [0, 1, 3, 2, 4, *range(5, under.shape.rank)])
    under = tf.reshape(under, tf.concat([[batch, height, width, 4], rest], 0))
    return tf.concat([upper[:, :, :, None], under], axis=3)
