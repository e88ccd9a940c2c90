"""Configurations of training, and of the preparation of pictures, videos and sounds for it."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.errors import UserError, shown


@dataclasses.dataclass(frozen=True)
class PixelDataConfig:
    """What the training examples of all models of pixels have.

    Attributes:
        image_size: side of the square training example, in pixels.
        channels: 3 for colour, 1 for grey; data are converted.
    """

    image_size: int = 32
    channels: int = 3

    def __post_init__(self):
        check_types(self, at="data.")
        # Sizes that are too small are refused by the model, which knows its strides.
        between(-limits.LARGEST_SIDE, limits.LARGEST_SIDE, self, "image_size", at="data.")
        if self.channels not in (1, 3):
            raise UserError(
                f"data.channels must be 3 for colour or 1 for grey; received {self.channels}"
            )


@dataclasses.dataclass(frozen=True)
class DataConfig(PixelDataConfig):
    """How training examples are cut from pictures.

    Attributes, in addition to those of `PixelDataConfig`:
        flip: mirror half of the tiles left to right.
        half_size_share: share of the tiles cut from the picture at half its size.
        double_size_share: share of the tiles cut from the picture at twice its size.
        recolour_share: share of the tiles whose colours are changed at random (channel order,
            contrast, gain and offset), so that few photographs give many palettes.
        recolour_strength: how much contrast, gain and offset change, relative to the default.
    """

    flip: bool = True
    half_size_share: float = 0.0
    double_size_share: float = 0.0
    recolour_share: float = 0.0
    recolour_strength: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("half_size_share", "double_size_share", "recolour_share"):
            between(0, 1, self, name, at="data.")
        between(0, limits.LARGEST_NUMBER, self, "recolour_strength", at="data.")


@dataclasses.dataclass(frozen=True)
class VideoDataConfig(PixelDataConfig):
    """How training examples are cut from episodes.

    Attributes, in addition to those of `PixelDataConfig`:
        frame_stride: every so many frames one is taken.
        resize: whether the middle square of frames of another size is resized; without it an
            episode of another size is skipped.
    """

    image_size: int = 64
    frame_stride: int = 1
    resize: bool = False

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.LONGEST_WINDOW, self, "frame_stride", at="data.")


@dataclasses.dataclass(frozen=True)
class SoundDataConfig:
    """How sounds are prepared before training examples are cut from them.

    Attributes:
        trim_db: silence at both ends of a sound is cut off where it is more than this many decibels
            below the sound's loudest moment; None keeps it.
        loudness: root-mean-square level that each sound gets, in decibels relative to full scale,
            at most 0; None keeps its own.
    """

    trim_db: float | None = None
    loudness: float | None = None

    def __post_init__(self):
        check_types(self, at="data.")
        between(0, limits.QUIETEST_DB, self, "trim_db", at="data.")
        between(-limits.QUIETEST_DB, 0, self, "loudness", at="data.")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How any model of the library is trained.

    Attributes:
        steps: number of updates.
        batch_size: examples per step, over all replicas.
        learning_rate: Adam's rate after the warm-up.
        schedule: "constant" or "cosine" (down to `final_learning_rate` times the rate).
        warmup_steps: linear warm-up from 0.
        final_learning_rate: final value of the cosine, as a share of `learning_rate`.
        beta_2: Adam's decay of the squared gradients.
        clip_norm: bound on the gradients' global norm; 0 turns it off.
        weight_averaging: decay of the averaged weights used for evaluation; 0 turns it off.
        precision: Keras dtype policy: "float32", "mixed_bfloat16" or "mixed_float16".
        seed: seed of the weights, the data order and every draw.
        log_every: steps between the rows of `metrics.csv`.
        evaluate_every: steps between evaluations; 0 means once, at the end.
        checkpoint_every: steps between checkpoints.
    """

    steps: int = 10_000
    batch_size: int = 32
    learning_rate: float = 2e-4
    schedule: str = "constant"
    warmup_steps: int = 0
    final_learning_rate: float = 0.0
    beta_2: float = 0.999
    clip_norm: float = 0.0
    weight_averaging: float = 0.0
    precision: str = "float32"
    seed: int = 0
    log_every: int = 100
    evaluate_every: int = 0
    checkpoint_every: int = 1_000

    def __post_init__(self):
        check_types(self, at="training.")
        between(
            1, limits.LONGEST_RUN, self, "steps", "log_every", "checkpoint_every", at="training."
        )
        between(0, limits.LONGEST_RUN, self, "evaluate_every", "warmup_steps", at="training.")
        between(1, limits.LARGEST_BATCH, self, "batch_size", at="training.")
        between(0, limits.LARGEST_NUMBER, self, "learning_rate", "clip_norm", at="training.")
        between(0, limits.LARGEST_NUMBER, self, "final_learning_rate", at="training.")
        between(0, limits.LARGEST_SEED, self, "seed", at="training.")
        if self.schedule not in ("constant", "cosine"):
            raise UserError(
                f'training.schedule must be "constant" or "cosine"; received {shown(self.schedule)}'
            )
        for name in ("beta_2", "weight_averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(
                    f"training.{name} must lie in [0, 1); received {getattr(self, name)}"
                )
        if self.precision not in ("float32", "mixed_bfloat16", "mixed_float16"):
            raise UserError(
                'training.precision must be "float32", "mixed_bfloat16" or "mixed_float16"; '
                f"received {shown(self.precision)}"
            )
