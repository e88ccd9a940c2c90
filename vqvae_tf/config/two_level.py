"""Configurations of the two-level autoencoder and its prior."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between
from vqvae_tf.config.image import ImageModelConfig
from vqvae_tf.config.pixelcnn_prior import PixelCNNPriorConfig
from vqvae_tf.errors import UserError

SLOTS = 5  # codes per place: an upper code and its four lower codes


@dataclasses.dataclass(frozen=True)
class TwoLevelConfig(ImageModelConfig):
    """Configuration of a two-level image VQ-VAE and its training; stored in `config.json`.

    `widths` are those down to the lower grid; both levels have the same `quantizer` settings.

    Attributes, in addition to those of `ImageModelConfig`:
        upper_width: channels of the networks between the two grids.
    """

    upper_width: int = 128

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "upper_width")
        if len(self.quantizer.code_sizes) > 1:
            raise UserError(
                f"each level has one code per place; received a quantizer with "
                f"{len(self.quantizer.code_sizes)}: leave quantizer.stages and quantizer.groups out"
            )

    @property
    def stride(self) -> int:
        """Pixels of the picture per place of the upper grid, along a side."""
        return 2 ** (len(self.widths) + 1)

    @property
    def reach(self) -> int:
        """As in `PixelModelConfig`, for both upper networks and one of the lower grid."""
        one = super().reach
        return 2 * one + -(-one // 2)


@dataclasses.dataclass(frozen=True)
class TwoLevelPriorConfig(PixelCNNPriorConfig):
    """Configuration of a two-level prior and its training; stored in `config.json`.

    `channels` and `layers` are those of the lower level; `grid` is in places of the upper level.

    Attributes, in addition to those of `PixelCNNPriorConfig`:
        upper_channels, upper_layers: channels and layers of the upper level's PixelCNN.
        condition_channels, condition_blocks: output channels and residual blocks of the network
            that conditions the lower level on the upper codes.
    """

    code_sizes: tuple[int, ...] = (512,) * SLOTS
    upper_channels: int = 64
    upper_layers: int = 8
    condition_channels: int = 64
    condition_blocks: int = 2
    grid: int = 8

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "upper_channels", "condition_channels")
        between(1, limits.DEEPEST, self, "upper_layers")
        between(0, limits.DEEPEST, self, "condition_blocks")
        if len(self.code_sizes) != SLOTS or len(set(self.code_sizes[1:])) > 1:
            raise UserError(
                f"a prior of two levels has an upper and {SLOTS - 1} equal lower codes per "
                f"place; received code_sizes {self.code_sizes}"
            )

    @property
    def reach(self) -> int | None:
        # The lower level depends on its codes, and on the condition at each of their places.
        lower = -(-self._reach_of(self.layers) // 2) + self.condition_blocks + 3
        return max(self._reach_of(self.upper_layers), lower)
