"""k-means, to initialize a codebook from data before training."""

from collections.abc import Iterable, Mapping

import numpy as np
from keras import ops

from vqvae_tf import arguments
from vqvae_tf.errors import UserError, shown
from vqvae_tf.layers.codebook_search import nearest_codes


def gather(dataset: Iterable, limit: int) -> np.ndarray:
    """The first `limit` vectors, `[n, dim]` float32, of an array or an iterable of arrays.

    Raises:
        UserError: for anything else, and for arrays of different last dimensions.
    """
    if isinstance(dataset, (str, bytes, Mapping)) or not isinstance(dataset, Iterable):
        raise UserError(
            f"the vectors must be an array [..., dim] or an iterable of them; received "
            f"{shown(dataset)}"
        )
    parts: list[np.ndarray] = []
    count = 0
    for batch in [dataset] if hasattr(dataset, "shape") else dataset:
        if isinstance(batch, (tuple, Mapping)):
            raise UserError(
                f"each batch must be an array of vectors [..., dim]; received a "
                f"{type(batch).__name__}: keep the vectors alone, as by dataset.map(lambda x, y: x)"
            )
        batch = arguments.numbers("the vectors", batch, "float32")
        wanted = parts[0].shape[1] if parts else "dim, at least 1"
        if not batch.ndim or not batch.shape[-1] or (parts and batch.shape[-1] != wanted):
            raise UserError(
                f"each batch must have the shape [..., {wanted}]; received shape {batch.shape}"
            )
        parts.append(batch.reshape(-1, batch.shape[-1])[: limit - count])
        count += len(parts[-1])
        if count >= limit:
            break
    if not parts:
        raise UserError("the dataset holds no vectors")
    return np.concatenate(parts)


def fit(vectors: np.ndarray, num_clusters: int, iterations: int, seed: int):
    """Lloyd's algorithm, initialized with distinct vectors drawn by `seed`.

    A cluster without vectors is moved to a random vector.

    Args:
        vectors: `[n, dim]` float32.
        num_clusters: at most n.
        iterations: number of iterations.
        seed: seed of the initial centres, at least 0.

    Returns:
        `(centres, counts)`: `[num_clusters, dim]` float32, and the number of vectors of each.

    Raises:
        UserError: if there are fewer vectors than clusters, or one is not finite.

    >>> points = np.array([[0.0], [0.2], [5.0], [5.2]], "float32")
    >>> centres, counts = fit(points, 2, iterations=5, seed=0)
    >>> sorted(round(float(centre), 3) for centre in centres[:, 0]), counts.tolist()
    ([0.1, 5.1], [2, 2])
    """
    if len(vectors) < num_clusters:
        raise UserError(
            f"k-means needs at least one vector per code, {num_clusters}; received {len(vectors)}: "
            "give it more batches"
        )
    if not np.isfinite(vectors).all():
        raise UserError("the vectors for k-means hold NaN or infinite values")
    generator = np.random.default_rng(seed)
    centres = vectors[generator.permutation(len(vectors))[:num_clusters]]
    for _ in range(iterations):
        codes = ops.convert_to_numpy(nearest_codes(vectors, centres))
        counts = np.bincount(codes, minlength=num_clusters)
        sums = np.zeros(centres.shape)
        np.add.at(sums, codes, vectors)
        lost = counts == 0
        centres = (sums / np.maximum(counts, 1)[:, None]).astype("float32")
        centres[lost] = vectors[generator.integers(len(vectors), size=lost.sum())]
    codes = ops.convert_to_numpy(nearest_codes(vectors, centres))
    return centres, np.bincount(codes, minlength=num_clusters)
