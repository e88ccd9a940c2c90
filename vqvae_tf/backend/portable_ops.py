"""The operations of `tensorflow_ops` for the other Keras backends, by `keras.ops` only.

There is one replica and no chunking; JAX users shard the step outside the layer.
"""

import keras
from keras import ops


def is_concrete(tensor):
    """As `tensorflow_ops.is_concrete`."""
    import jax

    return not isinstance(tensor, jax.core.Tracer)


def argmin(scores):
    """As `tensorflow_ops.argmin`."""
    return ops.cast(ops.argmin(scores, axis=-1), "int32")


def row_min(scores):
    """As `tensorflow_ops.row_min`."""
    return ops.min(scores, axis=-1)


def pick(blocks, index):
    """As `tensorflow_ops.pick`."""
    return ops.squeeze(ops.take_along_axis(blocks, index[:, None, None], axis=1), axis=1)


def lookup(table, codes):
    """As `tensorflow_ops.lookup`."""
    return ops.take(ops.convert_to_tensor(table), codes, axis=0)


def map_rows(function, rows, limit):
    """As `tensorflow_ops.map_rows`."""
    return function(rows)


def segment_sum(values, codes, num_segments):
    """As `tensorflow_ops.segment_sum`."""
    # Masked rows have the code -1: they are summed in an extra segment, which is cut off.
    codes = ops.where(codes < 0, num_segments, codes)
    return ops.segment_sum(values, codes, num_segments=num_segments + 1)[:num_segments]


def replica_key():
    """As `tensorflow_ops.replica_key`."""
    return 0


def num_replicas():
    """As `tensorflow_ops.num_replicas`."""
    return 1


def num_workers():
    """As `tensorflow_ops.num_workers`."""
    import jax

    return jax.process_count()


def sum_over_replicas(value):
    """As `tensorflow_ops.sum_over_replicas`."""
    return value


def rows_before(count):
    """As `tensorflow_ops.rows_before`."""
    return ops.zeros_like(count), count


def random_rows(seed, step, shape, total):
    """As `tensorflow_ops.random_rows`."""
    import jax

    key = jax.random.fold_in(jax.random.key(seed), step)
    return jax.random.randint(key, shape, 0, ops.maximum(total, 1))


def smallest(values, count):
    """As `tensorflow_ops.smallest`."""
    return ops.top_k(-values, count)[1]


def rows_at(rows, index):
    """As `tensorflow_ops.rows_at`."""
    if not rows.shape[0]:
        return ops.zeros((index.shape[0], rows.shape[1]), rows.dtype)
    # On JAX, Keras converts integers to floats if the default dtype is bfloat16.
    return ops.take(rows, ops.cast(index, "int32"), axis=0)


def scatter_rows(table, index, rows):
    """As `tensorflow_ops.scatter_rows`."""
    return ops.scatter_update(table, index[:, None], rows)


def nth_true(mask, numbers):
    """As `tensorflow_ops.nth_true`."""
    return ops.searchsorted(ops.cumsum(ops.cast(mask, "int32")), numbers, side="right")


def uniform_rows(seed, step, first, count, width=1):
    """As `tensorflow_ops.uniform_rows`, with other numbers of the same independence."""
    import jax

    key = jax.random.fold_in(jax.random.key(seed), step)
    rows = first + jax.numpy.arange(count)
    least = 2.0**-24
    return jax.vmap(
        lambda row: jax.random.uniform(jax.random.fold_in(key, row), (width,), minval=least)
    )(rows)


if keras.backend.backend() not in ("jax", "tensorflow"):
    raise ImportError(
        f'vqvae_tf runs on the Keras backends "tensorflow" and "jax"; KERAS_BACKEND is '
        f'"{keras.backend.backend()}"'
    )
