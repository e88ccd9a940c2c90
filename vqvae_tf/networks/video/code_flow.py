"""A flow field over grids of codes: where each place of the next frame comes from."""

from typing import Any, NamedTuple

import keras
from keras import ops

from vqvae_tf.networks.video.code_reader import CodeReader
from vqvae_tf.networks.video.gated_stack import GatedStack, coordinates
from vqvae_tf.networks.video.motion_table import MotionTable
from vqvae_tf.networks.video.warp import gaussian_warp, inside, nearest, places

_ZOOM = 0.45  # largest share of the way to the centre
_FIRST_WIDTH = 0.5  # of the Gaussian, in places
_WIDTHS = 4.0  # widths lie within this factor of the first


class Carried(NamedTuple):
    """A frame that was moved, perhaps several times, by a flow.

    Attributes:
        vectors: `[batch, height, width, dim]`, of codes; none of a codebook's after a move.
        source: `[batch, height, width, 2]`, where each place was in the frame that was seen.
        seen: `[batch, height, width, 1]`, 1 where that is inside of the frame, else 0.
    """

    vectors: Any
    source: Any
    seen: Any


@keras.saving.register_keras_serializable("vqvae_tf")
class CodeFlow(keras.layers.Layer):
    """Moves the vectors of a frame to where they are after an action.

    A place reads what was at its source point: the offset of the action's `MotionTable`, then

        source = place + offset - zoom * (place - centre) + shift

    with |zoom| < 0.45 and |shift| < `reach`, predicted at each place from the frame and the action.

    What is moved carries where it was in the frame that was seen. These points are moved, by a
    separable Gaussian of a predicted width (`gaussian_warp`), and a `CodeReader` reads the vectors
    of that frame there: once, however often they were moved, since each reading blurs. A predicted
    share mixes all this with the exact copy at the offset. The share is 0 at initialisation, and
    stays 0 for actions whose motion the table tells exactly.

    Args:
        dim: numbers of a vector.
        grid: (height, width) of the frames in codes.
        actions: number of actions; 0 if there are none, or none that are classes.
        told: numbers that tell an action, and perhaps those before it.
        width, dilations: of the network, a `GatedStack`.
        reach: largest shift, in places.

    Call arguments:
        carried: a `Carried`.
        origin: `[batch, height, width, dim]`, the vectors of the frame that was seen.
        action: int32 `[batch]`, -1 for unknown.
        told: `[batch, told]`.

    >>> flow = CodeFlow(dim=3, grid=(4, 5), actions=2, told=2, width=8, dilations=(1,))
    >>> seen = ops.ones((1, 4, 5, 3))
    >>> start = flow.start(seen)
    >>> moved = flow(start, seen, ops.zeros((1,), "int32"), ops.ones((1, 2)))
    >>> bool(ops.all(moved.vectors == start.vectors) & ops.all(moved.source == start.source))
    True
    """

    def __init__(
        self,
        dim: int,
        grid: tuple[int, int],
        actions: int,
        told: int,
        width: int,
        dilations: tuple[int, ...],
        reach: float = 1.0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # coordinates stay float32
        self.dim, self.grid, self.actions, self.told = dim, (grid[0], grid[1]), actions, told
        self.width, self.dilations, self.reach = width, tuple(dilations), reach
        self.table = MotionTable(actions, self.grid, name="table", dtype="float32")
        self.network = GatedStack(
            width, self.dilations, told, name="network", dtype=self.dtype_policy
        )
        # All zeros: at first it copies.
        self.field = keras.layers.Dense(
            5, kernel_initializer="zeros", name="field", dtype="float32"
        )
        self.reader = CodeReader(dim, self.grid, 2 * width, name="reader", dtype=self.dtype_policy)

    def build(self, *shapes):
        self.table.build()
        # vectors where they are and at the offset; where they were; coordinates
        self.network.build((None, *self.grid, 2 * self.dim + 3 + 4))
        self.field.build((None, *self.grid, self.width))
        self.reader.build()

    def start(self, vectors: Any) -> Carried:
        """A frame that was seen, `[batch, height, width, dim]`."""
        one = ops.ones_like(vectors[..., :1])
        return Carried(vectors, places(self.grid) * one, one)

    def call(self, carried, origin, action, told):
        here = places(self.grid)
        # Rows and columns of whole numbers: a gather reads them.
        offset = self.table(action)
        copied = [self.shifted(each, offset) for each in carried]
        inputs = [
            carried.vectors,
            copied[0],
            (carried.source - here) / 4.0,
            carried.seen,
            ops.broadcast_to(coordinates(here), (*ops.shape(carried.seen)[:3], 4)),
        ]
        field = self.field(self.network(ops.concatenate(inputs, axis=-1), told))
        zoom = _ZOOM * ops.tanh(field[..., :1])
        shift = self.reach * ops.tanh(field[..., 1:3])
        width = _FIRST_WIDTH * ops.power(_WIDTHS, ops.tanh(field[..., 3]))
        centre = ops.convert_to_tensor([(side - 1) / 2 for side in self.grid], "float32")
        source = here + offset - zoom * (here - centre) + shift
        # The gradient of a clipped share would vanish where it is at its end.
        share = field[..., 4:]
        share = share + ops.stop_gradient(ops.clip(share, 0.0, 1.0) - share)
        share = share * self.table.freedom(action)[:, None, None, None]
        moved = gaussian_warp(ops.concatenate(carried[1:], axis=-1), source, width)
        point, seen = ops.split(moved, [2], axis=-1)
        read = self.reader(origin, point, width)
        mixed = [
            copy + share * (new - copy)
            for copy, new in zip(copied, (read, point, seen), strict=True)
        ]
        mean_source = here + offset + share * (source - here - offset)
        return Carried(mixed[0], mixed[1], mixed[2] * inside(mean_source, self.grid))

    def shifted(self, values: Any, offset: Any) -> Any:
        """`values` `[batch, height, width, channels]` at whole offsets; the border continues."""
        return nearest(values, places(self.grid) + offset)

    def get_config(self):
        return super().get_config() | {
            "dim": self.dim,
            "grid": list(self.grid),
            "actions": self.actions,
            "told": self.told,
            "width": self.width,
            "dilations": list(self.dilations),
            "reach": self.reach,
        }
