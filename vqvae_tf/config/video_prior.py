"""Configuration of the prior over codes of videos, given actions."""

import dataclasses

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between
from vqvae_tf.config.prior import PriorConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class VideoPriorConfig(PriorConfig):
    """Configuration of a prior over codes of videos and its training; stored in `config.json`.

    `num_classes` is the number of discrete actions; 0 for none. A prior of continuous actions has
    `action_dims` instead.

    Attributes, in addition to those of `PriorConfig`:
        action_dims: numbers of a continuous action; 0 for none.
        code_dim: D of the autoencoder's codebook, whose vectors are the input.
        grid: height and width of a frame in codes.
        context: frames before a frame that its condition sees. The last of the first so many frames
            is the memory: later frames see it too, carried by the flow.
        frames: frames of a training example.
        targets: frames of a training example whose codes are scored in a step, drawn at random; the
            first `context` are drawn less often.
        corruption: largest share of the codes that are changed in the frames that are sampled in a
            roll-out, when they are the input in training.
        channels, layers, kernel_size, first_kernel, head_width, dropout: arguments of
            `vqvae_tf.networks.PixelCNN`, for the codes of a frame.
        condition_channels, condition_dilations: width of the network that makes the condition of
            the PixelCNN from the frames before, and the dilations of its convolutions.
        flow_channels, flow_dilations: the same of the flow.
        unroll: steps of the flow that its loss counts, one after the other.
        motion_reach: largest offset of the table of motions, in rows and columns.
        guidance: weight, in sampling, of what the moved frames tell, at places where the memory is
            in view. Above 1 samples vary less and stay closer to what was seen; at 1 they are drawn
            from the distribution of `log_prob`.
        parallel_weight: weight of the loss of codes that the condition alone predicts.
    """

    condition: str = "actions"
    action_dims: int = 0
    code_dim: int = 32
    grid: tuple[int, int] = (16, 16)
    context: int = 6
    frames: int = 16
    targets: int = 2
    corruption: float = 0.2
    channels: int = 48
    layers: int = 4
    kernel_size: tuple[int, int] = (2, 3)
    first_kernel: tuple[int, int] = (2, 5)
    head_width: int = 128
    dropout: float = 0.0
    condition_channels: int = 64
    condition_dilations: tuple[int, ...] = (1, 2, 1, 1)
    flow_channels: int = 32
    flow_dilations: tuple[int, ...] = (1, 2, 4, 1)
    unroll: int = 3
    motion_reach: tuple[int, int] = (2, 4)
    guidance: float = 1.0
    parallel_weight: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        between(0, limits.WIDEST, self, "action_dims")
        between(1, limits.WIDEST, self, "code_dim", "channels", "head_width")
        between(1, limits.WIDEST, self, "condition_channels", "flow_channels")
        between(1, limits.DEEPEST, self, "layers", "context", "targets", "unroll")
        between(1, limits.LARGEST_SIDE, self, "grid", "condition_dilations", "flow_dilations")
        between(1, limits.LONGEST_WINDOW, self, "frames")
        between(1, limits.LARGEST_KERNEL, self, "kernel_size", "first_kernel")
        between(0, limits.LARGEST_KERNEL, self, "motion_reach")
        between(0, limits.LARGEST_NUMBER, self, "parallel_weight", "guidance")
        for name in ("grid", "kernel_size", "first_kernel", "motion_reach"):
            if len(getattr(self, name)) != 2:
                raise UserError(f"{name} must be ROWS,COLUMNS; received {getattr(self, name)}")
        for name in ("corruption", "dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UserError(f"{name} must lie in [0, 1); received {getattr(self, name)}")
        if self.action_dims and self.num_classes:
            raise UserError(
                f"actions are classes or numbers; received num_classes {self.num_classes} and "
                f"action_dims {self.action_dims}: set one of them to 0"
            )
        if len(set(self.code_sizes)) > 1:
            raise UserError(
                f"a prior of videos needs slots of one size; received code_sizes {self.code_sizes}"
            )

    @property
    def crop(self) -> tuple[int, ...]:
        """(frames, height, width) of the training examples, in codes."""
        return self.frames, *self.grid

    @property
    def variation(self) -> None:
        """Episodes are encoded once, as they are."""
        return None

    def for_codes(self, code_sizes, embedding_dim, condition, classes, dims=0):
        """The configuration for the codes of an autoencoder."""
        if embedding_dim is None:
            raise UserError(
                "a prior of videos needs the vectors of codes, and the model's quantizer has no "
                "codebook that all codes share; take a quantizer that has one"
            )
        told = bool(self.num_classes or self.action_dims)
        return dataclasses.replace(
            self,
            code_sizes=code_sizes,
            code_dim=embedding_dim,
            condition=condition,
            num_classes=classes * told * (not dims),
            action_dims=dims * told,
        )
