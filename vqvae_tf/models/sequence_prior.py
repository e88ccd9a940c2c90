"""The prior over sequences of codes, such as those of sound: a WaveNet."""

import dataclasses

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import TrainingConfig, UserError, at_least
from vqvae_tf.models.prior import Prior
from vqvae_tf.networks.wavenet_sampler import sample_steps, start_state


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


@keras.saving.register_keras_serializable("vqvae_tf")
class SequencePrior(Prior):
    """p(z) over sequences of codes by a WaveNet, with or without a class.

    Codes are int32 `[batch, time]`; where a `Prior` takes a grid, this one takes `(time,)`.

    Args:
        config: a `SequencePriorConfig`, or a dictionary of one.

    >>> prior = SequencePrior(SequencePriorConfig(num_embeddings=16, channels=8, skip_channels=8))
    >>> prior.sample(count=2, grid=(5,), seed=1).shape
    TensorShape([2, 5])
    >>> prior.log_prob(tf.zeros([2, 5], tf.int32)).shape
    TensorShape([2])
    """

    config_class = SequencePriorConfig

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

    def _sample(self, count, grid, **controls):
        (length,) = grid
        return self.network.sample(count, length, **controls)

    def noise_shapes(self, grid: tuple[int]) -> dict[str, tuple[int, int, int]]:
        """As of a `Prior`, a sequence being one row: name -> (1, time, 1)."""
        return {"noise": (1, *grid, 1)}

    def draw(self, noise_of_row, grid, count, *, temperature=1.0, label=None, with_log_prob=False):
        """As of a `Prior`, the noise of a sequence being that of row 0."""
        (length,) = grid
        noise = noise_of_row["noise"](0)[:, :, 0]
        codes, _ = sample_steps(
            self.network,
            start_state(self.network, count),
            noise,
            length,
            temperature=temperature,
            label=label,
        )
        codes = tf.transpose(codes)
        if not with_log_prob:
            return codes
        return codes, -self._cross_entropy(codes, label, training=False)
