"""Priors: models over grids of codes, fitted after the autoencoder, that generate from them."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import DataConfig, Summaries, TrainingConfig, at_least
from vqvae_tf.errors import UserError
from vqvae_tf.models import trainable
from vqvae_tf.networks.pixelcnn.sampler import sample_codes

# Between the seeds of a prior's levels: an odd number far from any that a user counts up to.
_SEED_STEP = 0x9E3779B97F4A7C15


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

    @property
    def variation(self) -> DataConfig:
        """How what is encoded to train it is varied."""
        return self.data

    @property
    def crop(self) -> tuple[int, int]:
        """(height, width) of the crops of codes that it is trained on."""
        return self.grid, self.grid

    def for_codes(self, autoencoder: Any, num_classes: int) -> "PriorConfig":
        """The same for the codes of an autoencoder's configuration, and so many classes."""
        return dataclasses.replace(
            self,
            num_embeddings=autoencoder.num_embeddings,
            codes_per_position=autoencoder.codes_per_position,
            code_dim=None if self.code_dim is None else autoencoder.embedding_dim,
            num_classes=num_classes if self.num_classes else 0,
        )

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

    config_class: type = PriorConfig
    data_key = "codes"
    code_axes = 2  # of a sample's codes, but for the codes at a place

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self._make_networks()
        self._compiled_log_prob = tf.function(self.log_prob, autograph=False, reduce_retracing=True)
        self.label_draws = keras.random.SeedGenerator(self.config.training.seed, name="label_draws")
        self.built = True
        self._report(("loss", "bits_per_code"))

    def _make_networks(self):
        slots = self.config.codes_per_position
        self.network = self._pixelcnn("network", slots=slots if slots > 1 else None)

    def _pixelcnn(self, name, **options):
        config = self.config
        network = networks.PixelCNN(
            config.num_embeddings,
            **{"channels": config.channels, "layers": config.layers} | options,
            kernel_size=config.kernel_size,
            first_kernel=config.first_kernel,
            head_width=config.head_width,
            dropout=config.dropout,
            num_classes=config.num_classes or None,
            code_dim=config.code_dim,
            name=name,
            dtype=config.training.precision,
        )
        network.build(())
        return network

    def call(self, codes, label=None, training: bool = False):
        """Logits of every code: `[batch, height, width, (slots,) num_embeddings]`."""
        return self.network(codes, label=label, training=training)

    def log_prob(self, codes, label=None):
        """Natural logarithm of the probability of each grid, `[batch]`."""
        log_probs = -self._cross_entropy(codes, label, training=False)
        return tf.reduce_sum(log_probs, axis=tf.range(1, tf.rank(log_probs)))

    def initialize(self, codebook: Any, log_frequencies: Any) -> None:
        """Starts from what is known of the codes before training.

        Args:
            codebook: the autoencoder's; taken in where `code_dim` is given.
            log_frequencies: `[codes_per_position, num_embeddings]`, the logits' start.
        """
        if self.config.code_dim is not None:
            self.network.load_code_vectors(codebook)
        several = self.config.codes_per_position > 1
        self.network.set_output_bias(log_frequencies if several else log_frequencies[0])

    def sample(
        self,
        count: int,
        *,
        grid: tuple[int, ...],
        seed: int = 0,
        best_of: int = 1,
        label: Any = None,
        prefix: Any = None,
        first_sample: int = 0,
        **controls,
    ):
        """Draws `count` grids of codes.

        Args:
            count: number of samples.
            grid: (height, width) of the codes.
            seed: any integer.
            best_of: draw so many for each sample and keep the likeliest, by `log_prob`; typical
                ones come of it, and less variety.
            label, prefix, first_sample: as of `PixelCNN.sample`.
            controls: the others of `PixelCNN.sample`: `temperature`, `top_k`, `top_p`, ...

        Returns:
            int32 `[count, *grid]`, with one more axis where there are several codes a place.

        Raises:
            UserError: for an argument out of range.
        """
        if best_of < 1:
            raise UserError(f"best_of must be at least 1; received {best_of}")
        label, prefix = _for_each(label, count, best_of), _for_each(prefix, count, best_of)
        drawn = self._sample(
            count * best_of,
            grid,
            seed=seed,
            label=label,
            prefix=prefix,
            first_sample=first_sample * best_of,
            **controls,
        )
        if best_of == 1:
            return drawn
        known = None if label is None else tf.broadcast_to(label, [count * best_of])
        likelihood = tf.reshape(self._compiled_log_prob(drawn, known), [count, best_of])
        best = tf.argmax(likelihood, axis=1, output_type=tf.int32)
        return tf.gather(drawn, tf.range(count) * best_of + best)

    @property
    def codes_spec(self) -> tf.TensorSpec:
        """Of codes, of any batch and any grid."""
        several = self.config.codes_per_position
        open_sizes = [None] * (1 + self.code_axes)
        return tf.TensorSpec(open_sizes + ([several] if several > 1 else []), tf.int32)

    def of_maps(self, codes: Any) -> Any:
        """Codes of stored maps, `[batch, height, width, ...]`, as this prior takes them.

        Raises:
            UserError: they can be none of its.
        """
        return codes

    def _sample(self, count, grid, *, seed, prefix, **controls):
        return self.network.sample(count, grid, seed=seed, prefix=prefix, **controls)

    def noise_shapes(self, grid: tuple[int, ...]) -> dict[str, tuple[int, int, int]]:
        """What `draw` needs noise for: name -> (height, width, codes a place)."""
        return {"noise": (*grid, self.config.codes_per_position)}

    def draw(
        self,
        noise_of_row: Mapping[str, Callable],
        grid: tuple[int, int],
        count: Any,
        *,
        temperature: Any = 1.0,
        label: Any = None,
        with_log_prob: bool = False,
    ) -> Any:
        """`sample` as a graph, for exported endpoints: the noise is the caller's.

        Args:
            noise_of_row: for each name of `noise_shapes(grid)`, a function from a row's number to
                Gumbel noise, float32 `[width, count, codes a place, num_embeddings]`.
            grid: (height, width), Python integers.
            count: number of samples, an integer or a scalar tensor.
            temperature: scalar.
            label: int32 `[count]`, or None.
            with_log_prob: whether to give the log probability of each code as well.

        Returns:
            Codes as `sample` gives them; with `with_log_prob` a pair of them and float32 of the
            same shape.
        """
        drawn = sample_codes(
            self.network,
            noise_of_row["noise"],
            grid,
            count,
            temperature=temperature,
            label=label,
            with_log_prob=with_log_prob,
        )
        if self.config.codes_per_position > 1:
            return drawn
        return tuple(each[..., 0] for each in drawn) if with_log_prob else drawn[..., 0]

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
        logits = self.call(codes, label=label, training=training)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, tf.cast(logits, tf.float32))


def _for_each(given, count, times):
    """A control of `count` samples as one of `times` as many; one for all stays as it is."""
    given = None if given is None else np.asarray(given)
    if times == 1 or given is None or given.ndim == 0 or len(given) != count:
        return given
    return np.repeat(given, times, axis=0)


def seed_of_level(seed: int, level: int) -> int:
    """The seed that a level of a prior draws from: the first one's is the seed itself."""
    return (seed + level * _SEED_STEP) % 2**64
