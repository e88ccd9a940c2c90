"""Samples a PixelCNN in two nested compiled loops, over rows and over places.

Every output of a loop's body comes from an operation of that body: TFLite's WHILE overwrites a
loop variable too early where a body hands one of its inputs on to a later slot. For that reason
the loops carry codes, and embed them at the start of the body.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.config import UserError
from vqvae_tf.networks.incremental_pixelcnn import IncrementalPixelCNN

_GIVEN = 1e9  # added to the noise of a given code: it wins over any logit
_EXCLUDED = -1e8  # the logit of a code that a filter leaves out: no noise lifts it, _GIVEN does
_BISECTIONS = 20  # of the threshold of top_p, which is then found to 1e-6 of the likeliest code's


def gumbel_noise(seed, first_sample, count: Any, row, width: int, slots: int, num_embeddings: int):
    """Gumbel noise of one row, the same for a sample whatever the others in its batch.

    The uniform bits come from Philox's counter mode, keyed by the seed; its 128-bit counter holds
    the row and, below, the sample. They are equal in eager, graph and XLA, where the floats of
    `tf.random.stateless_uniform` are not; of the logarithms XLA's differ in the last bit.

    Args:
        seed: uint64 scalar.
        first_sample: integer scalar: number of the first sample.
        count: number of samples.
        row: integer scalar.

    Returns:
        float32 `[width, count, slots, num_embeddings]`.
    """
    draws = width * slots * num_embeddings
    # A counter gives four words. Whole vectors of 16 for each sample, so that no logarithm falls
    # into the remainder that the processor takes one by one, and rounds otherwise.
    words = -(-draws // 16) * 16
    start = tf.cast(first_sample, tf.uint64) * tf.constant(words // 4, tf.uint64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[count, words],
        key=tf.reshape(seed, [1]),
        counter=tf.stack([start, tf.cast(row, tf.uint64)]),
        alg=1,  # Philox
        dtype=tf.uint32,
    )
    # 23 bits and a half: never 0 nor 1, exact in float32.
    bits = tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32))
    uniform = (tf.cast(bits, tf.float32) + 0.5) * 2.0**-23
    noise = -tf.math.log(-tf.math.log(uniform))
    noise = tf.reshape(noise[:, :draws], [count, width, slots, num_embeddings])
    return tf.transpose(noise, [1, 0, 2, 3])


def sample_codes(
    network,
    noise_of_row: Callable[[tf.Tensor], tf.Tensor],
    grid: tuple[int, int],
    batch: Any,
    *,
    temperature: Any = 1.0,
    top_k: int | None = None,
    top_p: Any = None,
    prefix: Any = None,
    label: Any = None,
    spatial: Any = None,
    with_log_prob: bool = False,
) -> Any:
    """The sampler as a graph, for compiled functions and exported endpoints.

    A code is the argmax of the logits plus Gumbel noise, which leaves it to the caller where the
    noise is from: `gumbel_noise`, or a tensor that is an input of the exported graph.

    Args:
        network: a built `PixelCNN`.
        noise_of_row: from a row's number to `[width, batch, slots, num_embeddings]`.
        grid: (height, width), Python integers.
        batch: number of samples, an integer or a scalar tensor.
        temperature: scalar; it multiplies the noise, so that 0 needs no division.
        top_k, top_p: as in `PixelCNN.sample`.
        prefix: int32 `[batch, height, width, slots]`, -1 where free, or None.
        label: int32 `[batch]`, or None.
        spatial: `[batch, height, width, spatial_channels]`, or None.
        with_log_prob: whether to tell the natural logarithm of each code's probability, given the
            codes before it, at temperature 1 and without a filter: what the loops made of the
            logits, for those who run them elsewhere.

    Returns:
        int32 `[batch, height, width, slots]`; with `with_log_prob` a pair of it and float32 of the
        same shape.
    """
    height, width = grid
    cached = IncrementalPixelCNN(network, batch, label, spatial)
    temperature = tf.convert_to_tensor(temperature, tf.float32)
    dtypes = [tf.int32, tf.float32] if with_log_prob else [tf.int32]
    if prefix is not None:
        prefix = tf.transpose(prefix, [1, 2, 0, 3])

    def place_loop(links, noise):
        def body(j, row, left, cache):
            hidden, cache = cached.place(left, links[j], cache)
            codes, log_probs = [], []
            for slot, slot_noise in enumerate(tf.unstack(noise[j], axis=1)):
                logits = cached.slot_logits(hidden, slot)
                kept = _filter(logits, temperature, top_k, top_p)
                codes.append(tf.argmax(kept + slot_noise, -1, output_type=tf.int32))
                if with_log_prob:
                    log_probs.append(_log_prob(logits, codes[-1]))
                hidden = cached.add_slot(hidden, slot, codes[-1])
            codes = tf.stack(codes, axis=-1)  # [batch, slots]
            drawn = [codes, tf.stack(log_probs, axis=-1)] if with_log_prob else [codes]
            return j + 1, _written(row, j, drawn), codes, cache

        start = (
            tf.constant(0),
            [tf.zeros([width, batch, cached.slots], dtype) for dtype in dtypes],
            tf.fill([batch, cached.slots], cached.outside),
            cached.start_places(),
        )
        return tf.while_loop(lambda j, *_: j < width, body, start)[1]

    def row_body(i, rows, above, *caches):
        links, caches = cached.row(above, caches, i)
        noise = noise_of_row(i) * temperature
        if prefix is not None:
            noise += _GIVEN * tf.one_hot(prefix[i], cached.num_embeddings)  # -1: all zero
        row = place_loop(links, noise)
        return (i + 1, _written(rows, i, row), row[0], *caches)

    start = (
        tf.constant(0),
        [tf.zeros([height, width, batch, cached.slots], dtype) for dtype in dtypes],
        tf.fill([width, batch, cached.slots], cached.outside),
        *cached.start_rows(width),
    )
    rows = tf.while_loop(lambda i, *_: i < height, row_body, start)[1]
    drawn = [tf.transpose(each, [2, 0, 1, 3]) for each in rows]
    return tuple(drawn) if with_log_prob else drawn[0]


class Sampler:
    """Draws in blocks, checking the arguments and compiling once for each kind of them.

    Args:
        network: the `PixelCNN` to sample.
    """

    def __init__(self, network):
        self.network = network
        self._compiled = {}

    def __call__(
        self,
        count,
        grid,
        seed,
        *,
        temperature,
        top_k,
        top_p,
        prefix,
        label,
        spatial,
        first_sample,
        block,
        jit_compile,
    ) -> tf.Tensor:
        network = self.network
        grid = tuple(int(size) for size in grid)
        _check_controls(count, grid, temperature, top_k, top_p, network.num_embeddings)
        if first_sample < 0 or block < 1:
            raise UserError(
                f"first_sample must be at least 0 and block at least 1; "
                f"received {first_sample} and {block}"
            )
        network.check_conditions(label, spatial)
        given = {}
        if prefix is not None:
            given["prefix"] = _check_prefix(prefix, count, grid, network)
        if label is not None:
            given["label"] = _check_label(label, count, network.num_classes)
        if spatial is not None:
            given["spatial"] = _check_spatial(spatial, count, grid, network)
        if not network.built:
            network.build()

        size = -(-count // -(-count // block))  # blocks of near-equal size
        compiled = self._function(grid, size, top_k, top_p is not None, tuple(given), jit_compile)
        blocks = []
        for first in range(0, count, size):
            # The last block may be short: it draws its last sample's followers too, cut off below.
            members = np.minimum(np.arange(first, first + size), count - 1)
            blocks.append(
                compiled(
                    tf.constant(seed % 2**64, tf.uint64),
                    tf.constant(first_sample + first, tf.int64),
                    tf.constant(temperature, tf.float32),
                    tf.constant(1.0 if top_p is None else top_p, tf.float32),
                    {name: tf.constant(value[members]) for name, value in given.items()},
                )
            )
        codes = tf.concat(blocks, axis=0)[:count]
        return codes[..., 0] if network.slots is None else codes

    def _function(self, grid, size, top_k, has_top_p, given, jit_compile):
        key = (grid, size, top_k, has_top_p, given, jit_compile)
        if key not in self._compiled:
            network = self.network

            def draw(seed, first_sample, temperature, top_p, given):
                def noise_of_row(i):
                    return gumbel_noise(
                        seed,
                        first_sample,
                        size,
                        i,
                        grid[1],
                        len(network.logits),
                        network.num_embeddings,
                    )

                return sample_codes(
                    network,
                    noise_of_row,
                    grid,
                    size,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p if has_top_p else None,
                    **given,
                )

            self._compiled[key] = tf.function(draw, jit_compile=jit_compile, autograph=False)
        return self._compiled[key]


def _written(tensors, place, values):
    """Each tensor with its value at `place` of the first axis."""
    written = []
    for tensor, value in zip(tensors, values, strict=True):
        here = tf.range(tensor.shape[0]) == place
        here = tf.reshape(here, [-1] + [1] * (tensor.shape.rank - 1))
        written.append(tf.where(here, value, tensor))
    return written


def _log_prob(logits, codes):
    """Log probability of codes `[batch]` by logits `[batch, num_embeddings]`."""
    return tf.gather(tf.nn.log_softmax(logits), codes, batch_dims=1)


def _filter(logits, temperature, top_k, top_p):
    """Logits with the codes that top_k and top_p leave out put far below the others."""
    if top_k is not None:
        least = tf.math.top_k(logits, top_k).values[:, -1:]
        logits = tf.where(logits < least, _EXCLUDED, logits)
    if top_p is not None:
        # The largest threshold that leaves probability top_p, by bisection: no sort. It is the
        # tempered distribution that counts, the temperature being on the noise.
        scaled = (logits - tf.reduce_max(logits, -1, keepdims=True)) / tf.maximum(temperature, 1e-6)
        weights = tf.exp(scaled)  # 1 for the likeliest
        enough = top_p * tf.reduce_sum(weights, -1, keepdims=True)
        low, step = tf.zeros_like(enough), 0.5
        for _ in range(_BISECTIONS):
            kept = tf.where(weights >= low + step, weights, 0.0)
            low = tf.where(tf.reduce_sum(kept, -1, keepdims=True) >= enough, low + step, low)
            step /= 2
        logits = tf.where(weights < low, _EXCLUDED, logits)
    return logits


def _check_controls(count, grid, temperature, top_k, top_p, num_embeddings):
    if count < 1:
        raise UserError(f"count must be at least 1; received {count}")
    if len(grid) != 2 or min(grid) < 1:
        raise UserError(f"grid must be (height, width), both at least 1; received {grid}")
    if not 0 <= temperature < np.inf:
        raise UserError(
            f"temperature must be at least 0 (0 takes the likeliest code); received {temperature}"
        )
    if top_k is not None and not 1 <= top_k <= num_embeddings:
        raise UserError(
            f"top_k must lie between 1 and {num_embeddings}, the number of codes, or be None for "
            f"all; received {top_k}"
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise UserError(f"top_p must lie in (0, 1], or be None for all; received {top_p}")


def _check_prefix(prefix, count, grid, network):
    prefix = np.asarray(prefix)
    if network.slots is None and prefix.ndim == 3:
        prefix = prefix[..., None]
    shape = (*grid, len(network.logits))
    if prefix.shape not in ((count, *shape), (1, *shape)) or prefix.dtype.kind not in "iu":
        wanted = shape[:2] if network.slots is None else shape
        raise UserError(
            f"prefix must hold integers of shape {(count, *wanted)} or {(1, *wanted)}; received "
            f"{prefix.dtype} of shape {prefix.shape}"
        )
    if prefix.min() < -1 or prefix.max() >= network.num_embeddings:
        raise UserError(
            f"prefix must hold codes from 0 to {network.num_embeddings - 1}, or -1 where free; "
            f"received {prefix.min()} to {prefix.max()}"
        )
    return np.broadcast_to(prefix.astype(np.int32), (count, *shape))


def _check_label(label, count, num_classes):
    label = np.asarray(label)
    if label.shape not in ((), (1,), (count,)) or label.dtype.kind not in "iu":
        raise UserError(
            f"label must be one integer or {count} of them; received {label.dtype} of shape "
            f"{label.shape}"
        )
    if label.min() < -1 or label.max() >= num_classes:
        raise UserError(
            f"label must lie between 0 and {num_classes - 1}, or be -1 for none; received "
            f"{label.min()} to {label.max()}"
        )
    return np.broadcast_to(label.astype(np.int32), (count,))


def _check_spatial(spatial, count, grid, network):
    spatial = np.asarray(spatial, np.float32)
    shape = (*grid, network.spatial_channels)
    if spatial.shape not in ((count, *shape), (1, *shape)):
        raise UserError(
            f"spatial must have the shape {(count, *shape)} or {(1, *shape)}; received "
            f"{spatial.shape}"
        )
    return np.broadcast_to(spatial, (count, *shape))
