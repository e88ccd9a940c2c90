"""The gated PixelCNN computed one row and one place at a time, for sampling.

A row's vertical stack depends only on the rows above, so it is computed once per row, for all its
places together. Only the horizontal stack is computed per place, a few vectors per layer. Tensors
are `[width, batch, channels]`, so that a place is a contiguous slice.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from vqvae_tf.networks.sampling.incremental import (
    before_gate,
    dense_weights,
    float32,
    one_hot_label,
    twice_gated,
)


class IncrementalPixelCNN:
    """The network computed one row and one place at a time, in float32.

    Create it inside the function that samples, before its loops: it reads the weights once and
    reshapes them for plain matrix products.

    Args:
        network: a built `PixelCNN`.
        batch: number of samples, an integer or a scalar tensor.
        label: int32 `[batch]`, or None.
        spatial: `[batch, height, width, spatial_channels]`, or None.
    """

    def __init__(self, network, batch: Any, label: Any = None, spatial: Any = None):
        self.batch = batch
        self.channels = network.channels
        self.num_embeddings = network.num_embeddings
        self.slots = len(network.logits)
        # After the codes, a row of zeros for places outside the grid.
        self.table = tf.pad(float32(network.code_table()), [[0, 1], [0, 0]])
        self.outside = self.slots * self.num_embeddings
        self.layers = [
            _LayerWeights(layer, label, first=i == 0) for i, layer in enumerate(network.gated)
        ]
        # For a single sample `place` leaves the output biases out of h, which saves an operation
        # per layer. The layers that read h add them to their own bias; a tap left of the first
        # column is minus what they will add. For several samples it is faster to add them to h:
        # XLA makes one slow kernel of a product and a single sum.
        self.leaves_out = isinstance(batch, int) and batch == 1
        self.left_out, self.taps_outside = tf.zeros([self.channels]), []
        for layer in self.layers:
            taps = [self.left_out] * (layer.beside + 1)
            self.taps_outside += taps[1:]
            if self.leaves_out:
                left_out = tf.concat(taps, axis=0)
                layer.bias_h += tf.linalg.matvec(layer.horizontal, left_out, transpose_a=True)
                self.left_out = self.left_out + layer.output_bias
            else:
                layer.output_bias = tf.tile(layer.output_bias[None], [batch, 1])  # for tf.add_n
        self.spatial = None
        if spatial is not None:
            self.spatial = tf.transpose(float32(spatial), [1, 2, 0, 3])
        self.hidden = dense_weights(network.hidden)
        self.slot_tables = [float32(layer.embeddings) for layer in network.slot_embeddings]
        self.logits = [_logits_weights(layer, network) for layer in network.logits]

    def embed(self, codes: tf.Tensor) -> tf.Tensor:
        """Maps codes `[..., slots]`, `outside` for no code, to `[..., channels]`."""
        if self.slots == 1:
            return tf.gather(self.table, codes[..., 0])
        offsets = tf.range(self.slots) * self.num_embeddings
        index = tf.where(codes == self.outside, self.outside, codes + offsets)
        return tf.reduce_sum(tf.gather(self.table, index), axis=-2)

    def start_rows(self, width: int) -> list[tf.Tensor]:
        """The vertical caches before the first row: each layer's inputs from the rows above."""
        return [tf.zeros([width, self.batch, layer.above * self.channels]) for layer in self.layers]

    def start_places(self) -> tf.Tensor:
        """The horizontal cache left of the first column: `[taps of all layers, batch, channels]`.

        One loop variable for all layers: each more costs four operations per place.
        """
        return -tf.tile(tf.stack(self.taps_outside)[:, None], [1, self.batch, 1])

    def row(self, above: tf.Tensor, caches: Sequence[tf.Tensor], i: Any):
        """The vertical stack of row `i`.

        Args:
            above: codes of the row above, `[width, batch, slots]`.
            caches: as returned by `start_rows` and by this method.

        Returns:
            `(links, caches)`; links `[width, layers, batch, 2 * channels]` are the terms that the
            vertical stack and the conditions add to the horizontal one.
        """
        v, links, new_caches = self.embed(above), [], []
        for layer, cache in zip(self.layers, caches, strict=True):
            rows = tf.concat([cache, v], axis=-1)  # [width, batch, rows * channels]
            new_caches.append(rows[..., self.channels :])
            padded = tf.pad(rows, [[layer.beside, layer.beside], [0, 0], [0, 0]])
            width, columns = rows.shape[0], 2 * layer.beside + 1
            patches = tf.concat([padded[k : k + width] for k in range(columns)], axis=-1)
            pv = _product(patches, layer.vertical) + layer.bias_v
            bias_h = layer.bias_h
            if self.spatial is not None:
                spatial_v, spatial_h = tf.split(_product(self.spatial[i], layer.spatial), 2, -1)
                pv, bias_h = pv + spatial_v, bias_h + spatial_h
            links.append(_product(pv, layer.link) + bias_h)
            v = twice_gated(pv)
        return tf.stack(links, axis=1), new_caches

    def place(self, left: tf.Tensor, link: tf.Tensor, cache: tf.Tensor):
        """The horizontal stack of one place, and the head up to its hidden layer.

        Args:
            left: codes of the place to the left, `[batch, slots]`.
            link: the links of this place, from `row`, `[layers, batch, 2 * channels]`.
            cache: as returned by `start_places` and by this method.

        Returns:
            `(hidden, cache)`; hidden `[batch, head_width]` is for `slot_logits`.
        """
        h, seen = self.embed(left), []
        cached = iter(tf.unstack(cache))
        for layer, from_above in zip(self.layers, tf.unstack(link), strict=True):
            taps = [*itertools.islice(cached, layer.beside), h]
            seen += taps[1:]
            gated = twice_gated(tf.matmul(tf.concat(taps, axis=-1), layer.horizontal) + from_above)
            step = tf.matmul(gated, layer.output)
            h = h + step if self.leaves_out else tf.add_n([h, step, layer.output_bias])
        kernel, bias = self.hidden
        h = tf.nn.relu(h + self.left_out if self.leaves_out else h)
        return tf.nn.bias_add(tf.matmul(h, kernel), bias), tf.stack(seen)

    def slot_logits(self, hidden: tf.Tensor, slot: int) -> tf.Tensor:
        """`[batch, num_embeddings]` logits of a slot; `hidden` depends on the slots before it."""
        kernel, bias = self.logits[slot]
        return tf.nn.bias_add(tf.matmul(tf.nn.relu(hidden), kernel), bias)

    def add_slot(self, hidden: tf.Tensor, slot: int, code: tf.Tensor) -> tf.Tensor:
        """Adds the code drawn for `slot` to `hidden`."""
        if slot + 1 == self.slots:
            return hidden
        return hidden + tf.gather(self.slot_tables[slot], code)


