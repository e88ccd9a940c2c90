"""Configuration of the prior over grids of codes of pictures."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between
from vqvae_tf.config.prior import PriorConfig
from vqvae_tf.config.training import DataConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class PixelCNNPriorConfig(PriorConfig):
    """Configuration of a PixelCNN prior and its training; stored in `config.json`.

    Attributes, in addition to those of `PriorConfig`:
        code_dim: D of the autoencoder's codebook, whose vectors are the input; None learns an
            embedding.
        channels: width of both stacks of the network, a `vqvae_tf.networks.PixelCNN`.
        layers: number of gated layers.
        kernel_size: ROWS,COLUMNS of the vertical kernels; the horizontal ones have the left half.
        first_kernel: kernel of the first layer.
        head_width: width of the hidden layer before the logits.
        dropout: rate inside the residual branches in training.
        grid: side of the square training crops, in codes.
        data: how the encoded pictures are varied: mirrored, recoloured, resized.
    """

    code_dim: int | None = None
    channels: int = 64
    layers: int = 8
    kernel_size: tuple[int, int] = (2, 3)
    first_kernel: tuple[int, int] = (2, 5)
    head_width: int = 128
    dropout: float = 0.0
    grid: int = 16
    data: DataConfig = DataConfig()

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "channels", "head_width", "code_dim")
        between(1, limits.DEEPEST, self, "layers")
        between(1, limits.LARGEST_SIDE, self, "grid")
        between(1, limits.LARGEST_KERNEL, self, "kernel_size", "first_kernel")
        for name in ("kernel_size", "first_kernel"):
            if len(getattr(self, name)) != 2:
                raise UserError(f"{name} must be ROWS,COLUMNS; received {getattr(self, name)}")
        if not 0.0 <= self.dropout < 1.0:
            raise UserError(f"dropout must lie in [0, 1); received {self.dropout}")

    @property
    def crop(self) -> tuple[int, ...]:
        """(height, width) of the training crops, in codes."""
        return self.grid, self.grid

    @property
    def reach(self) -> int | None:
        return self._reach_of(self.layers)

    def _reach_of(self, layers):
        """Reach of a network of `layers` layers, in places of its grid."""
        kernels = [self.first_kernel, *[self.kernel_size] * (layers - 1)]
        rows = 1 + sum(rows - 1 for rows, _ in kernels)
        return max(rows, 1 + sum(columns // 2 for _, columns in kernels))

    @property
    def variation(self) -> DataConfig:
        """How the encoded training data are varied."""
        return self.data

    def for_codes(self, code_sizes, embedding_dim, condition, classes, dims=0):
        """The configuration for the codes of an autoencoder."""
        return dataclasses.replace(
            self,
            code_sizes=code_sizes,
            code_dim=None if self.code_dim is None else embedding_dim,
            condition=condition,
            num_classes=classes if self.num_classes else 0,
        )
