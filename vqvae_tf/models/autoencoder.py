"""The base class of all autoencoders."""

import abc
import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf import arguments, layers, metrics
from vqvae_tf.errors import UserError
from vqvae_tf.models import checks, methods_layer, trainable_model
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.conditions import Condition, resolve
from vqvae_tf.models.make_quantizer import make_quantizer
from vqvae_tf.summaries import Summaries


class Autoencoder(trainable_model.TrainableModel):
    """A model that encodes data as codes and decodes codes to data.

    Codes are int32 `[batch, *grid]`, with one more axis if there are several codes per place. The
    abstract methods of a family define its data, their padding and its networks.

    Attributes:
        data_key: name of the main tensor of a batch, which names the medium.
        grid_rank: 1 for sounds, 2 for pictures, 3 for videos.
        draws: whether `decode` draws from p(x|z). It and `reconstruct` then take `seed`,
            `temperature` and `jit_compile`, and the family has `noise_shapes` and `seeded_noise`
            as a `Prior`, and `draw(codes, noise_of_row, **conditions)`, which returns data and
            the log probability of each of their values.
        counts_bits: whether p(x|z) is a distribution of the data, so that `bits` can be counted.
        searchable: whether `CodeSearch` can choose its codes if it has `code_vectors`: its data
            are pictures, and `latents(pictures)` returns the vectors that are quantized.
    """

    grid_rank: int
    draws: bool = False
    counts_bits: bool = True
    searchable: bool = False

    @property
    @abc.abstractmethod
    def code_sizes(self) -> tuple[int, ...]:
        """Number of values of each code of a place, one number per slot."""

    @property
    @abc.abstractmethod
    def code_vectors(self) -> Any:
        """`[num_embeddings, dim]`, the vectors of codes if all slots share one codebook.

        None for other quantizers; `[levels, num_embeddings, dim]` for several levels.
        """

    @property
    @abc.abstractmethod
    def conditions(self) -> dict[str, Condition]:
        """The conditions that the decoder takes, by name."""

    @property
    def encoder_conditions(self) -> dict[str, Condition]:
        """Those that the encoder takes too, by name; no family's must."""
        return {}

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of the grid of codes along each of its axes, in places of the data."""
        return (self.config.stride,) * self.grid_rank

    @property
    @abc.abstractmethod
    def data_taken(self) -> checks.Input:
        """The data that public methods take."""

    @abc.abstractmethod
    def _pad(self, data) -> tf.Tensor:
        """Checked data, padded to a size that the strides divide."""

    @abc.abstractmethod
    def _encode(self, data, conditions) -> tf.Tensor:
        """Codes `[batch, *grid, slots]` of checked data whose size the strides divide.

        `conditions` holds those of `encoder_conditions` that are known, int32 `[batch]` by name.
        """

    @abc.abstractmethod
    def _loss_terms(self, batch, training: bool) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """`(reconstruction, losses, codes)`: reconstruction loss, quantizers' losses, codes.

        `batch` is checked, and its data may have any size.

        `codes` has a key for each level: the prefix of the level's losses and of its `perplexity`,
        "" for a single level.
        """

    @abc.abstractmethod
    def _reconstruction_bits(self, batch, codes) -> tf.Tensor:
        """-log2 p(x|z) of each example, `[batch]`, given codes `[batch, *grid, slots]`."""

    @abc.abstractmethod
    def decode(self, codes: Any, *args: Any, **kwargs: Any) -> Any:
        """Decodes codes to data, in a graph too.

        Further arguments are conditions by name, and the controls of a model that `draws`.
        """

    @abc.abstractmethod
    def reconstruct(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """`decode(encode(data))`, cropped to the size of the data."""

    @abc.abstractmethod
    def summaries(self, batch) -> Summaries:
        """Summaries of a batch for the training log."""

    @property
    def bits_per_place(self) -> float:
        """Bits per place with fixed-length codes: the sum of log2 of `code_sizes`."""
        return sum(math.log2(size) for size in self.code_sizes)

    @property
    def codes_spec(self) -> tf.TensorSpec:
        """The spec of codes, for any batch size and any grid."""
        return self.codes_taken.spec

    @property
    def takes(self):
        conditions = {name: each.input(name) for name, each in self.conditions.items()}
        return {self.data_key: self.data_taken, **conditions}

    @property
    def codes_taken(self) -> checks.Input:
        """The codes that `decode` takes."""
        return checks.codes(self.grid_rank, self.code_sizes)

    def make_quantizer(self, name: str) -> layers.Quantizer:
        """The quantizer of the configuration, not built yet."""
        training = self.config.training
        return make_quantizer(
            self.config.quantizer, name, seed=training.seed, dtype=training.precision
        )

    def encode(self, data, **conditions):
        """Codes of data: int32 `[batch, *grid]`, with one more axis for several per place.

        It also takes a symbolic input of a functional model.

        Args:
            data: as `data_taken` describes it.
            **conditions: of `encoder_conditions`, by name: a name or a number for all examples, or
                one for each; None where it is not known.
        """
        data = self.data_taken.check(data)
        if methods_layer.is_symbolic(data):
            return methods_layer.call(self, "encode", data)
        told = resolve(self.encoder_conditions, conditions, data)
        return without_slots(self._encode(self._pad(data), told))

    def of_encoder(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The conditions of a batch that the encoder takes too."""
        return {name: batch[name] for name in self.encoder_conditions if name in batch}

    def compute_losses(self, batch, training: bool = False):
        """Mean losses of a batch: `reconstruction`, those of the quantizers, and their sum `loss`.

        The perplexities of this batch's codes are returned too and are not part of the sum.
        """
        training = arguments.flag("training", training)
        reconstruction, losses, codes = self._loss_terms(self.check_batch(batch), training)
        losses = {"reconstruction": reconstruction, **losses}
        return {
            "loss": tf.add_n(list(losses.values())),
            **losses,
            **{f"{level}perplexity": self._perplexity(each) for level, each in codes.items()},
        }

    def bits(self, batch, codes=None):
        """Bits of each example, float32 `[batch]` by name, and the number of dimensions.

        They are computed for the nearest codes, or for `codes`, in the shape that `encode` returns.

        `reconstruction` is -log2 p(x|z); `latent` is the number of places times `bits_per_place`;
        `total` is their sum; `dimensions` is the number of values of an example.
        """
        if not self.counts_bits:
            raise UserError(
                f"the decoder of this {type(self).__name__} gives no distribution of its data, so "
                "bits cannot be counted; see config.output"
            )
        batch = self.check_batch(batch)
        data = batch[self.data_key]
        checks.refuse_symbolic("codes", codes)
        if codes is None:
            codes = self._encode(self._pad(data), self.of_encoder(batch))
        else:
            codes = self.codes_taken.check(codes)
        reconstruction = self._reconstruction_bits(batch, codes)
        places = tf.reduce_prod(tf.shape(codes)[1:-1])
        latent = tf.fill(tf.shape(codes)[:1], tf.cast(places, tf.float32) * self.bits_per_place)
        return {
            "reconstruction": reconstruction,
            "latent": latent,
            "total": reconstruction + latent,
            "dimensions": tf.reduce_prod(tf.shape(data)[1:]),
        }

    def _perplexity(self, codes):
        """Perplexity of codes `[..., slots]`, the geometric mean over the slots."""
        size = max(self.code_sizes)
        counts = [metrics.count_codes(codes[..., slot], size) for slot in range(codes.shape[-1])]
        return metrics.perplexity_of(tf.stack(counts))


