"""What autoencoders of all families share: their configuration's fields, and their quantizer."""

import dataclasses

from vqvae_tf.config import TrainingConfig, at_least
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.layers import VectorQuantizer, VectorQuantizerEMA

QUANTIZERS = {"ema": VectorQuantizerEMA, "loss": VectorQuantizer}


@dataclasses.dataclass(frozen=True)
class AutoencoderConfig:
    """What autoencoders have in common; `config.json` holds a family's own.

    Attributes:
        widths: channels after each strided convolution of the encoder.
        residual_blocks, residual_width: of the networks' residual blocks.
        embedding_dim: D, numbers a code.
        num_embeddings: K, codes in a codebook.
        quantizer: "ema" (appendix A.1 of the paper) or "loss" (equation 3).
        commitment_cost: beta.
        decay, revival_threshold, revival_count: see `vqvae_tf.layers.CountedCodebook`.
        training: how the model is trained.
    """

    widths: tuple[int, ...] = (64, 128)
    residual_blocks: int = 2
    residual_width: int = 32
    embedding_dim: int = 64
    num_embeddings: int = 512
    quantizer: str = "ema"
    commitment_cost: float = 0.25
    decay: float | None = None
    revival_threshold: float = 0.2
    revival_count: float = 0.5
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        if self.quantizer not in QUANTIZERS:
            raise UserError(
                f'unknown quantizer "{self.quantizer}"; {nearest(self.quantizer, QUANTIZERS)}'
            )
        at_least(1, self, "residual_width", "embedding_dim", "num_embeddings")
        at_least(0, self, "residual_blocks", "commitment_cost")
        at_least(0, self, "revival_threshold", "revival_count")
        if not self.widths or min(self.widths) < 1:
            raise UserError(
                f"widths must hold one positive number a level, such as 64,128; "
                f"received {self.widths}"
            )
        if self.decay is not None and not 0.0 <= self.decay < 1.0:
            raise UserError(f"decay must be None or lie in [0, 1); received {self.decay}")


def make_quantizer(config: AutoencoderConfig, name: str) -> VectorQuantizer | VectorQuantizerEMA:
    """The quantizer that a configuration asks for, not built yet."""
    return QUANTIZERS[config.quantizer](
        config.num_embeddings,
        commitment_cost=config.commitment_cost,
        decay=config.decay,
        revival_threshold=config.revival_threshold,
        revival_count=config.revival_count,
        seed=config.training.seed,
        name=name,
        dtype=config.training.precision,
    )
