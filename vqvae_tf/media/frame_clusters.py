"""k-means on the frames that the codes of a model stand for: what codes without training say."""

import math
from collections.abc import Sequence

import numpy as np

from vqvae_tf.layers import k_means
from vqvae_tf.layers.codebook_search import nearest_codes
from vqvae_tf.networks.spectra import Spectra

COEFFICIENTS = 20
FRAMES_PER_SECOND = 100
PIECE_SECONDS = 60  # whose spectra are made at once: memory grows with it
ITERATIONS = 20
STARTS = 3
_MOST_VECTORS = 2**16  # that clusters are fitted to, or 64 for each cluster
_LEAST_DEVIATION = 1e-3


def cepstra_of_codes(audio: np.ndarray, sample_rate: int, stride: int) -> np.ndarray:
    """The cepstra of a sound, averaged over the time span of each code.

    Those of a long sound are made piece by piece, each with as much around it as its frames see.

    Args:
        audio: float `[time]`.
        sample_rate: in Hz.
        stride: samples per code.

    Returns:
        float32 `[ceil(time / stride), 20]`.
    """
    frames = max(1, round(stride * FRAMES_PER_SECOND / sample_rate))
    while stride % frames:
        frames -= 1
    spectra = Spectra(sample_rate, hop=stride // frames, coefficients=COEFFICIENTS)
    padded = np.pad(audio, (0, -len(audio) % stride))
    around = -(-spectra.length // stride)  # codes
    size = max(1, PIECE_SECONDS * sample_rate // stride)
    means = []
    for start in range(0, len(padded) // stride, size):
        first = max(start - around, 0)
        piece = padded[first * stride : (start + size + around) * stride]
        found = np.asarray(spectra.frames(piece[None])).reshape(-1, frames, COEFFICIENTS)
        means.append(found[start - first :][:size].mean(axis=1))
    return np.concatenate(means)


def normalised(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Vectors without the mean and the deviation of their group.

    Args:
        vectors: `[n, dim]`.
        groups: int `[n]`, such as the utterance or the voice of each.

    >>> normalised(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 1])).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    _, own = np.unique(groups, return_inverse=True)
    count = np.bincount(own)[:, None]
    mean, square = (
        np.stack([np.bincount(own, column) for column in values.T.astype(np.float64)], 1) / count
        for values in (vectors, np.square(vectors, dtype=np.float64))
    )
    deviation = np.sqrt(np.maximum(square - mean**2, _LEAST_DEVIATION**2))
    return ((vectors - mean[own]) / deviation[own]).astype(np.float32)


def cluster(
    training: np.ndarray, others: Sequence[np.ndarray], num_clusters: int, seed: int = 0
) -> list[np.ndarray]:
    """Codes of vectors by k-means, of several starts the one with the least squared error.

    Args:
        training: `[n, dim]`, the vectors that the clusters are fitted to.
        others: more vectors.
        num_clusters: at most n are made.
        seed: of the starts.

    Returns:
        Codes of `training` and of each of `others`, int64 below `num_clusters`.
    """
    draws = np.random.default_rng(seed)
    most = max(_MOST_VECTORS, 64 * num_clusters)
    fitted = training
    if len(training) > most:
        fitted = training[np.sort(draws.permutation(len(training))[:most])]
    best, least = None, math.inf
    for start in range(STARTS):
        centres, _ = k_means.fit(fitted, min(num_clusters, len(fitted)), ITERATIONS, seed + start)
        error = float(np.square(fitted - centres[np.asarray(nearest_codes(fitted, centres))]).sum())
        if error < least:
            best, least = centres, error
    return [np.asarray(nearest_codes(each, best), np.int64) for each in (training, *others)]
