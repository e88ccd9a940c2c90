"""Temperature, top-k, top-p and labels of a sampler: checks and filters."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.errors import UserError, shown
from vqvae_tf.networks.inputs import checked_range

_EXCLUDED = -1e8  # the logit of a code that a filter excludes: noise does not outweigh it
_BISECTIONS = 20  # for the threshold of top_p, to 1e-6 of the likeliest code's probability


def filter_logits(logits: tf.Tensor, temperature: Any, top_k: int | None, top_p: Any) -> tf.Tensor:
    """Logits `[batch, K]`, with those of codes that top_k and top_p exclude set to -1e8.

    >>> filter_logits(tf.constant([[1.0, 3.0, 2.0]]), 1.0, top_k=2, top_p=None).numpy().tolist()
    [[-100000000.0, 3.0, 2.0]]
    """
    if top_k is not None:
        least = tf.math.top_k(logits, top_k).values[:, -1:]
        logits = tf.where(logits < least, _EXCLUDED, logits)
    if top_p is not None:
        # The largest threshold that keeps probability top_p, by bisection, without a sort. top_p
        # applies to the distribution at this temperature; logits are divided here, as the sampler
        # multiplies the noise instead.
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


@dataclasses.dataclass(frozen=True)
class Controls:
    """The arguments of both samplers other than conditions, as Python numbers."""

    count: int
    seed: int
    temperature: float
    top_k: int | None
    top_p: float | None
    first_sample: int
    block: int


def checked_controls(
    count: Any,
    seed: Any,
    temperature: Any,
    top_k: Any,
    top_p: Any,
    first_sample: Any,
    block: Any,
    num_embeddings: int,
) -> Controls:
    """Raises UserError for a control out of range."""
    count = arguments.whole("count", count, 1, limits.MOST_SAMPLES)
    temperature = check_temperature(temperature)
    if top_k is not None:
        top_k = arguments.whole("top_k", top_k)
        if not 1 <= top_k <= num_embeddings:
            raise UserError(
                f"top_k must lie between 1 and {num_embeddings}, the number of codes, or be None "
                f"for all; received {top_k}"
            )
    if top_p is not None:
        top_p = arguments.real("top_p", top_p, finite=False)
        if not 0 < top_p <= 1:
            raise UserError(f"top_p must lie in (0, 1], or be None for all; received {top_p}")
    first_sample = arguments.whole("first_sample", first_sample, 0, limits.LARGEST_SAMPLE)
    block = arguments.whole("block", block, least=1)
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SAMPLING_SEED)
    return Controls(count, seed, temperature, top_k, top_p, first_sample, block)


def checked_grid(grid: Any, rank: int, slots: int = 1) -> tuple[int, ...]:
    """The sides of a grid of `slots` codes per place as Python ints.

    Raises:
        UserError: for another number of sides, and for a grid of too many codes.

    >>> checked_grid([4, 3], rank=2)
    (4, 3)
    """
    try:
        sides = arguments.wholes("grid", grid, least=1)
    except UserError:
        sides = ()
    if len(sides) != rank:
        names = {1: "(time,)", 2: "(height, width)", 3: "(time, height, width)"}[rank]
        raise UserError(f"grid must be {names}, each at least 1; received {shown(grid)}")
    if math.prod(sides) * slots > limits.LARGEST_GRID:
        raise UserError(
            f"grid must hold at most {limits.LARGEST_GRID} codes, {slots} per place; received "
            f"{shown(sides)}"
        )
    return sides


def check_size(count: int, codes: int) -> None:
    """Refuses more codes in one call than fit into memory.

    Args:
        count: number of samples.
        codes: codes per sample.

    Raises:
        UserError: naming the way out.
    """
    if count * codes > limits.LARGEST_BATCH:
        raise UserError(
            f"one call draws at most {limits.LARGEST_BATCH} codes; received count={count} with "
            f"{codes} codes each: lower count, and continue with first_sample={count}"
        )


def check_temperature(temperature: Any) -> float:
    """The temperature as a Python number.

    Raises:
        UserError: if it is none, negative or not finite.
    """
    temperature = arguments.real("temperature", temperature, finite=False)
    if not 0 <= temperature < np.inf:
        raise UserError(
            "temperature must be at least 0 (it takes the likeliest code) and finite; received "
            f"{temperature}"
        )
    return temperature


def check_code_range(name: str, codes: np.ndarray, num_embeddings: int) -> None:
    """Raises UserError if given codes are neither codes nor -1, free."""
    if codes.size and (codes.min() < -1 or codes.max() >= num_embeddings):
        raise UserError(
            f"{name} must hold codes from 0 to {num_embeddings - 1}, or -1 where free; "
            f"received {codes.min()} to {codes.max()}"
        )


def check_label(label: Any, count: int, num_classes: int) -> np.ndarray:
    """The label of each sample, int32 `[count]`."""
    label = arguments.numbers("label", label)
    if label.shape not in ((), (1,), (count,)) or label.dtype.kind not in "iu":
        raise UserError(
            f"label must be one integer or {count} of them; received {label.dtype} of shape "
            f"{label.shape}"
        )
    checked_range("label", label, -1, num_classes - 1, ", or be -1 for none")
    return np.broadcast_to(label.astype(np.int32), (count,))


def check_condition(
    name: str, value: Any, count: int, shape: tuple, besides: str = ""
) -> np.ndarray:
    """A condition of each sample, float32 `[count, *shape]`, from one for all or one for each."""
    value = arguments.numbers(name, value, "float32")
    if value.shape not in ((count, *shape), (1, *shape)):
        raise UserError(
            f"{name} must have the shape {(count, *shape)} or {(1, *shape)}{besides}; received "
            f"{value.shape}"
        )
    return np.broadcast_to(value, (count, *shape))


def blocks(count: int, most: int) -> Iterator[np.ndarray]:
    """The numbers of the samples of each block, in blocks of near-equal size, at most `most`.

    The last block may be short: it is filled up with the last sample.

    >>> [members.tolist() for members in blocks(5, most=2)]
    [[0, 1], [2, 3], [4, 4]]
    """
    size = -(-count // -(-count // most))
    for first in range(0, count, size):
        yield np.minimum(np.arange(first, first + size), count - 1)
