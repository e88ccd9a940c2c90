"""The contract of all autoencoders: data to codes and back, and what training asks of them."""

import abc
import math
from typing import Any

import tensorflow as tf

from vqvae_tf import layers, metrics
from vqvae_tf.models import checks, methods_layer, trainable_model
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.conditions import Condition
from vqvae_tf.models.make_quantizer import make_quantizer
from vqvae_tf.summaries import Summaries


class Autoencoder(trainable_model.TrainableModel):
    """Data to codes and back.

    Codes are int32 `[batch, *grid]`, with one more axis where a place has several. A family says
    what its data are, how it pads them, and what its networks make of them: the abstract methods.

    Attributes:
        data_key: name of the main tensor of a batch, which names the medium.
        grid_rank: 1 for sounds, 2 for pictures, 3 for videos.
        decodes_in_graph: whether `decode` can be exported: not where it draws sample by sample.
        searchable: whether `CodeSearch` can choose its codes, where there are `code_vectors`: it
            has pictures, and `latents(pictures)` gives the vectors that codes stand for.
    """

    grid_rank: int
    decodes_in_graph: bool = True
    searchable: bool = False

    @property
    @abc.abstractmethod
    def code_sizes(self) -> tuple[int, ...]:
        """How many values each code of a place may take, a number for each slot."""

    @property
    @abc.abstractmethod
    def code_vectors(self) -> Any:
        """`[num_embeddings, dim]`, what codes stand for where all slots have one codebook.

        None for another quantizer; `[levels, num_embeddings, dim]` for several levels.
        """

    @property
    @abc.abstractmethod
    def conditions(self) -> dict[str, Condition]:
        """What the decoder may be told, by name."""

    @property
    @abc.abstractmethod
    def data_taken(self) -> checks.Input:
        """Data as users have them."""

    @abc.abstractmethod
    def _pad(self, data) -> tf.Tensor:
        """Checked data, continued to a size that the strides divide."""

    @abc.abstractmethod
    def _encode(self, data) -> tf.Tensor:
        """Codes `[batch, *grid, slots]` of checked data whose size the strides divide."""

    @abc.abstractmethod
    def _loss_terms(self, batch, training: bool) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """`(reconstruction, losses, codes)`: the first loss, the quantizers', codes by prefix.

        `batch` is checked, and its data of any size.

        The prefix is that of the level's losses and of its `perplexity`: "" where there is one.
        """

    @abc.abstractmethod
    def _reconstruction_bits(self, batch, codes) -> tf.Tensor:
        """-log2 p(x|z) of each example, `[batch]`, given codes `[batch, *grid, slots]`."""

    @abc.abstractmethod
    def decode(self, codes: Any, *args: Any, **kwargs: Any) -> Any:
        """Data that codes stand for; further arguments are conditions, and the family's own."""

    @abc.abstractmethod
    def reconstruct(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """`decode(encode(data))` at the data's own size."""

    @abc.abstractmethod
    def summaries(self, batch) -> Summaries:
        """What a training log shows of a batch."""

    @property
    def bits_per_place(self) -> float:
        """Bits of the codes of one place at fixed length: the sum of log2 of `code_sizes`."""
        return sum(math.log2(size) for size in self.code_sizes)

    @property
    def codes_spec(self) -> tf.TensorSpec:
        """Of codes, of any batch and any grid."""
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

    def encode(self, data):
        """Codes of data: int32 `[batch, *grid]`, with one more axis for several per place.

        In a functional model also of a symbolic input.
        """
        data = self.data_taken.check(data)
        if methods_layer.is_symbolic(data):
            return methods_layer.call(self, "encode", data)
        return without_slots(self._encode(self._pad(data)))

    def compute_losses(self, batch, training: bool = False):
        """Mean losses of a batch: `reconstruction`, the quantizers' own, and their sum `loss`.

        The perplexities, of the codes of this batch, are in addition to them and not in the sum.
        """
        reconstruction, losses, codes = self._loss_terms(self.check_batch(batch), training)
        losses = {"reconstruction": reconstruction, **losses}
        return {
            "loss": tf.add_n(list(losses.values())),
            **losses,
            **{f"{level}perplexity": self._perplexity(each) for level, each in codes.items()},
        }

    def bits(self, batch, codes=None):
        """Bits that each example costs: `[batch]` float32 each, and the number of dimensions.

        Of the nearest codes, or of given ones, shaped as those of `encode`.

        `reconstruction` is -log2 p(x|z); `latent` is the number of places times `bits_per_place`;
        `total` their sum; `dimensions` is how many numbers an example has.
        """
        batch = self.check_batch(batch)
        data = batch[self.data_key]
        codes = self._encode(self._pad(data)) if codes is None else self.codes_taken.check(codes)
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
        """Of codes `[..., slots]`: the geometric mean over the slots."""
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
    """`[num_embeddings, dim]` where all of a place's codes have one codebook, else None."""
    if isinstance(quantizer, layers.GroupedQuantizer) and quantizer.shared:
        quantizer = quantizer.quantizers[0]
    is_codebook = isinstance(quantizer, layers.CodebookQuantizer)
    return getattr(quantizer, "codebook", None) if is_codebook else None


def _with_axis(quantizer, codes):
    return codes[..., None] if len(quantizer.code_sizes) == 1 else codes
