"""One layer of WaveNet (arXiv:1609.03499): a gated, dilated causal convolution."""

from typing import Any

import keras
from keras import ops

from vqvae_tf.networks.gate import gate


class WaveNetLayer(keras.layers.Layer):
    """A dilated causal convolution and a gate.

        p[t] = [h[t - (k - 1) d], ..., h[t - d], h[t]] @ taps + condition;
        g = gate(p);    h <- h + residual(g)        gate([a, b]) = tanh(a) * sigmoid(b)

    The convolution is one product of the concatenated shifted maps. On CPUs that is faster than
    a dilated convolution, and its kernel has the form that `IncrementalWaveNet` needs.

    Args:
        channels: of h.
        kernel_size: k, the number of taps.
        dilation: d, time steps between two taps.
        num_classes, local_channels: sizes of the conditions, or None.
        upsampling: how often a frame of the local condition is repeated.
        has_residual: false for the last layer of a network, whose h is not used.

    Call arguments:
        h: `[batch, time, channels]`.
        label: `[batch, 1, num_classes]`, or None.
        local: `[batch, time / upsampling rounded up, local_channels]`, or None.

    Returns:
        h and g, `[batch, time, channels]` each.
    """

    def __init__(
        self,
        channels,
        kernel_size,
        dilation,
        num_classes,
        local_channels,
        upsampling,
        has_residual,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels, self.kernel_size, self.dilation = channels, kernel_size, dilation
        self.num_classes, self.local_channels = num_classes, local_channels
        self.upsampling = upsampling
        policy = self.dtype_policy
        self.taps = keras.layers.Dense(2 * channels, name="taps", dtype=policy)
        self.residual: Any = None
        self.label_bias: Any = None
        self.local_bias: Any = None
        if has_residual:
            self.residual = keras.layers.Dense(channels, name="residual", dtype=policy)
        if num_classes is not None:
            self.label_bias = keras.layers.Dense(
                2 * channels, use_bias=False, name="label_bias", dtype=policy
            )
        if local_channels is not None:
            self.local_bias = keras.layers.Dense(
                2 * channels, use_bias=False, name="local_bias", dtype=policy
            )

    def build(self, input_shape):
        self.taps.build((None, None, self.kernel_size * self.channels))
        if self.residual is not None:
            self.residual.build((None, None, self.channels))
        if self.label_bias is not None:
            self.label_bias.build((None, None, self.num_classes))
        if self.local_bias is not None:
            self.local_bias.build((None, None, self.local_channels))

    def call(self, h, label=None, local=None):
        past = [delay(h, tap * self.dilation) for tap in range(self.kernel_size - 1, 0, -1)]
        p = self.taps(ops.concatenate([*past, h], axis=-1))
        if label is not None:
            p = p + self.label_bias(label)
        if local is not None:
            frames = self.local_bias(local)  # projected once per frame, then repeated
            p = p + ops.repeat(frames, self.upsampling, axis=1)[:, : ops.shape(h)[1]]
        g = gate(p)
        return (h if self.residual is None else h + self.residual(g)), g


def delay(h, steps):
    """Shifts `[batch, time, channels]` by `steps`, with zeros before; the length is the same."""
    return ops.pad(h, ((0, 0), (steps, 0), (0, 0)))[:, : ops.shape(h)[1]]
