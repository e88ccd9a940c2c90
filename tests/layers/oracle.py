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
