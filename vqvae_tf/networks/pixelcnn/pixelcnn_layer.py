"""One layer of the gated PixelCNN (arXiv:1606.05328), of its vertical and horizontal stack."""

from typing import Any

import keras
from keras import ops

from vqvae_tf.networks.gate import gate


class PixelCNNLayer(keras.layers.Layer):
    """One layer of both stacks: `gate([a, b]) = tanh(a) * sigmoid(b)` of convolutions.

    The vertical stack v depends on the rows above; the horizontal stack h depends on the places to
    the left and, through the link, on the vertical stack:

        pv = vertical(v) + condition_v;    v <- gate(pv)
        ph = horizontal(h) + link(pv) + condition_h;    h <- h + output(gate(ph))

    Args:
        channels: of v and h.
        kernel_size: (rows, columns) of the vertical kernel. The horizontal kernel has the left half
            of the columns, including the place itself.
        num_classes, spatial_channels: sizes of the conditions, or None.
        dropout: rate on the horizontal gate.
    """

    def __init__(self, channels, kernel_size, num_classes, spatial_channels, dropout, **kwargs):
        super().__init__(**kwargs)
        rows, columns = kernel_size
        self.channels = channels
        self.num_classes, self.spatial_channels = num_classes, spatial_channels
        self.above, self.beside = rows - 1, columns // 2  # rows up, columns to either side
        policy = self.dtype_policy
        self.vertical, self.horizontal = (
            keras.layers.Conv2D(
                2 * channels, kernel, data_format="channels_last", name=name, dtype=policy
            )
            for name, kernel in (
                ("vertical", (rows, columns)),
                ("horizontal", (1, self.beside + 1)),
            )
        )
        self.link = keras.layers.Dense(2 * channels, use_bias=False, name="link", dtype=policy)
        self.output_projection = keras.layers.Dense(channels, name="output", dtype=policy)
        self.dropout = dropout
        # Each gives condition_v and condition_h.
        self.label_bias: Any = None
        self.spatial_bias: Any = None
        if num_classes is not None:
            self.label_bias = keras.layers.Dense(
                4 * channels, use_bias=False, name="label_bias", dtype=policy
            )
        if spatial_channels is not None:
            self.spatial_bias = keras.layers.Dense(
                4 * channels, use_bias=False, name="spatial_bias", dtype=policy
            )

    def build(self, input_shape):
        maps = (None, None, None, self.channels)
        self.vertical.build(maps)
        self.horizontal.build(maps)
        self.link.build((*maps[:3], 2 * self.channels))
        self.output_projection.build(maps)
        if self.dropout:
            # Not by `keras.layers.Dropout`, so that its state has a separate path for checkpoints.
            self.dropout_draws = keras.random.SeedGenerator(name="dropout_draws")
        if self.label_bias is not None:
            self.label_bias.build((None, self.num_classes))
        if self.spatial_bias is not None:
            self.spatial_bias.build((*maps[:3], self.spatial_channels))

    def call(self, v, h, label=None, spatial=None, training=False):
        pv = self.vertical(pad(v, top=self.above, left=self.beside, right=self.beside))
        ph = self.horizontal(pad(h, left=self.beside))
        for layer, condition in ((self.label_bias, label), (self.spatial_bias, spatial)):
            if condition is not None:
                bias_v, bias_h = ops.split(layer(condition), 2, axis=-1)
                pv, ph = pv + bias_v, ph + bias_h
        ph = ph + self.link(pv)
        gated = gate(ph)
        if self.dropout and training:
            gated = keras.random.dropout(gated, self.dropout, seed=self.dropout_draws)
        return gate(pv), h + self.output_projection(gated)


def pad(x, top=0, left=0, right=0):
    """Pads a `[batch, height, width, channels]` map with zeros."""
    return ops.pad(x, ((0, 0), (top, 0), (left, right), (0, 0)))
