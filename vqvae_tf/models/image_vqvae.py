"""The image VQ-VAE: an encoder, a quantizer and a decoder over pictures of any size."""

import keras

from vqvae_tf import networks
from vqvae_tf.config.image import ImageConfig
from vqvae_tf.models import autoencoder, checks, image_model


@keras.saving.register_keras_serializable("vqvae_tf")
class ImageVQVAE(image_model.ImageModel):
    """Encodes pictures as one grid of codes (van den Oord et al. 2017, section 4).

    Pictures are uint8 `[batch, height, width, channels]` of any size. Sizes that the strides don't
    divide are padded by reflection at the bottom and the right; `reconstruct` crops the result.
    Codes are int32 `[batch, ceil(height / stride), ceil(width / stride)]`, with one more axis if
    `config.quantizer` has several codes per place.

    Args:
        config: an `ImageConfig`, or a dictionary of one (as `config.json` holds it).

    >>> import tensorflow as tf
    >>> quantizer = {"num_embeddings": [16]}
    >>> model = ImageVQVAE({"widths": [4, 8], "residual_width": 4, "quantizer": quantizer})
    >>> pictures = tf.zeros([2, 21, 30, 3], tf.uint8)
    >>> codes = model.encode(pictures)
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(pictures).shape
    (TensorShape([2, 6, 8]), TensorShape([2, 24, 32, 3]), TensorShape([2, 21, 30, 3]))
    """

    config_class = ImageConfig
    searchable = True

    def _make_networks(self):
        config = self.config
        self.likelihood = image_model.make_likelihood(config)
        self.encoder = networks.Encoder(
            widths=config.widths,
            embedding_dim=config.embedding_dim,
            final_convolution=config.final_convolution,
            name="encoder",
            **self._body(),
        )
        self.quantizer = self.make_quantizer("quantizer")
        self.decoder = networks.Decoder(
            widths=config.widths[::-1],
            channels=self.likelihood.parameters(config.data.channels),
            name="decoder",
            **self._body(),
        )
        self.encoder.build((None, None, None, config.data.channels))
        self.quantizer.build((None, None, None, config.embedding_dim))
        self.decoder.build((None, None, None, config.embedding_dim))
        self.likelihood.build((None, None, None, self.decoder.channels))
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def code_sizes(self):
        return self.quantizer.code_sizes

    @property
    def code_vectors(self):
        return autoencoder.code_vectors_of(self.quantizer)

    def latents(self, images):
        """The encoder's output, not quantized, for uint8 pictures whose size the strides divide.

        `[batch, height / stride, width / stride, embedding_dim]`.
        """
        checks.refuse_symbolic("pictures", images)
        return self.encoder(image_model.pixels_of(self.data_taken.check(images)))

    def _encode_pixels(self, pixels):
        return autoencoder.encode_places(self.quantizer, self.encoder(pixels))

    def _outputs(self, codes):
        return self.decoder(autoencoder.decode_places(self.quantizer, codes))

    def _forward(self, pixels, training):
        latents = self.encoder(pixels, training=training)
        quantized = autoencoder.quantize_places(self.quantizer, latents, training)
        outputs = self.decoder(quantized.vectors, training=training)
        return outputs, quantized.losses, {"": quantized.codes}