class _LayerWeights:
    """The weights of a `PixelCNNLayer` as matrices, the label's bias added to the layer's own.

    They are scaled for `twice_gated`: in weights that lead to a gate the second half is halved.
    Weights that read a gate are halved; the vertical kernel of every layer but the first does.
    """

    def __init__(self, layer, label, first):
        self.above, self.beside = layer.above, layer.beside
        vertical = tf.transpose(float32(layer.vertical.kernel), [1, 0, 2, 3])  # columns first
        self.vertical = before_gate(_flat(vertical), 1.0 if first else 0.5)
        self.horizontal = before_gate(_flat(float32(layer.horizontal.kernel)))
        above, below = tf.split(before_gate(float32(layer.link.kernel)), 2)
        self.link = tf.concat([above, 2 * below], axis=0)  # it reads the input of a gate
        output, self.output_bias = dense_weights(layer.output_projection)
        self.output = output / 2
        self.bias_v = before_gate(float32(layer.vertical.bias))
        self.bias_h = before_gate(float32(layer.horizontal.bias))
        if label is not None:
            label = one_hot_label(label, layer.num_classes)
            label_v, label_h = _both_before_gate(label @ float32(layer.label_bias.kernel))
            self.bias_v, self.bias_h = self.bias_v + label_v, self.bias_h + label_h
        self.spatial = None
        if layer.spatial_bias is not None:
            kernel = float32(layer.spatial_bias.kernel)
            self.spatial = tf.concat(_both_before_gate(kernel), axis=-1)


def _both_before_gate(weight):
    """A condition's weights for the vertical and for the horizontal gate."""
    return [before_gate(half) for half in tf.split(weight, 2, axis=-1)]


def _logits_weights(layer, network):
    if network.code_dim is None:
        return dense_weights(layer)
    return float32(layer.kernel(network.code_vectors)), float32(layer.bias)


def _flat(kernel):
    return tf.reshape(kernel, [-1, kernel.shape[-1]])


def _product(x, matrix):
    """`x @ matrix` over the last axis of `[width, batch, channels]`, as one flat product."""
    rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), matrix)
    return tf.reshape(rows, [x.shape[0], -1, matrix.shape[-1]])
