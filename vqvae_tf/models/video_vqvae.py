"""The VQ-VAE of videos: a grid of codes for each frame."""

import keras

from vqvae_tf import networks
from vqvae_tf.config.video import VideoConfig
from vqvae_tf.models import checks, one_grid_model
from vqvae_tf.networks.video import FrameWise


@keras.saving.register_keras_serializable("vqvae_tf")
class VideoVQVAE(one_grid_model.OneGridModel):
    """Encodes videos as codes `[time, height, width]` (van den Oord et al. 2017, section 4.4).

    Each frame has its own grid of codes and is encoded and decoded by itself, so that a future is
    imagined as codes and drawn at the end. Actions belong to the prior: the autoencoder takes none.

    Videos are uint8 `[batch, time, height, width, channels]` of any size. Sizes that the strides
    don't divide are padded by reflection at the bottom and the right; `reconstruct` crops the
    result. Codes are int32 `[batch, time, ceil(height / stride), ceil(width / stride)]`, with one
    more axis if `config.quantizer` has several codes per place.

    Args:
        config: a `VideoConfig`, or a dictionary of one.

    >>> import tensorflow as tf
    >>> quantizer = {"num_embeddings": [16]}
    >>> model = VideoVQVAE({"widths": [4, 8], "residual_width": 4, "quantizer": quantizer})
    >>> videos = tf.zeros([2, 5, 21, 30, 3], tf.uint8)
    >>> codes = model.encode(videos)
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(videos).shape
    (TensorShape([2, 5, 6, 8]), TensorShape([2, 5, 24, 32, 3]), TensorShape([2, 5, 21, 30, 3]))
    """

    config_class = VideoConfig
    data_key = "frames"
    grid_rank = 3

    def _make_encoder(self):
        network = networks.Encoder(
            widths=self.config.widths,
            embedding_dim=self.config.embedding_dim,
            final_convolution=self.config.final_convolution,
            name="of_frame",
            **self._body(),
        )
        return FrameWise(network, name="encoder")

    def _make_decoder(self, channels):
        network = networks.Decoder(
            widths=self.config.widths[::-1], channels=channels, name="of_frame", **self._body()
        )
        return FrameWise(network, name="decoder")

    @property
    def strides(self):
        return (1, self.config.stride, self.config.stride)

    @property
    def data_taken(self):
        return checks.videos(self.config.data.channels)

    @property
    def unused(self):
        return ("actions",)

    def _shown(self, data):
        return data[:, -1]
