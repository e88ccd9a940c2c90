"""Gated residual convolutions over maps, told of an action."""

from typing import Any

import keras
from keras import ops

from vqvae_tf.networks.gate import gate


@keras.saving.register_keras_serializable("vqvae_tf")
class GatedStack(keras.layers.Layer):
    """A dense layer, then blocks `x + gate(convolution(x) + dense(told))`, then a ReLU.

    Shapes: `[batch, height, width, any]` to `[batch, height, width, width]`.

    Args:
        width: channels.
        dilations: of the 3x3 convolution of each block.
        told: numbers that all blocks are told of each example.

    Call arguments:
        x: the maps.
        told: `[batch, told]`.

    >>> GatedStack(8, (1, 2), told=3)(ops.ones((2, 4, 5, 6)), ops.ones((2, 3))).shape
    TensorShape([2, 4, 5, 8])
    """

    def __init__(self, width: int, dilations: tuple[int, ...], told: int, **kwargs):
        super().__init__(**kwargs)
        self.width, self.dilations, self.told = width, tuple(dilations), told
        policy = self.dtype_policy
        self.first = keras.layers.Dense(width, name="first", dtype=policy)
        self.convolutions = [
            keras.layers.Conv2D(
                2 * width,
                3,
                padding="same",
                dilation_rate=dilation,
                data_format="channels_last",
                name=f"convolution_{i}",
                dtype=policy,
            )
            for i, dilation in enumerate(self.dilations)
        ]
        self.told_biases = [
            keras.layers.Dense(2 * width, use_bias=False, name=f"told_{i}", dtype=policy)
            for i in range(len(self.dilations))
        ]

    def build(self, x_shape, told_shape=None):
        self.first.build(x_shape)
        for convolution, bias in zip(self.convolutions, self.told_biases, strict=True):
            convolution.build((*x_shape[:-1], self.width))
            bias.build((None, self.told))

    def call(self, x, told):
        x = self.first(x)
        for convolution, bias in zip(self.convolutions, self.told_biases, strict=True):
            x = x + gate(convolution(ops.relu(x)) + bias(told)[:, None, None])
        return ops.relu(x)

    def compute_output_shape(self, x_shape, told_shape=None):
        return (*x_shape[:-1], self.width)

    def get_config(self):
        return super().get_config() | {
            "width": self.width,
            "dilations": list(self.dilations),
            "told": self.told,
        }


def coordinates(places: Any) -> Any:
    """What a convolution can make of where it is: `[height, width, 4]`, y, x, y^2 and x^2.

    `places` `[height, width, 2]` are rows and columns; y and x lie in [-1, 1].
    """
    most = ops.maximum(places[-1, -1], 1.0)
    centred = 2.0 * places / most - 1.0
    return ops.concatenate([centred, ops.square(centred)], axis=-1)
