"""The base class of the configurations of autoencoders."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.training import TrainingConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class AutoencoderConfig:
    """Fields of all autoencoders; `config.json` holds the configuration of a family.

    Attributes:
        widths: channels after each strided convolution of the encoder.
        residual_blocks, residual_width: number and width of the networks' residual blocks.
        embedding_dim: D, dimension of the vector of a place.
        quantizer: the quantizer of these vectors.
        training: how the model is trained.
    """

    widths: tuple[int, ...] = (64, 128)
    residual_blocks: int = 2
    residual_width: int = 32
    embedding_dim: int = 64
    quantizer: QuantizerConfig = QuantizerConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        check_types(self)
        between(1, limits.WIDEST, self, "residual_width", "embedding_dim")
        between(0, limits.DEEPEST, self, "residual_blocks")
        if not self.widths or min(self.widths) < 1:
            raise UserError(
                f"widths must hold one positive number for each level, such as 64,128; "
                f"received {self.widths}"
            )
        between(1, limits.WIDEST, self, "widths")
        self.quantizer.check_dim(self.embedding_dim)
