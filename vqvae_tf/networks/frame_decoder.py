"""Decodes vectors of codes to frames of sound: residual blocks, each told who speaks."""

from typing import Any

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.networks.inputs import checked_label, checked_maps, one_hot


@keras.saving.register_keras_serializable("vqvae_tf")
class FrameDecoder(keras.layers.Layer):
    """Maps a vector of each code to the frames that the code stands for.

    A dense layer to `width`; blocks `x + dense(relu(conv(relu(x + s))))`, with s a vector of the
    speaker, one for each block; a ReLU and a dense layer to all frames of a code. With
    `kernel_size=1` a code alone decides its frames, which makes codes most like phones; 3 hears the
    codes next to it, which sounds better.

    Args:
        size: numbers in a frame.
        frames_per_code: frames that a code stands for.
        width: channels inside.
        blocks: residual blocks.
        kernel_size: width of their convolutions, in codes.
        num_speakers: speakers; 0 if it is told none.

    Call arguments:
        vectors: float `[batch, codes, dim]`.
        speaker: int32 `[batch]`, -1 where it is not known; None for nowhere.

    Returns:
        float32 `[batch, codes * frames_per_code, size]`.

    Raises:
        UserError: for an argument out of range.

    >>> import numpy as np
    >>> decoder = FrameDecoder(size=20, frames_per_code=4, width=8, num_speakers=2)
    >>> decoder(ops.ones((3, 5, 6)), np.array([0, 1, -1], "int32")).shape
    TensorShape([3, 20, 20])
    """

    def __init__(
        self,
        size: int,
        frames_per_code: int,
        width: int = 128,
        blocks: int = 2,
        kernel_size: int = 1,
        num_speakers: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = arguments.whole("size", size, 1)
        self.frames_per_code = arguments.whole("frames_per_code", frames_per_code, 1)
        self.width = arguments.whole("width", width, 1)
        self.blocks = arguments.whole("blocks", blocks, 0)
        self.kernel_size = arguments.whole("kernel_size", kernel_size, 1)
        self.num_speakers = arguments.whole("num_speakers", num_speakers, 0)
        policy = self.dtype_policy
        self.first = keras.layers.Dense(width, name="first", dtype=policy)
        self.convolutions = [
            keras.layers.Conv1D(
                width,
                kernel_size,
                padding="same",
                data_format="channels_last",
                activation="relu",
                name=f"convolution_{number}",
                dtype=policy,
            )
            for number in range(blocks)
        ]
        self.narrow = [
            keras.layers.Dense(width, name=f"narrow_{number}", dtype=policy)
            for number in range(blocks)
        ]
        self.frames = keras.layers.Dense(
            frames_per_code * size,
            name="frames",
            dtype=keras.backend.result_type(self.variable_dtype, "float32"),
        )

    def build(self, vectors_shape, speaker_shape=None):
        inside = (None, None, self.width)
        self.first.build(vectors_shape)
        for layer in (*self.convolutions, *self.narrow, self.frames):
            layer.build(inside)
        self.speakers = None
        if self.num_speakers:
            self.speakers = self.add_weight(
                shape=(self.num_speakers, self.blocks, self.width),
                initializer=keras.initializers.RandomNormal(stddev=0.3),
                name="speakers",
            )

    def __call__(self, vectors: Any, speaker: Any = None, **kwargs):
        # Not in `call`, before which Keras converts the arguments.
        vectors = checked_maps(self.name, vectors, 1)
        if speaker is not None and self.num_speakers:
            speaker = checked_label(speaker, self.num_speakers, None)
        return super().__call__(vectors, speaker=speaker, **kwargs)

    def call(self, vectors, speaker=None):
        x = self.first(vectors)
        told = None
        if speaker is not None and self.speakers is not None:
            who = one_hot(speaker, self.num_speakers, self.compute_dtype)
            told = ops.tensordot(who, ops.cast(self.speakers, self.compute_dtype), axes=1)
        for number in range(self.blocks):
            y = x if told is None else x + told[:, number, None]
            x = x + self.narrow[number](self.convolutions[number](ops.relu(y)))
        frames = self.frames(ops.relu(x))
        batch, codes = ops.shape(frames)[:2]
        return ops.reshape(frames, (batch, codes * self.frames_per_code, self.size))

    def compute_output_shape(self, vectors_shape, *args):
        batch, codes, _ = vectors_shape
        return (batch, None if codes is None else codes * self.frames_per_code, self.size)

    def get_config(self):
        return super().get_config() | {
            "size": self.size,
            "frames_per_code": self.frames_per_code,
            "width": self.width,
            "blocks": self.blocks,
            "kernel_size": self.kernel_size,
            "num_speakers": self.num_speakers,
        }
