"""The WaveNet computed one step at a time, for sampling.

Everything that a step needs of the past is known before it starts. The past of all layers is
therefore in one flat buffer, which is read by one gather and written by one scatter, and the
products with it are one batched product. Only the current step of each layer is sequential.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from vqvae_tf.networks.sampling.incremental import (
    before_gate,
    dense_weights,
    float32,
    one_hot_label,
    twice_gated,
)


class State(NamedTuple):
    """The state that a step needs of all steps before it; its size does not depend on their number.

    Attributes:
        past: float32 `[rows, batch, channels]`, each layer's latest inputs as a ring buffer; the
            rings of all layers are concatenated.
        places: int32 `[layers]`, the current row of each ring.
        codes: int32 `[batch]`, the codes of the step before, `num_embeddings` if there is none.
    """

    past: tf.Tensor
    places: tf.Tensor
    codes: tf.Tensor


def start_state(network: Any, batch: Any) -> State:
    """The state before the first step of a `WaveNet`, for `batch` samples."""
    sizes = _ring_sizes(network)
    return State(
        past=tf.zeros([sizes.sum(), batch, network.channels]),
        places=tf.zeros(len(sizes), tf.int32),
        codes=tf.fill([batch], network.num_embeddings),
    )


class IncrementalWaveNet:
    """The network computed one step at a time, in float32.

    Create it inside the function that samples, before its loops: it reads the weights once and
    reshapes them for plain matrix products.

    Args:
        network: a built `WaveNet`.
        label: int32 `[batch]`, or None.
    """

    def __init__(self, network, label: Any = None):
        # After the codes, a row of zeros for steps before the first.
        self.table = tf.pad(float32(network.embedding), [[0, 1], [0, 0]])
        layers = network.dilated
        kernels, biases = zip(
            *(map(before_gate, dense_weights(layer.taps)) for layer in layers), strict=True
        )
        split = (network.kernel_size - 1) * network.channels
        self.past_taps = tf.stack([kernel[:split] for kernel in kernels])
        self.own_taps = [kernel[split:] for kernel in kernels]
        bias = tf.stack(biases)[:, None]
        if label is not None:
            label = one_hot_label(label, network.num_classes)
            bias += tf.stack(
                [label @ before_gate(float32(layer.label_bias.kernel)) for layer in layers]
            )
        self.bias = bias  # [layers, batch or 1, 2 * channels]
        # A layer's residual and skip products read the same gate, so one product is faster.
        # The weights are halved, as gates are twice as large.
        skip, self.skip_bias = dense_weights(network.skip)
        skips = tf.split(skip / 2, len(layers))
        residuals = [dense_weights(layer.residual) for layer in layers[:-1]]
        self.after_gate = [
            tf.concat([kernel / 2, skip], axis=1)
            for (kernel, _), skip in zip(residuals, skips[:-1], strict=True)
        ]
        self.residual_bias = [bias for _, bias in residuals]
        self.last_skip = skips[-1]
        self.head = [dense_weights(layer) for layer in (network.hidden, network.outputs)]
        if network.frames is not None:
            kernel, self.frame_bias = float32(network.frames.kernel), float32(network.frames.bias)
            self.frame_kernel = tf.reshape(kernel, [-1, kernel.shape[-1]])
            self.local_taps = tf.stack(
                [before_gate(float32(layer.local_bias.kernel)) for layer in layers]
            )
        # A ring's oldest row is the layer's first tap, and is overwritten by its newest input. The
        # other taps follow at intervals of the dilation.
        self.sizes = _ring_sizes(network)
        self.starts = np.cumsum(self.sizes) - self.sizes
        taps = np.arange(network.kernel_size - 1)
        self.tap_offsets = taps * np.asarray(network.dilations)[:, None]

    def frame(self, local: tf.Tensor) -> tf.Tensor:
        """The term that a frame of the local condition adds to each layer.

        Args:
            local: the frame and its two neighbours, `[batch, 3, local_channels]`; zeros outside
                the sequence.

        Returns:
            `[layers, batch, 2 * channels]`, for `step`.
        """
        width = local.shape[1] * local.shape[2]
        features = tf.matmul(tf.reshape(local, [-1, width]), self.frame_kernel) + self.frame_bias
        return tf.matmul(features[None], self.local_taps)

    def step(self, state: State, frame: tf.Tensor | None = None):
        """Computes a step's outputs and the state after it, except the code, which is drawn later.

        Args:
            state: as returned by `start_state`, or made of this method's results and the codes
                drawn.
            frame: as returned by the method `frame`, or None.

        Returns:
            `(outputs, past, places)`; outputs `[batch, output_channels]`.
        """
        sizes = tf.constant(self.sizes, tf.int32)
        starts = tf.constant(self.starts, tf.int32)
        rows = state.places[:, None] + tf.constant(self.tap_offsets, tf.int32)  # [layers, taps]
        if rows.shape[1] > 1:
            rows = tf.where(rows >= sizes[:, None], rows - sizes[:, None], rows)
        rows += starts[:, None]
        taps = tf.gather(state.past, rows[:, 0] if rows.shape[1] == 1 else rows)
        if rows.shape[1] > 1:  # [layers, taps, batch, channels] to [layers, batch, taps * channels]
            taps = tf.transpose(taps, [0, 2, 1, 3])
            taps = tf.reshape(taps, [len(self.sizes), -1, self.past_taps.shape[1]])
        condition = self.bias if frame is None else self.bias + frame
        known = tf.unstack(tf.matmul(taps, self.past_taps) + condition)

        h, inputs, skips = tf.gather(self.table, state.codes), [], []
        for layer, from_past in enumerate(known):
            inputs.append(h)
            g = twice_gated(tf.matmul(h, self.own_taps[layer]) + from_past)
            if layer < len(self.after_gate):
                products = tf.matmul(g, self.after_gate[layer])
                h = h + products[:, : h.shape[1]] + self.residual_bias[layer]
                skips.append(products[:, h.shape[1] :])
            else:
                skips.append(tf.matmul(g, self.last_skip))
        past = tf.tensor_scatter_nd_update(state.past, rows[:, :1], tf.stack(inputs))
        places = state.places + 1
        places = tf.where(places == sizes, 0, places)

        x = tf.add_n(skips) + self.skip_bias
        for kernel, bias in self.head:
            x = tf.matmul(tf.nn.relu(x), kernel) + bias
        return x, past, places


def _ring_sizes(network):
    """Number of past inputs that each layer needs."""
    return (network.kernel_size - 1) * np.asarray(network.dilations)
