"""What all image models share: their configuration's fields, and pictures in and out."""

import abc
import dataclasses
import math

import tensorflow as tf

from vqvae_tf import likelihoods
from vqvae_tf.config import DataConfig, Summaries, at_least
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.models import autoencoder, trainable
from vqvae_tf.models.prior import Prior

LIKELIHOODS = ("normal", "normal_learned", "logistic_mixture", "categorical")


@dataclasses.dataclass(frozen=True)
class ImageModelConfig(autoencoder.AutoencoderConfig):
    """What image models have in common; `config.json` holds a family's own.

    `commitment_cost` stands beside a squared error divided by `data_variance`; `widths` are those
    after each halving of the picture.

    Attributes beside those of `AutoencoderConfig`:
        final_convolution: one more 3x3 convolution in the encoder (Sonnet's; the paper has none).
        likelihood: "normal" (squared error), "normal_learned" (a trained scale),
            "logistic_mixture" or "categorical".
        mixture_components: of the logistic mixture.
        data_variance: variance of the pixels on a scale of width 1.
        data: how tiles are cut to train on.
    """

    final_convolution: bool = True
    likelihood: str = "normal"
    mixture_components: int = 10
    data_variance: float = 0.06
    data: DataConfig = DataConfig()

    def __post_init__(self):
        super().__post_init__()
        if self.likelihood not in LIKELIHOODS:
            raise UserError(
                f'unknown likelihood "{self.likelihood}"; {nearest(self.likelihood, LIKELIHOODS)}'
            )
        at_least(1, self, "codes_per_position", "mixture_components")
        if not self.data_variance > 0.0:
            raise UserError(f"data_variance must be above 0; received {self.data_variance}")
        size = self.data.image_size
        if size < 1 or size % self.stride:
            below = max(size // self.stride, 1) * self.stride
            raise UserError(
                f"data.image_size must be a multiple of {self.stride}; received {size}, the "
                f"nearest are {below} and {below + self.stride}"
            )

    @property
    def stride(self) -> int:
        """Pixels of the picture to a place of the code grid, a side."""
        return 2 ** len(self.widths)

    @property
    def reach(self) -> int:
        """How many places of the code grid away a pixel may lie, at most, and still count.

        For its code, by the encoder, and for a pixel that comes of a code, by the decoder: a place
        for every 3-wide convolution, and less than two for all strided ones.
        """
        return self.residual_blocks + 3


class ImageModel(trainable.TrainableModel):
    """Pictures to codes and back.

    Pictures are uint8 `[batch, height, width, channels]` of any size: sizes that the strides don't
    divide are continued by reflection at the bottom and the right, and `reconstruct` crops back.
    Codes are int32 `[batch, ceil(height / stride), ceil(width / stride)]`, with one more axis
    where there are several at a place.

    A family says how it quantizes and what it makes of codes: `codebook` and the methods that are
    abstract here. Its `prior_class` models its codes.
    """

    data_key = "image"
    prior_class: type[Prior] = Prior

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.likelihood = _likelihood(self.config)

    def _body(self):
        """Arguments that the config gives to all encoders and decoders."""
        return {
            "rank": 2,
            "residual_blocks": self.config.residual_blocks,
            "residual_width": self.config.residual_width,
            "dtype": self.config.training.precision,
        }

    @property
    @abc.abstractmethod
    def codebook(self):
        """`[num_embeddings, dim]`, or one for each codebook along a first axis."""

    @abc.abstractmethod
    def _forward(self, pixels, training):
        """`(outputs, losses, perplexities)`: the decoder's output, and both others by name."""

    @abc.abstractmethod
    def _encode(self, pixels):
        """Codes of pixels whose size the strides divide."""

    @abc.abstractmethod
    def _outputs(self, codes):
        """What the decoder makes of codes: the parameters of p(x|z)."""

    def call(self, images, training: bool = False):
        """Reconstruction of uint8 pictures as float pixels in [-0.5, 0.5]."""
        outputs, *_ = self._forward(pixels_of(images), training)
        return self.likelihood.mean(outputs)

    def encode(self, images):
        """Codes of uint8 pictures."""
        images = tf.convert_to_tensor(images)
        _refuse_empty(images)
        return self._encode(pixels_of(pad_by_reflection(images, self.config.stride)))

    def decode(self, codes):
        """The uint8 pictures that codes stand for: the mean of p(x|z), rounded."""
        codes = tf.convert_to_tensor(codes)
        _refuse_empty(codes)
        return _to_uint8(self.likelihood.mean(self._outputs(codes)))

    def reconstruct(self, images):
        """`decode(encode(images))`, cropped to the pictures' own size."""
        images = tf.convert_to_tensor(images)
        size = tf.shape(images)
        return self.decode(self.encode(images))[:, : size[1], : size[2]]

    def compute_losses(self, batch, training: bool = False):
        """Mean losses of a batch: `reconstruction`, the quantizers' own, and their sum `loss`.

        The perplexities, of the codes of this batch, are beside them and not in the sum.
        """
        pixels = pixels_of(batch["image"])
        outputs, losses, perplexities = self._forward(pixels, training)
        losses = {
            "reconstruction": self.likelihood.loss(outputs, pixels, training=training),
            **losses,
        }
        return {"loss": tf.add_n(list(losses.values())), **losses, **perplexities}

    def bits(self, batch, codes=None):
        """Bits that each picture costs: `[batch]` float32 each, and the number of dimensions.

        Of the nearest codes, or of given ones, shaped as those of `encode`.

        `reconstruction` is -log2 p(x|z), with the mass of 8-bit values; `latent` is the number of
        codes times log2 K; `total` their sum; `dimensions` is height * width * channels.
        """
        images = tf.convert_to_tensor(batch["image"])
        size = tf.shape(images)
        codes = self.encode(images) if codes is None else tf.convert_to_tensor(codes)
        outputs = self._outputs(codes)
        reconstruction = self.likelihood.bits(outputs[:, : size[1], : size[2]], images)
        number = tf.size(codes) // tf.maximum(size[0], 1)
        latent = tf.cast(number, tf.float32) * math.log2(self.config.num_embeddings)
        latent = tf.fill([size[0]], latent)
        return {
            "reconstruction": reconstruction,
            "latent": latent,
            "total": reconstruction + latent,
            "dimensions": tf.reduce_prod(size[1:]),
        }

    def summaries(self, batch) -> Summaries:
        """Pictures beside their reconstructions, and which codes they use."""
        images = batch["image"][:8]
        codes = self.encode(images)
        beside = tf.concat([images, self.decode(codes)], axis=2)
        return Summaries(images={"reconstructions": beside}, histograms={"codes": codes})


def pixels_of(images):
    """uint8 pictures as networks see them: float32 in [-0.5, 0.5]."""
    return tf.cast(images, tf.float32) / 255.0 - 0.5


def _likelihood(config: ImageModelConfig) -> likelihoods.Likelihood:
    if config.likelihood == "logistic_mixture":
        return likelihoods.LogisticMixture(config.mixture_components, name="likelihood")
    if config.likelihood == "categorical":
        return likelihoods.Categorical(name="likelihood")
    scale = "learned" if config.likelihood == "normal_learned" else "fixed"
    return likelihoods.Normal(scale, config.data_variance, name="likelihood")


def _to_uint8(pixels):
    return tf.cast(tf.round((pixels + 0.5) * 255.0), tf.uint8)


def _refuse_empty(batch):
    """TensorFlow's convolutions fail on nothing, with a line that says nothing of it."""
    if 0 in batch.shape:
        raise UserError(
            f"a batch must hold at least one picture of at least one pixel; received shape "
            f"{tuple(batch.shape)}"
        )


def pad_by_reflection(images, multiple):
    """Continues pictures at the bottom and the right to sizes that `multiple` divides.

    By indices and not `tf.pad`, whose reflection stops at the size of the picture less one.
    """
    for axis in (1, 2):
        size = images.shape[axis]
        if size is not None and size % multiple == 0:
            continue
        size = tf.shape(images)[axis]
        period = tf.maximum(2 * (size - 1), 1)
        place = tf.range(-(-size // multiple) * multiple) % period
        images = tf.gather(images, (size - 1) - tf.abs(size - 1 - place), axis=axis)
    return images
