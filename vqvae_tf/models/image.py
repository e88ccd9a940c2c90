"""The image VQ-VAE: an encoder, a quantizer and a decoder over pictures of any size."""

import dataclasses

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.metrics import count_codes, perplexity_of
from vqvae_tf.models import autoencoder, image_model


@dataclasses.dataclass(frozen=True)
class ImageConfig(image_model.ImageModelConfig):
    """What an image VQ-VAE is and how it is trained; `config.json` holds it.

    Attributes beside those of `ImageModelConfig`:
        codes_per_position: codes at each place, all from one codebook.
    """

    codes_per_position: int = 1

    @property
    def codebook_of_code(self) -> tuple[int, ...]:
        """Number of the codebook of each code of a place."""
        return (0,) * self.codes_per_position


@keras.saving.register_keras_serializable("vqvae_tf")
class ImageVQVAE(image_model.ImageModel):
    """Pictures to one grid of codes and back (van den Oord et al. 2017, section 4).

    On this level pictures are uint8 `[batch, height, width, channels]` of any size: sizes that
    the strides don't divide are continued by reflection at the bottom and the right, and
    `reconstruct` crops back. Codes are int32 `[batch, ceil(height / stride), ceil(width /
    stride)]`, with one more axis where `codes_per_position` is above 1.

    Args:
        config: an `ImageConfig`, or a dictionary of one (as `config.json` holds it).

    >>> config = ImageConfig(widths=(4, 8), residual_width=4, embedding_dim=2, num_embeddings=16)
    >>> model = ImageVQVAE(config)
    >>> pictures = tf.zeros([2, 21, 30, 3], tf.uint8)
    >>> codes = model.encode(pictures)
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(pictures).shape
    (TensorShape([2, 6, 8]), TensorShape([2, 24, 32, 3]), TensorShape([2, 21, 30, 3]))
    """

    config_class = ImageConfig

    def __init__(self, config: ImageConfig, **kwargs):
        super().__init__(config, **kwargs)
        config = self.config
        # D for each of a place's codes, side by side.
        latent = config.embedding_dim * config.codes_per_position
        self.encoder = networks.Encoder(
            widths=config.widths,
            embedding_dim=latent,
            final_convolution=config.final_convolution,
            name="encoder",
            **self._body(),
        )
        self.quantizer = autoencoder.make_quantizer(config, "quantizer")
        self.decoder = networks.Decoder(
            widths=config.widths[::-1],
            channels=self.likelihood.parameters(config.data.channels),
            name="decoder",
            **self._body(),
        )
        # Built at once: a checkpoint can be restored, and `fit` finds all its variables.
        self.encoder.build((None, None, None, config.data.channels))
        self.quantizer.build((None, None, None, config.embedding_dim))
        self.decoder.build((None, None, None, latent))
        self.likelihood.build((None, None, None, self.decoder.channels))
        self.built = True
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def codebook(self):
        """`[num_embeddings, embedding_dim]`."""
        return self.quantizer.codebook

    def latents(self, images):
        """What the encoder says of uint8 pictures whose size the strides divide, not quantized.

        `[batch, height / stride, width / stride, dim]`, with one more axis before the last where
        `codes_per_position` is above 1.
        """
        return self._latents(image_model.pixels_of(images), training=False)

    def _encode(self, pixels):
        return self.quantizer.encode(self._latents(pixels, training=False))

    def _outputs(self, codes):
        return self.decoder(self._join(self.quantizer.decode(codes)))

    def _forward(self, pixels, training):
        quantized = self.quantizer.quantize(self._latents(pixels, training), training=training)
        outputs = self.decoder(self._join(quantized.vectors), training=training)
        perplexity = perplexity_of(count_codes(quantized.codes, self.config.num_embeddings))
        return outputs, quantized.losses, {"perplexity": perplexity}

    def _latents(self, pixels, training):
        """The encoder's output, with the codes' axis where there are several at a place."""
        latents = self.encoder(pixels, training=training)
        if self.config.codes_per_position == 1:
            return latents
        shape = tf.shape(latents)[:-1]
        return tf.reshape(
            latents,
            tf.concat([shape, [self.config.codes_per_position, self.config.embedding_dim]], 0),
        )

    def _join(self, vectors):
        """The vectors of a place as one: the inverse of the reshape in `_latents`."""
        if self.config.codes_per_position == 1:
            return vectors
        width = self.config.codes_per_position * self.config.embedding_dim
        return tf.reshape(vectors, tf.concat([tf.shape(vectors)[:-2], [width]], 0))
