"""Priors: models over grids of codes, fitted after the autoencoder, that generate from them."""

import dataclasses
import math

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import DataConfig, Summaries, TrainingConfig, UserError, at_least
from vqvae_tf.models import trainable


@dataclasses.dataclass(frozen=True)
class PriorConfig:
    """What a PixelCNN prior is and how it is trained; `config.json` holds it.

    Attributes:
        num_embeddings: K of the autoencoder's codebook.
        codes_per_position: of the autoencoder.
        code_dim: D of the codebook, whose vectors are the input; None learns an embedding.
        channels, layers, kernel_size, first_kernel, head_width, dropout: of the
            `vqvae_tf.networks.PixelCNN`.
        num_classes: labels that it is conditioned on; 0 for none.
        label_dropout: share of the training examples whose label is hidden, so that the prior
            also samples without one.
        grid: side of the square crops of codes that it is trained on.
        data: how the pictures to encode are varied: mirrored, recoloured, resized.
        training: how it is trained.
    """

    num_embeddings: int = 512
    codes_per_position: int = 1
    code_dim: int | None = None
    channels: int = 64
    layers: int = 8
    kernel_size: tuple[int, ...] = (2, 3)
    first_kernel: tuple[int, ...] = (2, 5)
    head_width: int = 128
    dropout: float = 0.0
    num_classes: int = 0
    label_dropout: float = 0.1
    grid: int = 16
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        at_least(1, self, "num_embeddings", "codes_per_position", "channels", "layers")
        at_least(1, self, "head_width", "grid")
        at_least(0, self, "num_classes")
        for name in ("kernel_size", "first_kernel"):
            if len(getattr(self, name)) != 2:
                raise UserError(f"{name} must be ROWS,COLUMNS; received {getattr(self, name)}")
        if not 0.0 <= self.dropout < 1.0:
            raise UserError(f"dropout must lie in [0, 1); received {self.dropout}")
        if not 0.0 <= self.label_dropout <= 1.0:
            raise UserError(f"label_dropout must lie in [0, 1]; received {self.label_dropout}")


@keras.saving.register_keras_serializable("vqvae_tf")
class Prior(trainable.TrainableModel):
    """p(z) over grids of codes by a gated PixelCNN, with or without a class.

    Codes are int32 `[batch, height, width]` (with one more axis where `codes_per_position` is
    above 1); any grid will do, also a larger one than `config.grid`.

    Args:
        config: a `PriorConfig`, or a dictionary of one.

    >>> prior = Prior(PriorConfig(num_embeddings=16, channels=8, layers=2, head_width=8))
    >>> prior.sample(count=2, grid=(3, 5), seed=1).shape
    TensorShape([2, 3, 5])
    >>> prior.log_prob(tf.zeros([2, 3, 5], tf.int32)).shape
    TensorShape([2])
    """

    config_class = PriorConfig
    data_key = "codes"

    def __init__(self, config: PriorConfig, **kwargs):
        super().__init__(config, **kwargs)
        config = self.config
        self.network = networks.PixelCNN(
            config.num_embeddings,
            channels=config.channels,
            layers=config.layers,
            kernel_size=config.kernel_size,
            first_kernel=config.first_kernel,
            head_width=config.head_width,
            dropout=config.dropout,
            num_classes=config.num_classes or None,
            code_dim=config.code_dim,
            slots=config.codes_per_position if config.codes_per_position > 1 else None,
            name="network",
            dtype=config.training.precision,
        )
        self.network.build(())
        self.label_draws = keras.random.SeedGenerator(config.training.seed, name="label_draws")
        self.built = True
        self._report(("loss", "bits_per_code"))

    def call(self, codes, label=None, training: bool = False):
        """Logits of every code: `[batch, height, width, (slots,) num_embeddings]`."""
        return self.network(codes, label=label, training=training)

    def log_prob(self, codes, label=None):
        """Natural logarithm of the probability of each grid, `[batch]`."""
        log_probs = -self._cross_entropy(codes, label, training=False)
        return tf.reduce_sum(log_probs, axis=tf.range(1, tf.rank(log_probs)))

    def sample(self, count: int, *, grid: tuple[int, int], seed: int = 0, **controls):
        """Draws `count` grids of codes; `controls` are those of `PixelCNN.sample`."""
        return self.network.sample(count, grid, seed=seed, **controls)

    def compute_losses(self, batch, training: bool = False):
        """`loss`, the mean cross-entropy in nats a code, and the same as `bits_per_code`."""
        label = batch.get("label") if self.config.num_classes else None
        if label is not None and training and self.config.label_dropout:
            draws = keras.random.uniform(tf.shape(label), seed=self.label_draws)
            label = tf.where(draws < self.config.label_dropout, -1, tf.cast(label, tf.int32))
        loss = tf.reduce_mean(self._cross_entropy(batch["codes"], label, training))
        return {"loss": loss, "bits_per_code": loss / math.log(2.0)}

    def bits(self, batch):
        """Bits of each grid, `[batch]` float32 as `total`, and the number of codes in one."""
        codes = tf.convert_to_tensor(batch["codes"])
        label = batch.get("label") if self.config.num_classes else None
        bits = -self.log_prob(codes, label) / math.log(2.0)
        return {"total": bits, "codes": tf.reduce_prod(tf.shape(codes)[1:])}

    def summaries(self, batch) -> Summaries:
        """Which codes the batch holds; pictures need the autoencoder."""
        return Summaries(images={}, histograms={"codes": batch["codes"]})

    def _cross_entropy(self, codes, label, training):
        logits = self.network(codes, label=label, training=training)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, tf.cast(logits, tf.float32))
