"""What codes cost in bits under a prior."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import data, models
from vqvae_tf.media.pieces import pieces

MOST_LOGITS = 2**25  # that are computed at once: 256 x 256 codes of 512 values


def mean_bits(prior: models.Prior, maps: list[Mapping[str, Any]]) -> dict[str, Any]:
    """`bits_per_code` over all codes of all maps, given their labels where the prior takes them."""
    bits = bits_of(prior)
    total, count = 0.0, 0
    for item in maps:
        label = None if item["label"] is None else np.array([item["label"]])
        total += float(bits(data.grid_of(item)[None], label)[0])
        count += item["codes"].size
    return {"bits_per_code": total / count, "codes": count}


def bits_of(prior: models.Prior) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """A function of codes and labels (or None) that gives the bits of each grid.

    A grid of more than `MOST_LOGITS` logits is scored in pieces. Each is given its surroundings
    as far as the prior sees (`config.reach`); where that is anything, a piece is scored as a grid
    of its own.
    """
    sizes, margin = prior.config.code_sizes, prior.config.reach or 0
    codes_spec = tf.TensorSpec([None] * (prior.grid_rank + 1) + [len(sizes)], tf.int32)
    label_spec = tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[codes_spec, label_spec], autograph=False)
    def nats(codes, label):
        logits = tf.cast(prior(codes, {name: label for name in prior.conditions}), tf.float32)
        codes = codes[..., 0] if len(sizes) == 1 else codes
        return tf.nn.sparse_softmax_cross_entropy_with_logits(codes, logits)

    def bits(codes, labels):
        codes = np.asarray(codes)
        codes = codes.reshape(*codes.shape[: prior.grid_rank + 1], len(sizes))
        known = np.full(len(codes), -1) if labels is None else labels
        # The first two sides of the grid are cut, or the only one.
        sides = codes.shape[1:-1]
        logits = sum(sizes) * len(codes) * math.prod(sides[2:])  # of a place
        height, width = sides[:2] if len(sides) > 1 else (sides[0], 1)
        total = np.zeros(len(codes))
        for piece in pieces(height, width, max(1, MOST_LOGITS // logits), margin):
            outer, within = piece.outer[: len(sides)], piece.within[: len(sides)]
            part = nats(codes[:, *outer], known.astype(np.int32)).numpy()[:, *within]
            total += part.reshape(len(part), -1).sum(1, np.float64)
        return total / np.log(2.0)

    return bits
