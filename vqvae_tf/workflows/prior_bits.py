"""Bits of codes under a prior."""

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf import models
from vqvae_tf.media.pieces import pieces

MOST_LOGITS = 2**25  # computed at once: 256 x 256 codes of 512 values


def mean_bits(prior: models.Prior, maps: list[Mapping[str, Any]]) -> dict[str, Any]:
    """`bits_per_code` over all codes of all maps, given the conditions that the prior takes."""
    bits = bits_of(prior)
    total, count = 0.0, 0
    for item in tqdm.tqdm(maps, "evaluating", unit="map", disable=None, leave=False):
        told = {name: item.get(name) for name in prior.conditions}
        known = {name: np.array([each]) for name, each in told.items() if each is not None}
        total += float(bits(item["codes"][None], known)[0])
        count += item["codes"].size
    return {"bits_per_code": total / count, "codes": count}


def bits_of(prior: models.Prior) -> Callable[[np.ndarray, Mapping[str, Any]], np.ndarray]:
    """A function of codes and conditions by name that returns the bits of each grid.

    It ignores conditions that the prior does not have.

    A grid of more than `MOST_LOGITS` logits is scored in pieces. Each piece includes its
    surroundings up to the prior's `config.reach`. If the reach is unlimited, each piece is scored
    as a separate grid. Videos are cut into windows of at most the length of the training
    examples, each scored by itself.
    """
    sizes, margin = prior.config.code_sizes, prior.config.reach or 0

    @functools.cache
    def compiled(names, grid):
        codes_spec = tf.TensorSpec([None, *grid, len(sizes)], tf.int32)

        @tf.function(
            input_signature=[codes_spec, {name: prior.takes[name].spec for name in names}],
            autograph=False,
        )
        def nats(codes, told):
            logits = tf.cast(prior(codes, told), tf.float32)
            codes = codes[..., 0] if len(sizes) == 1 else codes
            return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, logits)

        return nats

    def bits(codes, conditions):
        codes = np.asarray(codes)
        codes = codes.reshape(*codes.shape[: prior.grid_rank + 1], len(sizes))
        told = {
            name: prior.takes[name].check(conditions[name])
            for name in prior.conditions.keys() & conditions.keys()
        }
        names = tuple(sorted(told))
        if prior.grid_rank == 3:
            # Of near-equal lengths: a short last window would be given little of the past.
            parts = -(-codes.shape[1] // prior.config.crop[0])
            bounds = [round(part * codes.shape[1] / parts) for part in range(parts + 1)]
            windows = [slice(*pair) for pair in itertools.pairwise(bounds)]
            return sum(
                _of_videos(
                    compiled(names, codes[:, window].shape[1:-1]),
                    codes[:, window],
                    {name: each[:, window] for name, each in told.items()},
                    sum(sizes),
                )
                for window in windows
            )
        nats = compiled(names, (None,) * prior.grid_rank)
        # The first two sides of the grid are cut, or the only side.
        sides = codes.shape[1:-1]
        logits = sum(sizes) * len(codes) * math.prod(sides[2:])  # per place
        height, width = sides[:2] if len(sides) > 1 else (sides[0], 1)
        total = np.zeros(len(codes))
        for piece in pieces(height, width, max(1, MOST_LOGITS // logits), margin):
            outer, within = piece.outer[: len(sides)], piece.within[: len(sides)]
            part = nats(codes[:, *outer], told).numpy()[:, *within]
            total += part.reshape(len(part), -1).sum(1, np.float64)
        return total / np.log(2.0)

    return bits


def _of_videos(nats, codes, told, logits):
    """Bits of whole videos, as many at a time as `MOST_LOGITS` allows, for `logits` per place."""
    size = max(1, MOST_LOGITS // (logits * math.prod(codes.shape[1:-1])))
    total = np.zeros(len(codes))
    for first in range(0, len(codes), size):
        some = slice(first, first + size)
        part = nats(codes[some], {name: each[some] for name, each in told.items()}).numpy()
        total[some] = part.reshape(len(part), -1).sum(1, np.float64)
    return total / np.log(2.0)
