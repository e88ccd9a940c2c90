"""TensorFlow versions of the operations that depend on the backend for speed or correctness."""

import tensorflow as tf

from vqvae_tf.random import philox_uniform


def is_concrete(tensor):
    """Whether the values of a tensor are known; false while a graph is traced."""
    return hasattr(tensor, "numpy")


def argmin(scores):
    """Index of the smallest value along the last axis, the lowest index on ties; int32."""
    # tf.argmin, not keras.ops.argmin: the latter exports neither to TFLite nor to valid ONNX.
    return tf.argmin(scores, axis=-1, output_type=tf.int32)


def row_min(scores):
    """Smallest value along the last axis."""
    # keras.ops.min asserts that there is a value, also in the graph, so empty batches fail.
    return tf.reduce_min(scores, axis=-1)


def pick(blocks, index):
    """Row `index[n]` of each `blocks[n]`: `[n, blocks, width]`, `[n]` -> `[n, width]`."""
    return tf.gather(blocks, index, batch_dims=1)


def lookup(table, codes):
    """Rows of `table`; the gradient is a dense segment sum, several times faster than slices."""

    @tf.custom_gradient
    def gather(table):
        def gradient(upstream):
            flat = tf.reshape(upstream, [-1, table.shape[1]])
            return tf.math.unsorted_segment_sum(flat, tf.reshape(codes, [-1]), table.shape[0])

        return tf.gather(table, codes), gradient

    return gather(tf.convert_to_tensor(table))


def map_rows(function, rows, limit):
    """`function(rows)` in chunks of at most `limit` rows; `[n, d]` -> `[n]` int32.

    If the number of rows is unknown, it is an unconditional loop: a `tf.cond` over a dynamic size
    does not convert to TFLite, and neither do the lists of `tf.map_fn`.
    """
    if rows.shape[0] is not None and rows.shape[0] <= limit:
        return function(rows)
    count = tf.shape(rows)[0]
    chunks = tf.maximum(1, -(-count // limit))
    size = -(-count // chunks)  # near-equal chunks: the last one is not nearly empty
    padded = tf.pad(rows, [[0, chunks * size - count], [0, 0]])
    padded = tf.reshape(padded, [chunks, size, rows.shape[1]])

    def body(chunk, results):
        result = function(tf.gather(padded, chunk))
        return chunk + 1, tf.tensor_scatter_nd_update(results, [[chunk]], result[None])

    _, results = tf.while_loop(
        lambda chunk, _: chunk < chunks,
        body,
        (tf.constant(0), tf.zeros([chunks, size], tf.int32)),
        parallel_iterations=1,  # one chunk of scores in memory at a time
    )
    return tf.reshape(results, [-1])[:count]


def segment_sum(values, codes, num_segments):
    """Sums of the rows of `values` by code, excluding negative codes; float64 except on TPUs.

    With float64 partial sums one replica and many give the same bits after the cast to float32.
    """
    if not tf.config.list_logical_devices("TPU"):
        values = tf.cast(values, tf.float64)
    return tf.math.unsorted_segment_sum(values, codes, num_segments)


def _replicas():
    """The replica context if several replicas run in sync, else None."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return context


def replica_key():
    """A key that identifies the replica being traced."""
    context = _replicas()
    if context is None:
        return 0
    replica = tf.get_static_value(context.replica_id_in_sync_group)
    return 0 if replica is None else int(replica)  # TPUs trace one program for all


def num_replicas():
    """Number of replicas that run this call in sync."""
    context = _replicas()
    return 1 if context is None else context.num_replicas_in_sync


def num_workers():
    """Number of processes that train together under the strategy in whose scope this is called."""
    if not isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    cluster = tf.distribute.get_strategy().cluster_resolver.cluster_spec()
    return max(1, sum(len(cluster.job_tasks(job)) for job in cluster.jobs))


def sum_over_replicas(value):
    """Sum of `value` over all replicas, the same bits on each."""
    context = _replicas()
    return value if context is None else context.all_reduce("SUM", value)


def rows_before(count):
    """`(rows of the replicas before this one, rows of all)`; `count` is the rows of this one."""
    context = _replicas()
    if context is None:
        return tf.zeros_like(count), count
    here = tf.one_hot(
        context.replica_id_in_sync_group, context.num_replicas_in_sync, dtype=tf.int32
    )
    counts = context.all_reduce("SUM", here * count)
    return tf.reduce_sum(counts * tf.cast(tf.cumsum(here, reverse=True) - here, tf.int32)), (
        tf.reduce_sum(counts)
    )


def random_rows(seed, step, shape, total):
    """Row numbers in [0, total), a function of (seed, step) alone; int32."""
    seed = (seed ^ 0x80000000) - 0x80000000  # the bits of a uint32, as an int32
    return tf.random.stateless_uniform(
        shape, tf.stack([seed, step]), 0, tf.maximum(total, 1), tf.int32, alg="philox"
    )


def smallest(values, count):
    """Indices of the `count` smallest of a vector, lowest index first on ties."""
    return tf.math.top_k(-values, count).indices


def rows_at(rows, index):
    """`rows[index]`, or zeros if there are no rows; `index` has a static length."""
    some = tf.minimum(tf.shape(rows)[0], 1)  # adding a row instead would copy all of them
    found = tf.gather(rows, index[: some * index.shape[0]])
    found = tf.pad(found, [[0, (1 - some) * index.shape[0]], [0, 0]])
    return tf.ensure_shape(found, [index.shape[0], rows.shape[1]])


def scatter_rows(table, index, rows):
    """`table` with `rows` written at the (distinct) indices `index`."""
    return tf.tensor_scatter_nd_update(table, index[:, None], rows)


def nth_true(mask, numbers):
    """Positions of the `numbers`-th (from 0) true values of a boolean vector."""
    return tf.searchsorted(tf.cumsum(tf.cast(mask, tf.int32)), numbers, side="right")


def uniform_rows(seed, step, first, count, width=1):
    """Numbers in (0, 1), `[count, width]`, of the rows from `first`, by (seed, step, row) only."""
    key = tf.constant(seed, tf.uint64)
    return philox_uniform(key, step, first, count, width)[:, :width]
