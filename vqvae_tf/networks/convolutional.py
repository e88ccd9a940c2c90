"""Strided convolutions with residual blocks: the paper's encoder and decoder (1711.00937, 4.1)."""

import math

import keras
import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.errors import UserError, shown
from vqvae_tf.networks import foreign_arguments
from vqvae_tf.networks.inputs import checked_maps

_CONVOLUTION = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
_TRANSPOSED = {
    1: keras.layers.Conv1DTranspose,
    2: keras.layers.Conv2DTranspose,
    3: keras.layers.Conv3DTranspose,
}
# Channels come last, regardless of keras.config.image_data_format().
_SHARED: dict = {"padding": "same", "data_format": "channels_last"}
_MOST_BLOCKS = 1000  # checked before any is made; far more than can be trained


@keras.saving.register_keras_serializable("vqvae_tf")
class ResidualStack(keras.layers.Layer):
    """Residual blocks (ReLU, 3-wide convolution, ReLU, 1-wide convolution, added), then a ReLU.

    Shapes: `[batch, *sizes, width]` to `[batch, *sizes, width]`.

    Args:
        rank: number of spatial axes: 1, 2 or 3.
        width: channels of the input and of the output.
        blocks: number of blocks.
        residual_width: channels between a block's two convolutions.

    >>> ResidualStack(rank=2, width=8, blocks=2, residual_width=4)(ops.ones((1, 6, 5, 8))).shape
    TensorShape([1, 6, 5, 8])
    """

    def __init__(self, rank: int, width: int, blocks: int, residual_width: int, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank = _checked_rank(rank)
        self.width = width = arguments.whole("width", width, 1)
        self.blocks = blocks = arguments.whole("residual_blocks", blocks, 0, _MOST_BLOCKS)
        self.residual_width = arguments.whole("residual_width", residual_width, 1)
        convolution = _CONVOLUTION[rank]
        shared = {**_SHARED, "dtype": self.dtype_policy}
        self.wide = [
            convolution(self.residual_width, 3, activation="relu", name=f"wide_{i}", **shared)
            for i in range(blocks)
        ]
        # A 1-wide convolution; as a matrix product it takes three quarters of the time on CPU.
        self.narrow = [
            keras.layers.Dense(width, name=f"narrow_{i}", dtype=self.dtype_policy)
            for i in range(blocks)
        ]

    def build(self, input_shape):
        inner_shape = (*input_shape[:-1], self.residual_width)
        for wide, narrow in zip(self.wide, self.narrow, strict=True):
            wide.build(input_shape)
            narrow.build(inner_shape)

    def __call__(self, x, *args, **kwargs):
        x = checked_maps(f"{self.name} (rank={self.rank})", x, self.rank, self.width)
        return super().__call__(x, *args, **kwargs)

    def call(self, x):
        for wide, narrow in zip(self.wide, self.narrow, strict=True):
            x = x + narrow(wide(ops.relu(x)))
        return ops.relu(x)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return super().get_config() | {
            "rank": self.rank,
            "width": self.width,
            "blocks": self.blocks,
            "residual_width": self.residual_width,
        }


class _Stages(keras.layers.Layer):
    """Layers in a row, residual blocks among them: what encoder and decoder share."""

    def __init__(self, rank, widths, residual_blocks, residual_width, strides, **kwargs):
        arguments.refuse_misnamed(type(self), kwargs, foreign_arguments.CONVOLUTIONAL)
        super().__init__(**kwargs)
        self.rank = _checked_rank(rank)
        self.widths, self.strides = _levels(widths, strides)
        self.residual_blocks = arguments.whole("residual_blocks", residual_blocks, 0, _MOST_BLOCKS)
        self.residual_width = arguments.whole("residual_width", residual_width, 1)
        self._channels = None  # of the input, once built
        self.stages: list[keras.layers.Layer] = []

    def _residual_stack(self, width):
        return ResidualStack(
            self.rank,
            width,
            self.residual_blocks,
            self.residual_width,
            name="residual",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self._channels = input_shape[-1]
        for stage in self.stages:
            stage.build(input_shape)
            input_shape = stage.compute_output_shape(input_shape)

    def __call__(self, x, *args, **kwargs):
        # Not in `call`, before which Keras builds the layer.
        x = checked_maps(f"{self.name} (rank={self.rank})", x, self.rank, self._channels)
        if len(x.shape):
            self.compute_output_shape(tuple(x.shape))  # refuses sizes that the layer cannot take
        return super().__call__(x, *args, **kwargs)

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x

    def get_config(self):
        return super().get_config() | {
            "rank": self.rank,
            "widths": list(self.widths),
            "residual_blocks": self.residual_blocks,
            "residual_width": self.residual_width,
            "strides": list(self.strides),
        }


@keras.saving.register_keras_serializable("vqvae_tf")
class Encoder(_Stages):
    """Maps data to the vectors that a quantizer looks up, one stride per entry of `widths`.

    Each entry of `widths` is a convolution of stride s and window 2 s with "same" padding and a
    ReLU. The residual blocks and a 1-wide convolution to `embedding_dim` follow.
    With the defaults, a batch of `[32, 32, 3]` pictures becomes `[8, 8, 64]`; they are those of
    Sonnet's example network. The paper's encoder for CIFAR-10 is
    `Encoder(widths=(256, 256), residual_width=256, final_convolution=False)`.

    Known sizes that the strides don't divide are refused. A size that is unknown in a traced
    function (`None`) is not checked, so that the graph exports without assertions; each level
    divides it by the stride and rounds up.

    Kernels are initialized by Keras's Glorot uniform, biases to zero (Sonnet: truncated normal of
    standard deviation fan_in ** -0.5). Under mixed precision the output has the compute dtype.

    Args:
        rank: number of spatial axes: 1 (sound), 2 (pictures) or 3 (video).
        widths: channels after each strided convolution.
        residual_blocks: number of residual blocks.
        residual_width: channels inside a residual block.
        embedding_dim: channels of the output; None omits the last convolution.
        final_convolution: one more 3-wide convolution and ReLU before the residual blocks
            (Sonnet has it, the paper does not).
        strides: the stride of every level, or a tuple with one for each.
        layer_norm: layer normalisation between each of these convolutions and its ReLU.

    Raises:
        UserError: for an argument out of range, or a size that the strides don't divide.

    >>> Encoder(widths=(8, 16), residual_width=4, embedding_dim=5)(ops.ones((1, 24, 16, 3))).shape
    TensorShape([1, 6, 4, 5])
    """

    def __init__(
        self,
        rank: int = 2,
        widths: tuple[int, ...] = (64, 128),
        residual_blocks: int = 2,
        residual_width: int = 32,
        embedding_dim: int | None = 64,
        final_convolution: bool = True,
        strides: int | tuple[int, ...] = 2,
        layer_norm: bool = False,
        **kwargs,
    ):
        super().__init__(rank, widths, residual_blocks, residual_width, strides, **kwargs)
        if embedding_dim is not None:
            embedding_dim = arguments.whole("embedding_dim", embedding_dim, 1)
        self.embedding_dim = embedding_dim
        self.final_convolution = arguments.flag("final_convolution", final_convolution)
        self.layer_norm = arguments.flag("layer_norm", layer_norm)
        for i, (width, s) in enumerate(zip(self.widths, self.strides, strict=True)):
            self._add_convolution(f"down_{i}", width, 2 * s, s)
        if self.final_convolution:
            self._add_convolution("final", self.widths[-1], 3, 1)
        self.stages.append(self._residual_stack(self.widths[-1]))
        if embedding_dim is not None:
            self.stages.append(
                keras.layers.Dense(embedding_dim, name="embedding", dtype=self.dtype_policy)
            )

    def _add_convolution(self, name, width, kernel_size, stride):
        self.stages.append(
            _CONVOLUTION[self.rank](
                width,
                kernel_size,
                strides=stride,
                activation=None if self.layer_norm else "relu",
                name=name,
                **_SHARED,
                dtype=self.dtype_policy,
            )
        )
        if self.layer_norm:
            self.stages += [
                keras.layers.LayerNormalization(name=f"{name}_norm", dtype=self.dtype_policy),
                keras.layers.ReLU(name=f"{name}_relu", dtype=self.dtype_policy),
            ]

    def compute_output_shape(self, input_shape):
        self._check_sizes(input_shape)
        factor = math.prod(self.strides)
        sizes = (None if size is None else size // factor for size in input_shape[1:-1])
        channels = self.widths[-1] if self.embedding_dim is None else self.embedding_dim
        return (input_shape[0], *sizes, channels)

    def _check_sizes(self, shape):
        factor = math.prod(self.strides)
        sizes = tuple(shape[1:-1])
        if all(size is None or (size > 0 and size % factor == 0) for size in sizes):
            return
        below, above = (
            tuple(
                size if size is None else max(size + more, factor) // factor * factor
                for size in sizes
            )
            for more in (0, factor - 1)
        )
        nearest = " or ".join(str(near) for near in dict.fromkeys((below, above)))
        raise UserError(
            f"the encoder's strides {tuple(self.strides)} take sizes divisible by {factor}; "
            f"received {sizes}, the nearest that work are {nearest}: crop or pad"
        )

    def get_config(self):
        return super().get_config() | {
            "embedding_dim": self.embedding_dim,
            "final_convolution": self.final_convolution,
            "layer_norm": self.layer_norm,
        }


@keras.saving.register_keras_serializable("vqvae_tf")
class Decoder(_Stages):
    """Maps quantized vectors back to data: the encoder in reverse.

    It has a 3-wide convolution to `widths[0]`, the residual blocks, then one transposed convolution
    of stride s and window 2 s per entry of `widths`: to `widths[1]`, ... and last to `channels`,
    with a ReLU between them and none at the end. With the defaults, `[8, 8, 64]` becomes
    `[32, 32, 3]`; they are those of Sonnet's example network. The paper's decoder for CIFAR-10 is
    `Decoder(widths=(256, 256), residual_width=256)`. Any spatial size is allowed.

    Under mixed precision the last convolution computes and returns float32, so that pixels and
    log-likelihoods are not rounded to 8 bits.

    Args:
        rank: number of spatial axes: 1, 2 or 3.
        widths: channels before each transposed convolution, the inner one first.
        residual_blocks: number of residual blocks.
        residual_width: channels inside a residual block.
        channels: channels of the output: 3 for colour, more for the parameters of a likelihood.
        strides: the stride of every level, or a tuple with one for each, the inner one first.

    Raises:
        UserError: for an argument out of range.

    >>> Decoder(widths=(16, 8), residual_width=4, channels=3)(ops.ones((1, 6, 4, 5))).shape
    TensorShape([1, 24, 16, 3])
    """

    def __init__(
        self,
        rank: int = 2,
        widths: tuple[int, ...] = (128, 64),
        residual_blocks: int = 2,
        residual_width: int = 32,
        channels: int = 3,
        strides: int | tuple[int, ...] = 2,
        **kwargs,
    ):
        super().__init__(rank, widths, residual_blocks, residual_width, strides, **kwargs)
        self.channels = arguments.whole("channels", channels, 1)
        shared = {**_SHARED, "dtype": self.dtype_policy}
        self.stages = [
            _CONVOLUTION[self.rank](self.widths[0], 3, name="first", **shared),
            self._residual_stack(self.widths[0]),
        ]
        *inner, last = self.strides
        for i, (width, s) in enumerate(zip(self.widths[1:], inner, strict=True)):
            self.stages.append(
                _TRANSPOSED[self.rank](
                    width, 2 * s, strides=s, activation="relu", name=f"up_{i}", **shared
                )
            )
        self.stages.append(
            _TRANSPOSED[self.rank](
                self.channels,
                2 * last,
                strides=last,
                name=f"up_{len(inner)}",
                **_SHARED,
                dtype=keras.backend.result_type(self.variable_dtype, "float32"),
            )
        )

    def compute_output_shape(self, input_shape):
        factor = math.prod(self.strides)
        sizes = (None if size is None else size * factor for size in input_shape[1:-1])
        return (input_shape[0], *sizes, self.channels)

    def compute_output_spec(self, x):
        return keras.KerasTensor(
            self.compute_output_shape(x.shape), dtype=self.stages[-1].compute_dtype
        )

    def get_config(self):
        return super().get_config() | {
            "channels": self.channels,
        }


def _checked_rank(rank):
    if rank not in _CONVOLUTION:
        raise UserError(f"rank must be 1, 2 or 3; received {shown(rank)}")
    return int(rank)


def _levels(widths, strides):
    """`(widths, strides)`, each a tuple with a number for every level."""
    try:
        widths = arguments.wholes("widths", widths, least=1)
    except UserError:
        raise UserError(
            f"widths must hold one positive number per level; received {shown(widths)}"
        ) from None
    try:
        if not np.ndim(strides):
            strides = (strides,) * len(widths)
        strides = arguments.wholes("strides", strides, least=1)
        if len(strides) == len(widths):
            return widths, strides
    except UserError:
        pass
    raise UserError(
        f"strides must be one positive number, or one for each of the {len(widths)} widths; "
        f"received {shown(strides)}"
    )
