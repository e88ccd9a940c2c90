"""Configuration of the VQ-VAE of videos."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between
from vqvae_tf.config.pixels import PixelModelConfig
from vqvae_tf.config.training import VideoDataConfig
from vqvae_tf.errors import UserError, nearest

FORMS = ("frames", "space_time")


@dataclasses.dataclass(frozen=True)
class VideoConfig(PixelModelConfig):
    """Configuration of a VQ-VAE of videos and its training; stored in `config.json`.

    Time is never strided: each frame has a grid of codes.

    Attributes, in addition to those of `PixelModelConfig`:
        form: "frames", each frame by itself (the paper's form), or "space_time", in which a frame's
            codes depend on the frames before it too, and its pixels on the codes before it.
        window: frames of a training example. The form "space_time" needs several, or it never
            sees frames before; a pixel depends on 4 * residual_blocks of them.
        data: how training examples are cut.
    """

    form: str = "frames"
    window: int = 1
    data: VideoDataConfig = VideoDataConfig()

    def __post_init__(self):
        super().__post_init__()
        if self.form not in FORMS:
            raise UserError(f'unknown form "{self.form}"; {nearest(self.form, FORMS)}')
        between(1, limits.LONGEST_WINDOW, self, "window")
        numbers = self.training.batch_size * self.window * self.data.image_size**2
        if numbers * self.data.channels > limits.LARGEST_BATCH:
            raise UserError(
                f"a batch must hold at most {limits.LARGEST_BATCH} numbers; received "
                f"training.batch_size {self.training.batch_size} with window {self.window} and "
                f"data.image_size {self.data.image_size}"
            )
