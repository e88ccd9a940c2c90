"""The base class of models of pixels with one encoder, one quantizer and one decoder."""

import abc
from typing import Any

from vqvae_tf.models import autoencoder, pixel_model
from vqvae_tf.models.pixels import make_likelihood


class OneGridModel(pixel_model.PixelModel):
    """A model of pixels whose codes are one grid: encoder, quantizer, decoder.

    The abstract methods of a family make the two networks, which take and return
    `[batch, *grid, channels]`.
    """

    @abc.abstractmethod
    def _make_encoder(self) -> Any:
        """The encoder, to `config.embedding_dim` channels, not built yet."""

    @abc.abstractmethod
    def _make_decoder(self, channels: int) -> Any:
        """The decoder to `channels`, the parameters of p(x|z), not built yet."""

    def _make_networks(self):
        config = self.config
        channels = config.data.channels
        self.likelihood = make_likelihood(config)
        parameters = self.likelihood.parameters(channels)
        self.encoder = self._make_encoder()
        self.quantizer = self.make_quantizer("quantizer")
        self.decoder = self._make_decoder(parameters)
        places = (None,) * (self.grid_rank + 1)
        self.encoder.build((*places, channels))
        self.quantizer.build((*places, config.embedding_dim))
        self.decoder.build((*places, config.embedding_dim))
        self.likelihood.build((*places, parameters))
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def code_sizes(self):
        return self.quantizer.code_sizes

    @property
    def code_vectors(self):
        return autoencoder.code_vectors_of(self.quantizer)

    def _encode_pixels(self, pixels):
        return autoencoder.encode_places(self.quantizer, self.encoder(pixels))

    def _outputs(self, codes):
        return self.decoder(autoencoder.decode_places(self.quantizer, codes))

    def _forward(self, pixels, training):
        latents = self.encoder(pixels, training=training)
        quantized = autoencoder.quantize_places(self.quantizer, latents, training)
        outputs = self.decoder(quantized.vectors, training=training)
        return outputs, quantized.losses, {"": quantized.codes}
