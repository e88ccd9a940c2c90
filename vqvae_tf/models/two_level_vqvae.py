"""The two-level image VQ-VAE: a coarse grid of codes, and a finer grid conditioned on it.

Both grids are one array (see `vqvae_tf.models.two_level_codes`), so that code for a single grid
works for two levels.
"""

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.two_level import SLOTS, TwoLevelConfig
from vqvae_tf.models import autoencoder, image_model
from vqvae_tf.models.pixels import make_likelihood
from vqvae_tf.models.two_level_codes import join_levels, split_levels


@keras.saving.register_keras_serializable("vqvae_tf")
class TwoLevelVQVAE(image_model.ImageModel):
    """Encodes pictures as two grids of codes (VQ-VAE-2, Razavi et al. 2019, arXiv 1906.00446).

    The upper grid has one code per `stride` pixels along each side, the lower grid one per half as
    many. The upper codes are computed first. The lower codes quantize the residual of the lower
    grid's vectors after subtracting the decoded upper codes, and the decoder takes the sum. (If
    both are concatenated instead, as in VQ-VAE-2, the lower codes carry everything and the upper
    codebook collapses: docs/models.md has figures.)

    Pictures are uint8 `[batch, height, width, channels]` of any size. Codes are
    int32 `[batch, ceil(height / stride), ceil(width / stride), 5]`: the upper code of a place,
    then the four lower ones in reading order. `split_levels` returns the two grids, `join_levels`
    joins them.

    Args:
        config: a `TwoLevelConfig`, or a dictionary of one (as `config.json` holds it).

    >>> config = TwoLevelConfig(widths=(4, 8), upper_width=8, residual_width=4, embedding_dim=2)
    >>> model = TwoLevelVQVAE(config)
    >>> codes = model.encode(tf.zeros([2, 21, 30, 3], tf.uint8))
    >>> upper, lower = split_levels(codes)
    >>> codes.shape.as_list(), upper.shape.as_list(), lower.shape.as_list()
    ([2, 3, 4, 5], [2, 3, 4], [2, 6, 8])
    >>> model.decode(codes).shape.as_list()
    [2, 24, 32, 3]
    """

    config_class = TwoLevelConfig

    def _make_networks(self):
        config = self.config
        self.likelihood = make_likelihood(config)
        dim, features = config.embedding_dim, config.widths[-1]
        self.lower_encoder = networks.Encoder(
            widths=config.widths,
            embedding_dim=features,
            final_convolution=config.final_convolution,
            name="lower_encoder",
            **self._body(),
        )
        self.upper_encoder = networks.Encoder(
            widths=(config.upper_width,),
            embedding_dim=dim,
            final_convolution=config.final_convolution,
            name="upper_encoder",
            **self._body(),
        )
        self.upper_quantizer = self.make_quantizer("upper_quantizer")
        # Decodes the upper codes to vectors of the lower grid.
        self.upper_decoder = networks.Decoder(
            widths=(config.upper_width,), channels=dim, name="upper_decoder", **self._body()
        )
        self.to_lower = keras.layers.Dense(dim, name="to_lower", dtype=config.training.precision)
        self.lower_quantizer = self.make_quantizer("lower_quantizer")
        self.decoder = networks.Decoder(
            widths=config.widths[::-1],
            channels=self.likelihood.parameters(config.data.channels),
            name="decoder",
            **self._body(),
        )
        for layer, channels in (
            (self.lower_encoder, config.data.channels),
            (self.upper_encoder, features),
            (self.upper_quantizer, dim),
            (self.upper_decoder, dim),
            (self.to_lower, features),
            (self.lower_quantizer, dim),
            (self.decoder, dim),
            (self.likelihood, self.decoder.channels),
        ):
            layer.build((None, None, None, channels))
        names = [
            f"{level}_{name}"
            for level in ("upper", "lower")
            for name in (*self.upper_quantizer.loss_names, "perplexity")
        ]
        self._report(("loss", "reconstruction", *names))

    @property
    def code_sizes(self):
        return self.upper_quantizer.code_sizes + (SLOTS - 1) * self.lower_quantizer.code_sizes

    @property
    def code_vectors(self):
        """`[2, num_embeddings, embedding_dim]`: the upper level's and the lower's, or None."""
        vectors = [
            autoencoder.code_vectors_of(each)
            for each in (self.upper_quantizer, self.lower_quantizer)
        ]
        if vectors[0] is None:
            return None
        return tf.stack([tf.convert_to_tensor(each) for each in vectors])

    def _encode_pixels(self, pixels):
        features = self.lower_encoder(pixels)
        upper = self.upper_quantizer.encode(self.upper_encoder(features))
        said = self._said(self.upper_quantizer.decode(upper))
        lower = self.lower_quantizer.encode(self.to_lower(features) - said)
        return join_levels(upper, lower)

    def _outputs(self, codes):
        upper, lower = split_levels(codes)
        said = self._said(self.upper_quantizer.decode(upper))
        return self.decoder(said + self.lower_quantizer.decode(lower))

    def _forward(self, pixels, training):
        features = self.lower_encoder(pixels, training=training)
        latents = self.upper_encoder(features, training=training)
        upper = self.upper_quantizer.quantize(latents, training=training)
        said = self._said(upper.vectors, training)
        lower = self.lower_quantizer.quantize(self.to_lower(features) - said, training=training)
        losses: dict = {}
        codes = {}
        for level, quantized in (("upper_", upper), ("lower_", lower)):
            losses |= {level + name: value for name, value in quantized.losses.items()}
            codes[level] = quantized.codes[..., None]
        return self.decoder(said + lower.vectors, training=training), losses, codes

    def _said(self, vectors, training=False):
        """The upper codes' vectors, decoded to vectors of the lower grid."""
        # The output of a decoder is float32 under any policy.
        return tf.cast(self.upper_decoder(vectors, training=training), vectors.dtype)
