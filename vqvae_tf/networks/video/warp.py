"""Moves maps along a field of source points, by one product of matrices."""

from typing import Any

from keras import ops


def places(grid: tuple[int, int]) -> Any:
    """The coordinates of the places of a grid, float32 `[height, width, 2]`, rows and columns."""
    rows, columns = ops.meshgrid(
        ops.arange(grid[0], dtype="float32"), ops.arange(grid[1], dtype="float32"), indexing="ij"
    )
    return ops.stack([rows, columns], axis=-1)


def gaussian_warp(values: Any, source: Any, width: Any) -> Any:
    """Reads `values` at source points, weighted by a Gaussian around each.

    The weights of a place are the product of one over rows and one over columns, each of sum 1, so
    that the warp is a single product with a matrix `[places, places]`. Points outside the map read
    its border.

    Args:
        values: `[batch, height, width, channels]`.
        source: `[batch, height, width, 2]`, in rows and columns.
        width: `[batch, height, width]`, the Gaussian's standard deviation in places.

    Returns:
        As `values`.

    >>> values = ops.reshape(ops.arange(6, dtype="float32"), (1, 2, 3, 1))
    >>> moved = gaussian_warp(values, places((2, 3))[None] + [0.0, 1.0], ops.full((1, 2, 3), 0.1))
    >>> moved[0, ..., 0].numpy().round(3).tolist()
    [[1.0, 2.0, 2.0], [4.0, 5.0, 5.0]]
    """
    height, columns, channels = values.shape[1:]
    along = []
    for axis, size in enumerate((height, columns)):
        point = ops.clip(source[..., axis], 0.0, size - 1.0)
        distance = (point[..., None] - ops.arange(size, dtype="float32")) / width[..., None]
        along.append(ops.softmax(-0.5 * ops.square(distance), axis=-1))  # [batch, h, w, size]
    weights = along[0][..., :, None] * along[1][..., None, :]
    weights = ops.reshape(weights, (-1, height * columns, height * columns))
    moved = ops.matmul(weights, ops.reshape(values, (-1, height * columns, channels)))
    return ops.reshape(moved, (-1, height, columns, channels))


def nearest(values: Any, source: Any) -> Any:
    """`values` `[batch, height, width, ...]` at the places nearest to the source points."""
    height, columns = values.shape[1:3]
    rows = ops.cast(ops.round(ops.clip(source[..., 0], 0.0, height - 1.0)), "int32")
    across = ops.cast(ops.round(ops.clip(source[..., 1], 0.0, columns - 1.0)), "int32")
    index = ops.reshape(rows * columns + across, (-1, height * columns, 1))
    flat = ops.reshape(values, (-1, height * columns, values.shape[3]))
    return ops.reshape(ops.take_along_axis(flat, index, axis=1), ops.shape(values))


def inside(source: Any, grid: tuple[int, int]) -> Any:
    """`[..., 1]`: 1 where source points are inside of the grid, else 0."""
    most = ops.convert_to_tensor([grid[0] - 0.5, grid[1] - 0.5], "float32")
    within = ops.all((source > -0.5) & (source < most), axis=-1, keepdims=True)
    return ops.cast(within, "float32")
