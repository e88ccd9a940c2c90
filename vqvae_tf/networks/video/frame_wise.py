"""A network of pictures, applied to every frame of a video by itself."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("vqvae_tf")
class FrameWise(keras.layers.Layer):
    """Applies a layer of pictures to each frame.

    Shapes: `[batch, time, height, width, channels]` to `[batch, time, *outputs]`, where the layer
    maps `[batch, height, width, channels]` to `[batch, *outputs]`.

    Args:
        network: the layer.

    >>> from vqvae_tf.networks import Encoder
    >>> encoder = FrameWise(Encoder(widths=(4, 8), residual_width=4, embedding_dim=5))
    >>> encoder(ops.ones((2, 3, 24, 16, 3))).shape
    TensorShape([2, 3, 6, 4, 5])
    """

    def __init__(self, network: keras.layers.Layer, **kwargs):
        super().__init__(dtype=network.dtype_policy, **kwargs)
        self.network = network

    def build(self, input_shape):
        self.network.build((None, *input_shape[2:]))

    def call(self, x, training=False):
        return apply_to_frames(self.network, x)

    def stream(self, x: Any, memory: Any) -> tuple[Any, list[Any]]:
        """As of `SpaceTime`: the output of the next frames, which needs no memory of the others."""
        return self(x), []

    def compute_output_shape(self, input_shape):
        *_, height, width, channels = self.network.compute_output_shape((None, *input_shape[2:]))
        return (*input_shape[:2], height, width, channels)

    def compute_output_spec(self, x, training=False):
        spec = self.network.compute_output_spec(keras.KerasTensor((None, *x.shape[2:])))
        return keras.KerasTensor((*x.shape[:2], *spec.shape[1:]), dtype=spec.dtype)

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        return super().get_config() | {"network": network}

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**config | {"network": network})


def apply_to_frames(network: Any, x: Any) -> Any:
    """`network` of `[batch, height, width, channels]` on every frame of `[batch, time, ...]`."""
    shape = ops.shape(x)
    y = network(ops.reshape(x, (-1, *shape[2:])))
    return ops.reshape(y, (-1, shape[1], *ops.shape(y)[1:]))
