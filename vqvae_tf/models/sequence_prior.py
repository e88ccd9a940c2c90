"""The prior over sequences of codes, such as those of sound: a WaveNet."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import TrainingConfig, at_least
from vqvae_tf.errors import UserError
from vqvae_tf.models.prior import Prior
from vqvae_tf.networks.wavenet.sampler import sample_steps, start_state


@dataclasses.dataclass(frozen=True)
class SequencePriorConfig:
    """What a WaveNet prior is and how it is trained.

    Attributes:
        num_embeddings: K of the autoencoder's codebook.
        channels, skip_channels, dilations, kernel_size: of the `vqvae_tf.networks.WaveNet`.
        num_classes: labels (speakers, say) that it is conditioned on; 0 for none.
        label_dropout: share of the training examples whose label is hidden, so that the prior
            also samples without one.
        length: codes of a training example.
        shift: encode the training sounds from two offsets of half a code.
        training: how it is trained.
    """

    num_embeddings: int = 512
    channels: int = 64
    skip_channels: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    kernel_size: int = 2
    num_classes: int = 0
    label_dropout: float = 0.1
    length: int = 256
    shift: bool = True
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        at_least(1, self, "num_embeddings", "channels", "skip_channels", "length")
        at_least(2, self, "kernel_size")
        at_least(0, self, "num_classes")
        if not 0.0 <= self.label_dropout <= 1.0:
            raise UserError(f"label_dropout must lie in [0, 1]; received {self.label_dropout}")

    @property
    def codes_per_position(self) -> int:
        """Codes at a step."""
        return 1

    @property
    def variation(self) -> bool | None:
        """How what is encoded to train it is varied."""
        return self.shift or None

    @property
    def crop(self) -> tuple[int, int]:
        """Of the code maps that it is trained on: a sequence is a map of one row."""
        return 1, self.length

    def for_codes(self, autoencoder: Any, num_classes: int) -> "SequencePriorConfig":
        """The same for the codes of an autoencoder's configuration, and so many classes."""
        return dataclasses.replace(
            self,
            num_embeddings=autoencoder.num_embeddings,
            num_classes=num_classes if self.num_classes else 0,
        )


@keras.saving.register_keras_serializable("vqvae_tf")
class SequencePrior(Prior):
    """p(z) over sequences of codes by a WaveNet, with or without a class.

    Codes are int32 `[batch, time]`; where a `Prior` takes a grid, this one takes `(time,)`, or
    `(1, time)`.

    Args:
        config: a `SequencePriorConfig`, or a dictionary of one.

    >>> prior = SequencePrior(SequencePriorConfig(num_embeddings=16, channels=8, skip_channels=8))
    >>> prior.sample(count=2, grid=(5,), seed=1).shape
    TensorShape([2, 5])
    >>> prior.log_prob(tf.zeros([2, 5], tf.int32)).shape
    TensorShape([2])
    """

    config_class = SequencePriorConfig
    code_axes = 1

    def _make_networks(self):
        config = self.config
        self.network = networks.WaveNet(
            config.num_embeddings,
            channels=config.channels,
            skip_channels=config.skip_channels,
            dilations=config.dilations,
            kernel_size=config.kernel_size,
            num_classes=config.num_classes or None,
            name="network",
            dtype=config.training.precision,
        )
        self.network.build()

    def call(self, codes, label=None, training: bool = False):
        """Logits of every code: `[batch, time, num_embeddings]`."""
        return self.network(codes, label=label)

    def initialize(self, codebook, log_frequencies) -> None:
        """Starts from the codes' frequencies: `[1, num_embeddings]`; needs no codebook."""
        self.network.outputs.bias.assign(log_frequencies[0])

    def of_maps(self, codes):
        if codes.shape[1] != 1:
            raise UserError(
                f"a sequence is a map of one row, [batch, 1, time]; received codes of shape "
                f"{tuple(codes.shape)}"
            )
        return codes[:, 0]

    def _sample(self, count, grid, *, seed, prefix, **controls):
        return self.network.sample(count, _length_of(grid), seed=seed, prefix=prefix, **controls)

    def noise_shapes(self, grid: tuple[int, ...]) -> dict[str, tuple[int, int, int]]:
        """As of a `Prior`, a sequence being one row: name -> (1, time, 1)."""
        return {"noise": (1, _length_of(grid), 1)}

    def draw(self, noise_of_row, grid, count, *, temperature=1.0, label=None, with_log_prob=False):
        """As of a `Prior`, the noise of a sequence being that of row 0."""
        noise = noise_of_row["noise"](0)[:, :, 0]
        codes, _ = sample_steps(
            self.network,
            start_state(self.network, count),
            noise,
            _length_of(grid),
            temperature=temperature,
            label=label,
        )
        codes = tf.transpose(codes)
        if not with_log_prob:
            return codes
        return codes, -self._cross_entropy(codes, label, training=False)


def _length_of(grid):
    *rows, length = grid
    if rows not in ([], [1]):
        raise UserError(f"the grid of a sequence must be (time,) or (1, time); received {grid}")
    return length