def encode_places(quantizer: layers.Quantizer, vectors: Any) -> Any:
    """Codes `[batch, *grid, slots]` of vectors `[batch, *grid, dim]`."""
    return _with_axis(quantizer, quantizer.encode(vectors))


def quantize_places(quantizer: layers.Quantizer, vectors: Any, training: bool) -> layers.Quantized:
    """`Quantizer.quantize`, with codes `[batch, *grid, slots]`."""
    quantized = quantizer.quantize(vectors, training=training)
    return quantized._replace(codes=_with_axis(quantizer, quantized.codes))


def decode_places(quantizer: layers.Quantizer, codes: Any) -> Any:
    """Vectors `[batch, *grid, dim]` of codes `[batch, *grid, slots]`."""
    return quantizer.decode(without_slots(codes))


def code_vectors_of(quantizer: Any) -> Any:
    """`[num_embeddings, dim]` if all codes of a place share one codebook, else None."""
    if isinstance(quantizer, layers.GroupedQuantizer) and quantizer.shared:
        quantizer = quantizer.quantizers[0]
    is_codebook = isinstance(quantizer, layers.CodebookQuantizer)
    return getattr(quantizer, "codebook", None) if is_codebook else None


def _with_axis(quantizer, codes):
    return codes[..., None] if len(quantizer.code_sizes) == 1 else codes
