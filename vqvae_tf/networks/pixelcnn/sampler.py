"""The sampler of a PixelCNN: two nested compiled loops, over rows and over places.

Every output of a loop's body comes from an operation of that body: TFLite's WHILE overwrites a
loop variable too early if a body passes one of its inputs to a later slot. For that reason
the loops carry codes, and embed them at the start of the body.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError
from vqvae_tf.networks.pixelcnn.incremental import IncrementalPixelCNN
from vqvae_tf.networks.sampling import noise
from vqvae_tf.networks.sampling.controls import (
    blocks,
    check_code_range,
    check_condition,
    check_label,
    check_size,
    checked_controls,
    checked_grid,
    filter_logits,
)
from vqvae_tf.networks.sampling.incremental import likeliest, log_prob_of

# Added to the noise of a given code: it exceeds any logit, even of a code excluded by a filter.
_GIVEN = 1e9


def gumbel_noise(seed, first_sample, count: Any, row, width: int, slots: int, num_embeddings: int):
    """Gumbel noise of one row; that of a sample does not depend on the rest of its batch.

    Args:
        seed: uint64 scalar.
        first_sample: integer scalar, number of the first sample.
        count: number of samples.
        row: integer scalar.

    Returns:
        float32 `[width, count, slots, num_embeddings]`.
    """
    drawn = noise.gumbel_noise(seed, first_sample, count, row, width * slots * num_embeddings)
    drawn = tf.reshape(drawn, [count, width, slots, num_embeddings])
    return tf.transpose(drawn, [1, 0, 2, 3])


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
    added: Any = None,
    with_log_prob: bool = False,
    xla: bool = False,
) -> Any:
    """The sampler as a graph, for compiled functions and exported endpoints.

    A code is the argmax of the logits plus Gumbel noise. The caller chooses the noise:
    `gumbel_noise`, or a tensor that is an input of the exported graph.

    Args:
        network: a built `PixelCNN`.
        noise_of_row: function of a row's number that returns `[width, batch, slots,
            num_embeddings]`.
        grid: (height, width), Python integers.
        batch: number of samples, an integer or a scalar tensor.
        temperature: scalar; it multiplies the noise, so that 0 needs no division.
        top_k, top_p: as in `PixelCNN.sample`.
        prefix: int32 `[batch, height, width, slots]`, -1 where free, or None.
        label: int32 `[batch]`, or None.
        spatial: `[batch, height, width, spatial_channels]`, or None.
        added: `[batch, height, width, slots, num_embeddings]`, added to the logits, or None.
        with_log_prob: whether to return the natural logarithm of each code's probability, given
            the codes before it, at temperature 1 and without a filter, as the loops compute it;
            for checks in other runtimes.
        xla: whether XLA will compile this.

    Returns:
        int32 `[batch, height, width, slots]`; with `with_log_prob`, the pair of it and float32 of
        the same shape.
    """
    height, width = grid
    cached = IncrementalPixelCNN(network, batch, label, spatial)
    temperature = tf.convert_to_tensor(temperature, tf.float32)
    dtypes = [tf.int32, tf.float32] if with_log_prob else [tf.int32]
    if prefix is not None:
        prefix = tf.transpose(prefix, [1, 2, 0, 3])
    if added is not None:
        added = tf.transpose(added, [1, 2, 0, 3, 4])

    def place_loop(links, noise, added):
        def body(j, row, left, cache):
            # Gathered, not indexed: TFLite copies an indexed slice number by number.
            hidden, cache = cached.place(left, tf.gather(links, j), cache)
            codes, log_probs = [], []
            for slot, slot_noise in enumerate(tf.unstack(tf.gather(noise, j), axis=1)):
                logits = cached.slot_logits(hidden, slot)
                if added is not None:
                    logits += tf.gather(added, j)[:, slot]
                kept = filter_logits(logits, temperature, top_k, top_p)
                codes.append(likeliest(kept + slot_noise, xla))
                if with_log_prob:
                    log_probs.append(log_prob_of(logits, codes[-1]))
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
        row = place_loop(links, noise, None if added is None else added[i])
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
    """Draws samples in blocks; checks the arguments and compiles once for each kind of them.

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
        numbers = checked_controls(
            count, seed, temperature, top_k, top_p, first_sample, block, network.num_embeddings
        )
        count, top_k, top_p = numbers.count, numbers.top_k, numbers.top_p
        grid = checked_grid(grid, 2, len(network.logits))
        check_size(count, math.prod(grid) * len(network.logits))
        jit_compile = arguments.flag("jit_compile", jit_compile)
        self._check_noise(min(numbers.block, count), grid, jit_compile)
        network.check_conditions(label, spatial)
        given = {}
        if prefix is not None:
            given["prefix"] = _check_prefix(prefix, count, grid, network)
        if label is not None:
            given["label"] = check_label(label, count, network.num_classes)
        if spatial is not None:
            shape = (*grid, network.spatial_channels)
            given["spatial"] = check_condition("spatial", spatial, count, shape)
        if not network.built:
            network.build()

        drawn = []
        for members in blocks(count, numbers.block):
            compiled = self._function(
                grid, len(members), top_k, top_p is not None, tuple(given), jit_compile
            )
            drawn.append(
                compiled(
                    tf.constant(numbers.seed, tf.uint64),
                    tf.constant(numbers.first_sample + members[0], tf.int64),
                    tf.constant(numbers.temperature, tf.float32),
                    tf.constant(1.0 if top_p is None else top_p, tf.float32),
                    {name: tf.constant(value[members]) for name, value in given.items()},
                )
            )
        codes = tf.concat(drawn, axis=0)[:count]
        return codes[..., 0] if network.slots is None else codes

    def _check_noise(self, size, grid, jit_compile):
        """Refuses a block whose noise, of a row or with XLA of all rows, is too large."""
        places = math.prod(grid) if jit_compile else grid[1]
        numbers = size * places * len(self.network.logits) * self.network.num_embeddings
        if numbers > limits.LARGEST_BATCH:
            raise UserError(
                f"block={size} with this grid takes {numbers} numbers of noise at once, more than "
                f"{limits.LARGEST_BATCH}: lower block{' or leave jit_compile out' * jit_compile}"
            )

    def _function(self, grid, size, top_k, has_top_p, given, jit_compile):
        key = (grid, size, top_k, has_top_p, given, jit_compile)
        if key not in self._compiled:
            network = self.network

            def noise_of_row(seed, first_sample, row):
                return gumbel_noise(
                    seed,
                    first_sample,
                    size,
                    row,
                    grid[1],
                    len(network.logits),
                    network.num_embeddings,
                )

            def draw(noise_of_row, temperature, top_p, given):
                return sample_codes(
                    network,
                    noise_of_row,
                    grid,
                    size,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p if has_top_p else None,
                    xla=jit_compile,
                    **given,
                )

            @functools.partial(tf.function, autograph=False)
            def in_loop(seed, first_sample, *controls):
                return draw(functools.partial(noise_of_row, seed, first_sample), *controls)

            @functools.partial(tf.function, autograph=False)
            def all_noise(seed, first_sample):
                return tf.map_fn(
                    functools.partial(noise_of_row, seed, first_sample),
                    tf.range(grid[0]),
                    fn_output_signature=tf.float32,
                )

            @functools.partial(tf.function, autograph=False, jit_compile=True)
            def given_noise(noise, *controls):
                return draw(lambda row: noise[row], *controls)

            def beforehand(seed, first_sample, *controls):
                # XLA would compute the logarithms one by one inside the loop over places.
                return given_noise(all_noise(seed, first_sample), *controls)

            self._compiled[key] = beforehand if jit_compile else in_loop
        return self._compiled[key]


def _written(tensors, place, values):
    """The tensors with each of `values` written at `place` of the first axis."""
    written = []
    for tensor, value in zip(tensors, values, strict=True):
        here = tf.range(tensor.shape[0]) == place
        here = tf.reshape(here, [-1] + [1] * (tensor.shape.rank - 1))
        written.append(tf.where(here, value, tensor))
    return written


def _check_prefix(prefix, count, grid, network):
    prefix = arguments.numbers("prefix", prefix)
    if network.slots is None and prefix.ndim == 3:
        prefix = prefix[..., None]
    shape = (*grid, len(network.logits))
    if prefix.shape not in ((count, *shape), (1, *shape)) or prefix.dtype.kind not in "iu":
        wanted = shape[:2] if network.slots is None else shape
        raise UserError(
            f"prefix must hold integers of shape {(count, *wanted)} or {(1, *wanted)}; received "
            f"{prefix.dtype} of shape {prefix.shape}"
        )
    check_code_range("prefix", prefix, network.num_embeddings)
    return np.broadcast_to(prefix.astype(np.int32), (count, *shape))
