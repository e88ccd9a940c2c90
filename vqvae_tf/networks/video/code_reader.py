"""Reads the vectors of a frame between its places."""

import keras
from keras import ops

from vqvae_tf.networks.video.warp import gaussian_warp, nearest


@keras.saving.register_keras_serializable("vqvae_tf")
class CodeReader(keras.layers.Layer):
    """The vectors that a frame would have at source points between its places.

    A vector stands for a patch of the picture. What a Gaussian around the point mixes is a blur,
    since the vector of a patch that lies between two others is no mixture of theirs. To it a small
    network adds a correction, made of the 3x3 vectors around the nearest place, of where the point
    lies from there, of the Gaussian's width, and of how far the source points of neighbours lie
    apart. The correction is 0 at initialisation.

    Args:
        dim: numbers of a vector.
        grid: (height, width) of the frames in codes.
        width: of the network.

    Call arguments:
        vectors: `[batch, height, width, dim]`.
        source: `[batch, height, width, 2]`, in rows and columns.
        deviation: `[batch, height, width]`, of the Gaussian, in places.

    Returns vectors as they were given.

    >>> from vqvae_tf.networks.video.warp import places
    >>> reader = CodeReader(dim=3, grid=(4, 5), width=8)
    >>> point = places((4, 5))[None] + 0.5
    >>> reader(ops.ones((1, 4, 5, 3)), point, ops.full((1, 4, 5), 0.5)).shape
    TensorShape([1, 4, 5, 3])
    """

    def __init__(self, dim: int, grid: tuple[int, int], width: int, **kwargs):
        super().__init__(autocast=False, **kwargs)  # coordinates stay float32
        self.dim, self.grid, self.width = dim, (grid[0], grid[1]), width
        policy = self.dtype_policy
        self.around = keras.layers.Conv2D(
            width, 3, padding="same", data_format="channels_last", name="around", dtype=policy
        )
        self.beside = keras.layers.Dense(width, use_bias=False, name="beside", dtype=policy)
        self.hidden = keras.layers.Dense(width, activation="relu", name="hidden", dtype=policy)
        self.correction = keras.layers.Dense(
            dim, kernel_initializer="zeros", name="correction", dtype="float32"
        )

    def build(self, *shapes):
        self.around.build((None, *self.grid, self.dim))
        self.beside.build((None, *self.grid, 7))  # as in `call`
        self.hidden.build((None, *self.grid, self.width))
        self.correction.build((None, *self.grid, self.width))

    def call(self, vectors, source, deviation):
        away = source - ops.round(source)
        where = [away, ops.square(away), ops.log(deviation)[..., None], _stretch(source)]
        beside = self.beside(ops.concatenate(where, axis=-1))
        hidden = ops.relu(nearest(self.around(vectors), source) + beside)
        return gaussian_warp(vectors, source, deviation) + self.correction(self.hidden(hidden))

    def get_config(self):
        return super().get_config() | {
            "dim": self.dim,
            "grid": list(self.grid),
            "width": self.width,
        }


def _stretch(source):
    """How far source points of neighbours lie apart, along rows and along columns; as `source`."""
    along = []
    for axis in (1, 2):
        size = source.shape[axis]
        index = ops.arange(size)
        after, before = ops.minimum(index + 1, size - 1), ops.maximum(index - 1, 0)
        points = source[..., axis - 1]
        along.append((ops.take(points, after, axis) - ops.take(points, before, axis)) / 2)
    return ops.stack(along, axis=-1)
