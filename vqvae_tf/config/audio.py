"""Configuration of the VQ-VAE of sound."""

import dataclasses
import math

from vqvae_tf.config import limits
from vqvae_tf.config.autoencoder import AutoencoderConfig
from vqvae_tf.config.fields import between
from vqvae_tf.config.training import SoundDataConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class AudioConfig(AutoencoderConfig):
    """What a VQ-VAE of sound is and how it is trained.

    Attributes, in addition to those of `AutoencoderConfig`:
        strides: samples per step, at each entry of `widths`; their product is the number of samples
            per code.
        channels, skip_channels, dilations, kernel_size: of the decoder, a
            `vqvae_tf.networks.WaveNet`.
        levels: values of a sample after mu-law companding, which the decoder tells apart.
        speakers: names of the voices that the decoder is told apart; none without. The training
            program takes them from the data.
        sample_rate: in Hz; the networks do not know it, files that are read and written do.
        window: samples of a training example, a multiple of `stride`.
        data: how sounds are prepared before training examples are cut from them.
    """

    widths: tuple[int, ...] = (64, 64, 128, 128, 128, 128)
    strides: tuple[int, ...] = (2, 2, 2, 2, 2, 2)
    channels: int = 32
    skip_channels: int = 64
    dilations: tuple[int, ...] = tuple(2**i for i in range(10))
    kernel_size: int = 2
    levels: int = 256
    speakers: tuple[str, ...] = ()
    sample_rate: int = 16_000
    window: int = 8_192
    data: SoundDataConfig = SoundDataConfig()

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "channels", "skip_channels")
        between(1, limits.LARGEST_CODEBOOK, self, "sample_rate")
        between(2, limits.LARGEST_KERNEL, self, "kernel_size")
        between(2, limits.LARGEST_CODEBOOK, self, "levels")
        between(1, limits.LONGEST_WINDOW, self, "dilations")
        between(-limits.LONGEST_WINDOW, limits.LONGEST_WINDOW, self, "strides", "window")
        if len(self.strides) != len(self.widths) or min(self.strides) < 1:
            raise UserError(
                f"strides must hold a positive number for each of the {len(self.widths)} widths; "
                f"received {self.strides}"
            )
        if self.window < 1 or self.window % self.stride:
            below = max(self.window // self.stride, 1) * self.stride
            raise UserError(
                f"window must be a multiple of {self.stride}; received {self.window}, the nearest "
                f"are {below} and {below + self.stride}"
            )
        if self.training.batch_size * self.window > limits.LARGEST_BATCH:
            raise UserError(
                f"a batch must hold at most {limits.LARGEST_BATCH} samples; received "
                f"training.batch_size {self.training.batch_size} with window {self.window}"
            )
        if len(set(self.speakers)) < len(self.speakers):
            raise UserError(f"speakers must be different names; received {self.speakers}")

    @property
    def stride(self) -> int:
        """Samples per code."""
        return math.prod(self.strides)
