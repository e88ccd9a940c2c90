"""What the layers must compute, written plainly in NumPy float64."""

import numpy as np


def nearest(vectors, codebook):
    """`[n]` index of the nearest code of each vector, by the differences themselves."""
    vectors, codebook = np.float64(vectors), np.float64(codebook)
    return np.array([np.square(codebook - vector).sum(1).argmin() for vector in vectors], int)


def statistics(vectors, codes, num_embeddings):
    """Counts `[k]` and sums `[k, dim]` of the vectors by code."""
    counts, sums = np.zeros(num_embeddings), np.zeros((num_embeddings, vectors.shape[1]))
    np.add.at(counts, codes, 1.0)
    np.add.at(sums, codes, np.float64(vectors))
    return counts, sums


def ema_step(state, vectors, decay):
    """Equations 6 to 8 on `state = (counts, sums, codebook)`."""
    counts, sums, codebook = state
    batch_counts, batch_sums = statistics(vectors, nearest(vectors, codebook), len(codebook))
    counts = decay * counts + (1 - decay) * batch_counts
    sums = decay * sums + (1 - decay) * batch_sums
    return counts, sums, sums / counts[:, None]


def finite_scalar(vectors, levels):
    """`(f, codes)` of FSQ: the bounded vectors before rounding, and the codes after it."""
    levels = np.array(levels)
    width, offset = (levels - 1) * 1.001 / 2, np.where(levels % 2, 0.0, 0.5)
    bounded = width * np.tanh(np.float64(vectors) + np.arctanh(offset / width)) - offset
    digits = np.round(bounded) + levels // 2
    return bounded, digits.astype(int) @ np.cumprod([1, *levels[:-1]])


def residual_finite_scalar(vectors, stages):
    """`(place, vectors, codes)` of FSQ in stages, from the levels of each.

    What is left of a number is its place in the cell, from 0 to 1, in units of the cell; the later
    digits are those of the place, written in the levels as bases. `place` holds it times the
    levels, before each of the later digits is taken, `[n, stages - 1, dim]`.
    """
    levels = np.array(stages[0])
    bounded, first = finite_scalar(vectors, levels)
    digits, place, cell = np.round(bounded), bounded - np.round(bounded) + 0.5, 1.0
    total, places, codes = digits, [], [first]
    for levels in np.array(stages[1:]):
        places.append(place * levels)
        digits = np.clip(np.floor(places[-1]), 0, levels - 1)
        place = places[-1] - digits
        total = total + cell * ((digits + 0.5) / levels - 0.5)
        cell = cell / levels
        codes.append(digits.astype(int) @ np.cumprod([1, *levels[:-1]]))
    return np.stack(places, 1), total / (np.array(stages[0]) // 2), np.stack(codes, 1)


def bit_codes(dim):
    """`[2^dim, dim]` of -1 and 1, the first number's bit the lowest."""
    return 2.0 * (np.arange(2**dim)[:, None] >> np.arange(dim) & 1) - 1.0


def entropy_terms(vectors, codes, temperature):
    """`(E[H(q)], H(E[q]))` with q the softmax over all `codes` of 2 z.c / T."""
    logits = 2 * np.float64(vectors) @ codes.T / temperature
    q = np.exp(logits - logits.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    return _entropy(q).mean(), _entropy(q.mean(0))


def _entropy(q):
    return -(q * np.log(np.maximum(q, 1e-300))).sum(-1)
