"""Temperature, top-k, top-p and labels of a sampler: their checks, and what they leave out."""

from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.errors import UserError

_EXCLUDED = -1e8  # the logit of a code that a filter leaves out: no noise lifts it
_BISECTIONS = 20  # of the threshold of top_p, which is then found to 1e-6 of the likeliest code's


def filter_logits(logits: tf.Tensor, temperature: Any, top_k: int | None, top_p: Any) -> tf.Tensor:
    """Logits `[batch, K]` with the codes that top_k and top_p leave out put far below the others.

    >>> filter_logits(tf.constant([[1.0, 3.0, 2.0]]), 1.0, top_k=2, top_p=None).numpy().tolist()
    [[-100000000.0, 3.0, 2.0]]
    """
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


def check_controls(
    count: int, temperature: float, top_k: int | None, top_p: float | None, num_embeddings: int
) -> None:
    """Raises UserError for a control out of range."""
    if count < 1:
        raise UserError(f"count must be at least 1; received {count}")
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


def check_blocks(first_sample: int, block: int) -> None:
    """Raises UserError for a range of samples that cannot be."""
    if first_sample < 0 or block < 1:
        raise UserError(
            f"first_sample must be at least 0 and block at least 1; "
            f"received {first_sample} and {block}"
        )


def check_code_range(name: str, codes: np.ndarray, num_embeddings: int) -> None:
    """Raises UserError where given codes are neither codes nor -1, free."""
    if codes.size and (codes.min() < -1 or codes.max() >= num_embeddings):
        raise UserError(
            f"{name} must hold codes from 0 to {num_embeddings - 1}, or -1 where free; "
            f"received {codes.min()} to {codes.max()}"
        )


def check_label(label: Any, count: int, num_classes: int) -> np.ndarray:
    """The label of each sample, int32 `[count]`."""
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
