"""Encoder and decoder of videos whose convolutions reach back in time: each can stream."""

from typing import Any

import keras
from keras import ops

from vqvae_tf.networks.video.frame_wise import apply_to_frames


@keras.saving.register_keras_serializable("vqvae_tf")
class CausalConvolution(keras.layers.Layer):
    """A 3x3x3 convolution over time, height and width that sees this frame and the two before.

    Shapes: `[batch, time, height, width, channels]` to `[batch, time, height, width, width]`.
    Before the first frame there are zeros. It is computed as a convolution of pictures whose
    channels are those of three frames: the same products.

    Args:
        width: channels of the output.

    Call arguments:
        x: the maps.
        before: `[batch, 2, height, width, channels]`, the maps of the two frames before; None for
            zeros.

    >>> CausalConvolution(4)(ops.ones((1, 5, 3, 2, 6))).shape
    TensorShape([1, 5, 3, 2, 4])
    """

    def __init__(self, width: int, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.of_frames = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            data_format="channels_last",
            name="of_frames",
            dtype=self.dtype_policy,
        )

    def build(self, x_shape, before_shape=None):
        self.of_frames.build((None, *x_shape[2:4], 3 * x_shape[-1]))

    def call(self, x, before=None):
        x = self.extended(x, before)
        time = ops.shape(x)[1] - 2
        three = ops.concatenate([x[:, i : i + time] for i in range(3)], axis=-1)
        return apply_to_frames(self.of_frames, three)

    def extended(self, x: Any, before: Any) -> Any:
        """`x` with the two frames before it."""
        if before is None:
            return ops.pad(x, ((0, 0), (2, 0), (0, 0), (0, 0), (0, 0)))
        return ops.concatenate([ops.cast(before, x.dtype), x], axis=1)

    def compute_output_shape(self, x_shape, before_shape=None):
        return (*x_shape[:-1], self.width)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("vqvae_tf")
class SpaceTime(keras.layers.Layer):
    """Residual blocks that reach back in time, between two networks of single frames.

    The blocks are those of a `ResidualStack` (ReLU, convolution, ReLU, 1-wide convolution, added;
    a ReLU at the end) with a `CausalConvolution`, so that a frame of the output depends on
    `2 * blocks` earlier frames of the input, and never on later ones.

    `stream` gives the same frames from pieces of a video.

    Args:
        first, last: layers of `[batch, height, width, channels]`; None for none.
        width: channels between them.
        blocks, residual_width: as of a `ResidualStack`.

    >>> layer = SpaceTime(None, None, width=4, blocks=2, residual_width=3)
    >>> layer(ops.ones((1, 5, 3, 2, 4))).shape
    TensorShape([1, 5, 3, 2, 4])
    """

    def __init__(
        self, first: Any, last: Any, width: int, blocks: int, residual_width: int, **kwargs
    ):
        super().__init__(**kwargs)
        self.first, self.last = first, last
        self.width, self.blocks, self.residual_width = width, blocks, residual_width
        policy = self.dtype_policy
        self.wide = [
            CausalConvolution(residual_width, name=f"wide_{i}", dtype=policy) for i in range(blocks)
        ]
        self.narrow = [
            keras.layers.Dense(width, name=f"narrow_{i}", dtype=policy) for i in range(blocks)
        ]

    def build(self, input_shape):
        if self.first is not None:
            self.first.build((None, *input_shape[2:]))
        maps = (None, None, None, None, self.width)
        for wide, narrow in zip(self.wide, self.narrow, strict=True):
            wide.build(maps)
            narrow.build((*maps[:-1], self.residual_width))
        if self.last is not None:
            self.last.build((None, None, None, self.width))

    def call(self, x, training=False):
        return self.stream(x, None)[0]

    def stream(self, x: Any, memory: Any) -> tuple[Any, list[Any]]:
        """The output of the next frames of a video.

        Args:
            x: the next frames, `[batch, time, height, width, channels]`.
            memory: what the call for the frames before returned; None at the start.

        Returns:
            `(outputs, memory)`.
        """
        if self.first is not None:
            x = apply_to_frames(self.first, x)
        memory = [None] * self.blocks if memory is None else memory
        kept = []
        for wide, narrow, before in zip(self.wide, self.narrow, memory, strict=True):
            inputs = ops.relu(x)
            kept.append(wide.extended(inputs, before)[:, -2:])
            x = x + narrow(ops.relu(wide(inputs, before)))
        x = ops.relu(x)
        return (x if self.last is None else apply_to_frames(self.last, x)), kept

    def compute_output_spec(self, x, training=False):
        shape, dtype = x.shape[2:], self.compute_dtype
        for layer in (self.first, self.last):
            if layer is not None:
                spec = layer.compute_output_spec(keras.KerasTensor((None, *shape)))
                shape, dtype = spec.shape[1:], spec.dtype
        return keras.KerasTensor((*x.shape[:2], *shape), dtype=dtype)

    def get_config(self):
        layers = {
            name: None if layer is None else keras.saving.serialize_keras_object(layer)
            for name, layer in (("first", self.first), ("last", self.last))
        }
        return (
            super().get_config()
            | layers
            | {
                "width": self.width,
                "blocks": self.blocks,
                "residual_width": self.residual_width,
            }
        )

    @classmethod
    def from_config(cls, config):
        layers = {
            name: None
            if config[name] is None
            else keras.saving.deserialize_keras_object(config[name])
            for name in ("first", "last")
        }
        return cls(**config | layers)
