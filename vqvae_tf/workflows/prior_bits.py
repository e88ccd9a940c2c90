"""Bits of codes under a prior."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import models
from vqvae_tf.media.pieces import pieces

MOST_LOGITS = 2**25  # computed at once: 256 x 256 codes of 512 values


def mean_bits(prior: models.Prior, maps: list[Mapping[str, Any]]) -> dict[str, Any]:
    """`bits_per_code` over all codes of all maps, given the conditions that the prior takes."""
    bits = bits_of(prior)
    total, count = 0.0, 0
    for item in maps:
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
    as a separate grid.
    """
    sizes, margin = prior.config.code_sizes, prior.config.reach or 0
    codes_spec = tf.TensorSpec([None] * (prior.grid_rank + 1) + [len(sizes)], tf.int32)
    told_spec = {name: tf.TensorSpec([None], tf.int32) for name in prior.conditions}

    @tf.function(input_signature=[codes_spec, told_spec], autograph=False)
    def nats(codes, told):
        logits = tf.cast(prior(codes, told), tf.float32)
        codes = codes[..., 0] if len(sizes) == 1 else codes
        return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, logits)

    def bits(codes, conditions):
        codes = np.asarray(codes)
        codes = codes.reshape(*codes.shape[: prior.grid_rank + 1], len(sizes))
        none = np.full(len(codes), -1)
        told = {name: np.asarray(conditions.get(name, none), np.int32) for name in prior.conditions}
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
