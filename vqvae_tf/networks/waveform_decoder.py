"""Decodes vectors of codes to a waveform at once: transposed convolutions, told who speaks."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.errors import UserError
from vqvae_tf.networks.inputs import checked_label, checked_maps, one_hot

_ENDS = 7  # taps of the first and the last convolution
_DILATIONS = (1, 3)  # of the residual blocks behind each transposed convolution


@keras.saving.register_keras_serializable("vqvae_tf")
class WaveformDecoder(keras.layers.Layer):
    """Maps a vector of each code to the samples that the code stands for, none after another.

    A convolution to `widths[0]`, to which a vector of the speaker is added. Then for each stride s
    a leaky ReLU, a transposed convolution of stride s and window 2 s to the next width, and two
    residual blocks of dilated convolutions; at last a convolution to one channel and tanh. These
    are the generators of GAN vocoders (Kumar et al. 2019, Kong et al. 2020), here trained by
    distances of spectra alone: far faster than a WaveNet, less natural.

    Args:
        strides: samples per step of each transposed convolution, the first one's for steps of a
            code; their product is the number of samples per code.
        widths: channels before each transposed convolution, and one more behind the last.
        num_speakers: speakers; 0 if it is told none.

    Call arguments:
        vectors: float `[batch, codes, dim]`.
        speaker: int32 `[batch]`, -1 where it is not known; None for nowhere.

    Returns:
        float32 `[batch, codes * samples per code]` in [-1, 1].

    Raises:
        UserError: for an argument out of range.

    >>> import numpy as np
    >>> decoder = WaveformDecoder(strides=(5, 4), widths=(8, 8, 4), num_speakers=2)
    >>> decoder(ops.ones((3, 7, 6)), np.array([0, 1, -1], "int32")).shape
    TensorShape([3, 140])
    """

    def __init__(
        self, strides: Sequence[int], widths: Sequence[int], num_speakers: int = 0, **kwargs
    ):
        super().__init__(**kwargs)
        self.strides = arguments.wholes("strides", strides, least=1)
        self.widths = arguments.wholes("widths", widths, least=1)
        if len(self.widths) != len(self.strides) + 1:
            raise UserError(
                f"widths must hold one number more than the {len(self.strides)} strides; received "
                f"{self.widths}"
            )
        self.num_speakers = arguments.whole("num_speakers", num_speakers, 0)
        shared = {"padding": "same", "data_format": "channels_last", "dtype": self.dtype_policy}
        convolution = keras.layers.Conv1D
        self.first = convolution(self.widths[0], _ENDS, name="first", **shared)
        self.up = [
            keras.layers.Conv1DTranspose(width, 2 * s, strides=s, name=f"up_{i}", **shared)
            for i, (width, s) in enumerate(zip(self.widths[1:], self.strides, strict=True))
        ]
        self.wide = [
            [
                convolution(width, 3, dilation_rate=d, name=f"wide_{i}_{d}", **shared)
                for d in _DILATIONS
            ]
            for i, width in enumerate(self.widths[1:])
        ]
        self.narrow = [
            [
                keras.layers.Dense(width, name=f"narrow_{i}_{d}", dtype=self.dtype_policy)
                for d in _DILATIONS
            ]
            for i, width in enumerate(self.widths[1:])
        ]
        precise = keras.backend.result_type(self.variable_dtype, "float32")
        self.last = convolution(1, _ENDS, name="last", **shared | {"dtype": precise})

    def build(self, vectors_shape, speaker_shape=None):
        self.first.build(vectors_shape)
        self.speakers = None
        if self.num_speakers:
            self.speakers = self.add_weight(
                shape=(self.num_speakers, self.widths[0]),
                initializer=keras.initializers.RandomNormal(stddev=0.3),
                name="speakers",
            )
        for i, width in enumerate(self.widths[1:]):
            self.up[i].build((None, None, self.widths[i]))
            for layer in (*self.wide[i], *self.narrow[i]):
                layer.build((None, None, width))
        self.last.build((None, None, self.widths[-1]))

    def __call__(self, vectors: Any, speaker: Any = None, **kwargs):
        # Not in `call`, before which Keras converts the arguments.
        vectors = checked_maps(self.name, vectors, 1)
        if speaker is not None and self.num_speakers:
            speaker = checked_label(speaker, self.num_speakers, None)
        return super().__call__(vectors, speaker=speaker, **kwargs)

    def call(self, vectors, speaker=None):
        x = self.first(vectors)
        if speaker is not None and self.speakers is not None:
            who = one_hot(speaker, self.num_speakers, self.compute_dtype)
            x = x + (who @ ops.cast(self.speakers, self.compute_dtype))[:, None]
        for up, wide, narrow in zip(self.up, self.wide, self.narrow, strict=True):
            x = up(_leaky(x))
            for convolution, dense in zip(wide, narrow, strict=True):
                x = x + dense(_leaky(convolution(_leaky(x))))
        return ops.tanh(self.last(_leaky(x)))[..., 0]

    def compute_output_shape(self, vectors_shape, *args):
        batch, codes, _ = vectors_shape
        return (batch, None if codes is None else codes * math.prod(self.strides))

    def get_config(self):
        return super().get_config() | {
            "strides": list(self.strides),
            "widths": list(self.widths),
            "num_speakers": self.num_speakers,
        }


def _leaky(x):
    return ops.leaky_relu(x, 0.1)
