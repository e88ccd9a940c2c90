"""A table of numbers as a picture: the darker, the more."""

from collections.abc import Sequence

import numpy as np

from vqvae_tf.errors import UserError
from vqvae_tf.optional_packages import require

_MOST_NAMED = 64  # rows or columns whose names are written


def heat_map(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_label: str = "",
    column_label: str = "",
) -> np.ndarray:
    """Draws a table; names of more than 64 rows or columns are left out.

    Args:
        values: numbers from 0 to 1, `[rows, columns]`.
        rows, columns: their names.
        row_label, column_label: what they are.

    Returns:
        uint8 `[height, width, 3]`, on white.

    Raises:
        UserError: if the numbers of names are not those of the table, or matplotlib is not
            installed.

    >>> heat_map(np.eye(3), ["a", "b", "c"], ["x", "y", "z"]).shape[2]
    3
    """
    values = np.asarray(values, np.float64)
    if values.shape != (len(rows), len(columns)) or not values.size:
        raise UserError(
            f"a table of {len(rows)} rows and {len(columns)} columns needs as many numbers; "
            f"received {list(values.shape)}"
        )
    figures = require("matplotlib.figure", "report", "pictures of tables")
    agg = require("matplotlib.backends.backend_agg", "report", "pictures of tables")
    # Inches, at 100 pixels each.
    figure = figures.Figure(
        figsize=(2.0 + 0.2 * len(columns), 1.6 + 0.06 * len(rows)), layout="constrained", dpi=100
    )
    axes = figure.add_subplot()
    drawn = axes.imshow(values, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for axis, names, label in (
        (axes.xaxis, columns, column_label),
        (axes.yaxis, rows, row_label),
    ):
        named = len(names) <= _MOST_NAMED
        axis.set_ticks(range(len(names)) if named else [], names if named else [])
        axis.set_label_text(label)
    axes.tick_params(axis="x", labelrotation=90, labelsize=8)
    axes.tick_params(axis="y", labelsize=8)
    figure.colorbar(drawn, ax=axes)
    canvas = agg.FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
