"""What the configurations of models of pictures and of videos share."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.autoencoder import AutoencoderConfig
from vqvae_tf.config.fields import between
from vqvae_tf.config.training import PixelDataConfig
from vqvae_tf.errors import UserError, nearest

LIKELIHOODS = ("normal", "normal_learned", "logistic_mixture", "categorical")


@dataclasses.dataclass(frozen=True)
class PixelModelConfig(AutoencoderConfig):
    """Fields of all models of pixels; `config.json` holds the configuration of a family.

    `quantizer.commitment_cost` is relative to a squared error divided by `data_variance`. Each
    entry of `widths` belongs to a halving of the picture.

    Attributes, in addition to those of `AutoencoderConfig`:
        final_convolution: one more 3x3 convolution in the encoder (Sonnet has it, the paper not).
        likelihood: "normal" (squared error), "normal_learned" (a trained scale),
            "logistic_mixture" or "categorical".
        mixture_components: number of components of the logistic mixture.
        data_variance: variance of the pixels on a scale of width 1.
        data: how training examples are cut.
    """

    final_convolution: bool = True
    likelihood: str = "normal"
    mixture_components: int = 10
    data_variance: float = 0.06
    data: PixelDataConfig = PixelDataConfig()

    def __post_init__(self):
        super().__post_init__()
        if self.likelihood not in LIKELIHOODS:
            raise UserError(
                f'unknown likelihood "{self.likelihood}"; {nearest(self.likelihood, LIKELIHOODS)}'
            )
        between(1, limits.DEEPEST, self, "mixture_components")
        between(0, limits.LARGEST_NUMBER, self, "data_variance")
        if not self.data_variance > 0.0:
            raise UserError(f"data_variance must be above 0; received {self.data_variance}")
        size = self.data.image_size
        if size < 1 or size % self.stride:
            below = max(size // self.stride, 1) * self.stride
            raise UserError(
                f"data.image_size must be a multiple of {self.stride}; received {size}, the "
                f"nearest are {below} and {below + self.stride}"
            )
        if self.training.batch_size * size**2 * self.data.channels > limits.LARGEST_BATCH:
            raise UserError(
                f"a batch must hold at most {limits.LARGEST_BATCH} numbers; received "
                f"training.batch_size {self.training.batch_size} with data.image_size {size}"
            )

    @property
    def stride(self) -> int:
        """Pixels of the picture per place of the code grid, along a side."""
        return 2 ** len(self.widths)

    @property
    def reach(self) -> int:
        """Largest distance, in places of the code grid, at which pixels and codes can interact.

        It is the larger of the encoder's and the decoder's: one place for every 3-wide convolution,
        and less than two for all strided ones.
        """
        return self.residual_blocks + 3
