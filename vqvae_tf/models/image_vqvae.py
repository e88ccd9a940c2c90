"""The image VQ-VAE: an encoder, a quantizer and a decoder over pictures of any size."""

import keras

from vqvae_tf import networks
from vqvae_tf.config.image import ImageConfig
from vqvae_tf.models import checks, image_model, one_grid_model
from vqvae_tf.models.pixels import pixels_of


@keras.saving.register_keras_serializable("vqvae_tf")
class ImageVQVAE(one_grid_model.OneGridModel, image_model.ImageModel):
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

    def _make_encoder(self):
        return networks.Encoder(
            widths=self.config.widths,
            embedding_dim=self.config.embedding_dim,
            final_convolution=self.config.final_convolution,
            name="encoder",
            **self._body(),
        )

    def _make_decoder(self, channels):
        return networks.Decoder(
            widths=self.config.widths[::-1], channels=channels, name="decoder", **self._body()
        )

    def latents(self, images):
        """The encoder's output, not quantized, for uint8 pictures whose size the strides divide.

        `[batch, height / stride, width / stride, embedding_dim]`.
        """
        checks.refuse_symbolic("pictures", images)
        return self.encoder(pixels_of(self.data_taken.check(images)))
