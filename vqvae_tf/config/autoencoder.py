"""The base class of the configurations of autoencoders."""

import dataclasses
from typing import Any, ClassVar

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

    # Fields that decide which codes data get; none if a decoder cannot be trained on its own.
    code_fields: ClassVar[tuple[str, ...]] = ()

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

    def fields_of_codes(self, other: "AutoencoderConfig") -> dict[str, Any]:
        """The fields of `other` that decide which codes data get, by name.

        Raises:
            UserError: if the family's decoder cannot be trained on its own, or the families differ.
        """
        own = type(self).__name__
        if not self.code_fields:
            raise UserError(
                f"{own} trains no decoder of the codes of another model; leave codes_from out"
            )
        if type(other) is not type(self):
            raise UserError(
                f"codes_from needs a model of {own}, as this one; received one of "
                f"{type(other).__name__}"
            )
        return {name: getattr(other, name) for name in self.code_fields}

    def with_codes_of(self, other: "AutoencoderConfig") -> "AutoencoderConfig":
        """This configuration for a decoder of the codes of a model of `other`, which stay frozen.

        Raises:
            UserError: as `fields_of_codes`, or if the two do not go together.
        """
        taken = self.fields_of_codes(other) | {"frozen_codes": True}
        return dataclasses.replace(self, **taken)
