"""The sampler of a prior of videos: a compiled loop over frames around that of a PixelCNN."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.models.prior import NONE
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise, sample_codes
from vqvae_tf.networks.sampling.controls import (
    blocks,
    check_code_range,
    check_size,
    checked_controls,
)
from vqvae_tf.networks.video import Carried


def draw_video(
    prior,
    noise_of_row: Callable[[tf.Tensor], tf.Tensor],
    grid: tuple[int, int, int],
    batch: Any,
    *,
    temperature: Any = 1.0,
    top_k: int | None = None,
    top_p: Any = None,
    conditions: Mapping[str, Any] = NONE,
    given: Any = None,
    prefix: Any = None,
    with_log_prob: bool = False,
) -> Any:
    """The sampler as a graph.

    Each frame's condition is computed once, from the codes of the frames before it and from the
    memory, which is carried from frame to frame; no picture is decoded.

    Args:
        prior: a `VideoPrior`.
        noise_of_row: function of a row's number, over all frames, as of `sample_codes`.
        grid: (time, height, width), Python integers.
        batch: number of samples, an integer or a scalar tensor.
        temperature, top_k, top_p: as of `sample_codes`.
        conditions: those that are known, by name, one for each sample.
        given: int32 `[batch, frames, height, width, slots]`, the first frames, which are not drawn.
        prefix: int32 `[batch, time, height, width, slots]`, -1 where free, or None.
        with_log_prob: as of `sample_codes`; 0 for given frames.

    Returns:
        int32 `[batch, time, height, width, slots]`; with `with_log_prob`, the pair of it and
        float32 of the same shape.
    """
    time, height, width = grid
    context, slots = prior.config.context, prior.slots
    start = 0 if given is None else given.shape[1]
    action, told = prior.told(conditions, batch, time)
    shape = [batch, time - start, height, width, slots]
    codes = tf.zeros(shape, tf.int32)
    if given is not None:
        codes = tf.concat([given, codes], axis=1)
    found = [codes, tf.zeros([batch, time, height, width, slots])][: 1 + with_log_prob]

    def body(t, found, memory):
        codes = found[0]
        past = prior.past(codes, action, told, tf.fill([batch, 1], t))
        moved = prior.moved(past)
        last, first = past.codes[:, -1], codes[:, min(context, time) - 1]
        # From frame `context` on the memory is that of the frame before, moved once more.
        carried = prior.flow(memory, prior.vectors(first), past.action[:, -1], past.told)
        early = t <= context
        memory = Carried(
            *(tf.where(early, one, other) for one, other in zip(moved, carried, strict=True))
        )
        remembered = tf.where(early, prior.vectors(last), prior.vectors(first))
        expected = prior.expected(past, moved, memory, remembered, prior.config.guidance)
        drawn = sample_codes(
            prior.network,
            lambda i: noise_of_row(t * height + i),
            (height, width),
            batch,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            prefix=None if prefix is None else prefix[:, t],
            spatial=expected.condition,
            added=expected.logits,
            with_log_prob=with_log_prob,
        )
        here = tf.reshape(tf.range(time) == t, [1, -1, 1, 1, 1])
        drawn = drawn if with_log_prob else (drawn,)
        found = [
            tf.where(here, one[:, None], other) for one, other in zip(drawn, found, strict=True)
        ]
        return t + 1, found, memory

    if start > context:
        so_far = slice(0, start)
        chain = prior.chain(given, action[:, so_far], told[:, so_far])
        memory = Carried(*(each[-1] for each in chain))
    else:
        memory = prior.flow.start(prior.vectors(codes[:, 0]))  # replaced before it is used
    found = tf.while_loop(
        lambda t, *_: t < time, body, (tf.constant(start), found, memory), parallel_iterations=1
    )[1]
    return tuple(found) if with_log_prob else found[0]


class VideoSampler:
    """Draws samples in blocks; checks the arguments and compiles once for each kind of them.

    Args:
        prior: the `VideoPrior` to sample.
    """

    def __init__(self, prior):
        self._prior = prior
        self._compiled: dict[Any, Any] = {}

    def __call__(
        self,
        count,
        grid,
        *,
        seed,
        temperature,
        top_k,
        top_p,
        prefix,
        conditions,
        first_sample,
        block,
        jit_compile,
    ) -> tf.Tensor:
        """As `Prior._sample`. XLA is not used: the loops over frames, rows and places nest."""
        size = self._prior.config.code_sizes[0]
        numbers = checked_controls(
            count, seed, temperature, top_k, top_p, first_sample, block, size
        )
        check_size(count, math.prod(grid) * self._prior.slots)
        arguments.flag("jit_compile", jit_compile)
        start = 0
        values = {name: _for_all(value, count) for name, value in conditions.items()}
        if prefix is not None:
            check_code_range("prefix", prefix, size)
            prefix = _for_all(prefix.astype(np.int32), count)
            # Frames that are given as a whole are not drawn.
            whole = (prefix >= 0).all(axis=(0, 2, 3, 4))
            start = len(whole) if whole.all() else int(whole.argmin())
            if start == grid[0]:
                return tf.constant(prefix)
            free = (prefix[:, start:] < 0).all()
            values["given"] = prefix[:, :start]
            if not free:
                values["prefix"] = prefix
        drawn = []
        for members in blocks(count, numbers.block):
            compiled = self._function(
                grid, len(members), top_k, numbers.top_p, tuple(values), start
            )
            drawn.append(
                compiled(
                    tf.constant(numbers.seed, tf.uint64),
                    tf.constant(numbers.first_sample + members[0], tf.int64),
                    tf.constant(numbers.temperature, tf.float32),
                    {name: tf.constant(value[members]) for name, value in values.items()},
                )
            )
        return tf.concat(drawn, axis=0)[:count]

    def _function(self, grid, size, top_k, top_p, names, start):
        key = (grid, size, top_k, top_p, names, start)
        if key not in self._compiled:
            prior = self._prior

            @functools.partial(tf.function, autograph=False)
            def draw(seed, first_sample, temperature, values):
                values = dict(values)
                given, prefix = values.pop("given", None), values.pop("prefix", None)

                def noise(row):
                    number = prior.config.code_sizes[0]
                    return gumbel_noise(seed, first_sample, size, row, grid[2], prior.slots, number)

                return draw_video(
                    prior,
                    noise,
                    grid,
                    size,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                    conditions=values,
                    given=given if start else None,
                    prefix=prefix,
                )

            self._compiled[key] = draw
        return self._compiled[key]


def _for_all(value, count):
    return np.broadcast_to(value, (count, *value.shape[1:]))
