"""What the codes of a frame are told of the frames before it and of the actions between."""

import keras
from keras import ops

from vqvae_tf.networks.video.code_flow import Carried, CodeFlow
from vqvae_tf.networks.video.gated_stack import GatedStack, coordinates
from vqvae_tf.networks.video.warp import inside, nearest, places


@keras.saving.register_keras_serializable("vqvae_tf")
class FrameCondition(keras.layers.Layer):
    """Makes a spatial condition for the codes of a frame from the `context` frames before it.

    Each of these frames is first moved to where its content is at the time of the new frame, by the
    table of motions of the flow. Beside them the network sees two frames moved by the flow: the
    last one, and the memory, the last frame that was not sampled, which may be much older. At the
    places that the memory came from, its codes are also read as they were. All moved frames bear a
    plane that tells what was in view.

    Frames that a roll-out samples are hidden where the memory is in view: their small mistakes
    would be copied and grow from frame to frame. They tell what came into view since.

    How far the two moved frames are to be trusted is predicted at each place, as the precision t of
    a Gaussian around the vectors v of each: a code of vector e is the likelier the nearer it is, by
    exp(-t / 2 |e - v|^2). The product of both depends on the sum of t v and the sum of t.

    Args:
        flow: the `CodeFlow`, whose table is used.
        context: number of frames.
        width, dilations: of the network, a `GatedStack`.

    Call arguments:
        before: `[batch, context, height, width, dim]`, vectors of codes, the last frame last.
        known: `[batch, context]`, 1 for frames that are there, else 0.
        later: `[batch, context]`, 1 for frames that a roll-out samples, else 0.
        action: int32 `[batch, context]`, what followed each of these frames; -1 for unknown.
        told: `[batch, told]`, the same as the flow takes it, of the last frame.
        moved: the last frame as a `Carried`, after its action.
        memory: the memory as a `Carried`, after all actions since.
        remembered: `[batch, height, width, dim]`, the memory before it was moved.

    Returns:
        `(condition, pull, trust)`: `[batch, height, width, width]`; the sum of t v,
        `[batch, height, width, dim]`; and the sum of t, `[batch, height, width, 1]`.
    """

    def __init__(
        self, flow: CodeFlow, context: int, width: int, dilations: tuple[int, ...], **kwargs
    ):
        super().__init__(autocast=False, **kwargs)  # coordinates stay float32
        self.flow, self.context = flow, context
        self.width, self.dilations = width, tuple(dilations)
        self.network = GatedStack(
            width, self.dilations, flow.told, name="network", dtype=self.dtype_policy
        )
        self.trust = keras.layers.Dense(
            2,
            activation="softplus",
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(-1.0),
            name="trust",
            dtype="float32",
        )

    def build(self, *shapes):
        dim = self.flow.dim
        self.network.build(
            (None, *self.flow.grid, self.context * (dim + 1) + 2 * (dim + 3) + dim + 4)
        )
        self.trust.build((None, *self.flow.grid, self.width))

    def call(self, before, known, later, action, told, moved: Carried, memory: Carried, remembered):
        grid = self.flow.grid
        here = places(grid)
        one = ops.ones_like(before[:, 0, ..., :1])
        planes, source, seen = [], here * one, one
        for lag in range(1, self.context + 1):
            offset = self.flow.table(action[:, -lag])
            source = source + nearest(offset, source)
            seen = seen * inside(source, grid) * known[:, -lag, None, None, None]
            shown = seen * (1.0 - later[:, -lag, None, None, None] * memory.seen)
            planes += [shown * nearest(before[:, -lag], source), shown]
        there = known[:, -1, None, None, None]
        new = 1.0 - later[:, -1, None, None, None] * memory.seen
        for carried, shown in ((moved, there * new), (memory, there)):
            planes += [shown * carried.vectors, shown * (carried.source - here) / 4.0]
            planes += [shown * carried.seen]
        planes += [there * nearest(remembered, memory.source), coordinates(here) * one]
        condition = self.network(ops.concatenate(planes, axis=-1), told)
        of_last, of_memory = ops.split(there * self.trust(condition), 2, axis=-1)
        of_last = new * of_last
        pull = of_last * moved.vectors + of_memory * memory.vectors
        return condition, pull, of_last + of_memory

    def get_config(self):
        return super().get_config() | {
            "flow": keras.saving.serialize_keras_object(self.flow),
            "context": self.context,
            "width": self.width,
            "dilations": list(self.dilations),
        }

    @classmethod
    def from_config(cls, config):
        flow = keras.saving.deserialize_keras_object(config["flow"])
        return cls(**config | {"flow": flow})
