"""Nearest-neighbour search in a codebook: exact, without the N x K matrix in memory at once."""

import keras
from keras import ops

from vqvae_tf.backend import active as backend

# 4 MiB of float32 scores at once, so that they are still in the cache for the minimum.
MAX_SCORES = 2**20
CODE_TILE = 8192
# Codes in a block of the two-level minimum: the minimum over a block is vectorised, an
# arg-minimum is not.
BLOCK = 64


def nearest_codes(vectors, codebook):
    """Index of the nearest code (Euclidean) of each vector; the lowest index on ties.

    argmin_k |x - e_k|^2 = argmin_k |e_k - mu|^2 / 2 - (x - mu).(e_k - mu), with mu the mean code.
    Centred on mu the two terms do not cancel: at mean 1000 and spread 0.1 no float32 code is
    wrong, while the usual expansion gets almost all of them wrong.

    Args:
        vectors: `[n, dim]`, float32.
        codebook: `[num_embeddings, dim]`, float32.

    Returns:
        `[n]` int32, in [0, num_embeddings).

    >>> import numpy as np
    >>> codebook = np.array([[0.0, 0.0], [1.0, 1.0]], "float32")
    >>> vectors = np.array([[0.9, 0.8], [0.1, 0.2]], "float32")
    >>> [int(code) for code in nearest_codes(vectors, codebook)]
    [1, 0]
    """
    vectors, codebook = ops.convert_to_tensor(vectors), ops.convert_to_tensor(codebook)
    num_embeddings = codebook.shape[0]
    centre = ops.mean(codebook, axis=0, keepdims=True)
    tiles = [
        _tile(codebook[start : start + CODE_TILE], centre)
        for start in range(0, num_embeddings, CODE_TILE)
    ]

    def search(rows):
        rows = ops.concatenate([rows - centre, ops.ones_like(rows[:, :1])], axis=1)
        best, codes = _smallest_score(rows, tiles[0])
        for number, tile in enumerate(tiles[1:], start=1):
            score, code = _smallest_score(rows, tile)
            closer = score < best  # strictly: the lowest index wins ties
            best = ops.where(closer, score, best)
            codes = ops.where(closer, code + number * CODE_TILE, codes)
        return codes

    codes = backend.map_rows(search, vectors, MAX_SCORES // min(num_embeddings, CODE_TILE))
    # Rows with NaN may get an index in the padding of the last block.
    return ops.minimum(codes, ops.convert_to_tensor(num_embeddings - 1, "int32"))


def _tile(codes, centre):
    """The matrix that rows are multiplied by to get their scores for `codes`, `[dim + 1, codes]`.

    Half the squared norm is one more row, so that the matmul adds it. Codes are the columns: if
    they were the rows, the matmul of every chunk would transpose the whole tile again.
    """
    centred = codes - centre
    half_norms = ops.sum(ops.square(centred), axis=1, keepdims=True) / 2
    return _pad_to_blocks(ops.transpose(ops.concatenate([-centred, half_norms], axis=1)))


def _pad_to_blocks(tile):
    """Adds columns up to a multiple of `BLOCK`, which are never the nearest."""
    num_codes = tile.shape[1]
    missing = -num_codes % BLOCK
    if num_codes <= BLOCK or not missing:
        return tile
    far = ops.concatenate(
        [
            ops.zeros((tile.shape[0] - 1, missing), tile.dtype),
            ops.full((1, missing), 1e38, tile.dtype),
        ],
        axis=0,
    )
    return ops.concatenate([tile, far], axis=1)


def _smallest_score(rows, tile):
    """`(score, index)` of the best code of a tile for every row."""
    scores = _matmul_exact(rows, tile)  # [n, k]
    num_codes = tile.shape[1]
    if num_codes <= BLOCK:
        return backend.row_min(scores), backend.argmin(scores)
    blocks = ops.reshape(scores, (-1, num_codes // BLOCK, BLOCK))
    minima = backend.row_min(blocks)
    block = backend.argmin(minima)
    within = backend.argmin(backend.pick(blocks, block))
    return backend.row_min(minima), block * BLOCK + within


def _matmul_exact(rows, tile):
    if keras.backend.backend() == "jax":
        import jax

        with jax.default_matmul_precision("float32"):  # TPUs would round to bfloat16
            return ops.matmul(rows, tile)
    return ops.matmul(rows, tile)
