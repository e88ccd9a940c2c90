"""Configuration of the prior over sequences of codes."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between
from vqvae_tf.config.prior import PriorConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class WaveNetPriorConfig(PriorConfig):
    """Configuration of a WaveNet prior and its training; stored in `config.json`.

    Attributes, in addition to those of `PriorConfig`:
        channels: width of the layers of the network, a `vqvae_tf.networks.WaveNet`.
        skip_channels: width of the dense layers before its outputs.
        dilations: of each layer, in codes.
        kernel_size: taps of each layer.
        length: length of a training example, in codes.
        shift: whether to encode the training sounds from two offsets, half a code apart.
    """

    channels: int = 64
    skip_channels: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    kernel_size: int = 2
    length: int = 256
    shift: bool = True

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "channels", "skip_channels")
        between(1, limits.LONGEST_WINDOW, self, "length", "dilations")
        between(2, limits.LARGEST_KERNEL, self, "kernel_size")
        if len(set(self.code_sizes)) > 1:
            raise UserError(
                f"a WaveNet prior needs slots of one size; received code_sizes {self.code_sizes}: "
                "give the quantizer's stages or groups codebooks of one size"
            )

    @property
    def crop(self) -> tuple[int, ...]:
        """(time,) of the training crops, in codes."""
        return (self.length,)

    @property
    def variation(self) -> bool | None:
        """How the encoded training data are varied."""
        return self.shift or None

    def for_codes(self, code_sizes, embedding_dim, condition, classes, dims=0):
        """The configuration for the codes of an autoencoder."""
        return dataclasses.replace(
            self,
            code_sizes=code_sizes,
            condition=condition,
            num_classes=classes if self.num_classes else 0,
        )
