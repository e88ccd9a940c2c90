"""The prior over the codes of videos: a PixelCNN for each frame, given the past and the actions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf.config.video_prior import VideoPriorConfig
from vqvae_tf.errors import UserError
from vqvae_tf.models import prior
from vqvae_tf.models.code_shape import without_slots
from vqvae_tf.models.conditions import Condition
from vqvae_tf.models.priors.pixelcnn import make_network, noise_by_row
from vqvae_tf.models.priors.video_sampler import VideoSampler, draw_video
from vqvae_tf.networks.row_noise import RowNoise
from vqvae_tf.networks.video import (
    Carried,
    CodeCorruption,
    CodeFlow,
    FrameCondition,
    best_offsets,
)

_EARLY = 0.25  # weight of frames that a roll-out is given, when those to be scored are drawn


class Past(NamedTuple):
    """The frames before some frames, one row for each frame.

    Attributes:
        codes: int32 `[rows, context, height, width, slots]`, the last frame last.
        known: float32 `[rows, context]`, 1 for frames that are there, else 0.
        later: float32 `[rows, context]`, 1 for frames behind the first `context`, else 0.
        action: int32 `[rows, context]`, -1 for unknown.
        told: float32 `[rows, told]`, what followed all of these frames, as networks take it.
    """

    codes: Any
    known: Any
    later: Any
    action: Any
    told: Any


class Expected(NamedTuple):
    """What the codes of frames are expected to be, one row for each frame.

    Attributes:
        condition: float32 `[rows, height, width, condition_channels]`, of the PixelCNN.
        logits: float32 `[rows, height, width, slots, size]`, added to those of the PixelCNN.
    """

    condition: Any
    logits: Any


@keras.saving.register_keras_serializable("vqvae_tf")
class VideoPrior(prior.Prior):
    """p(codes of frames | actions), frame by frame (van den Oord et al. 2017, section 4.4).

    The codes of frame t depend on the `config.context` frames before it, on the memory, and on the
    actions before it; never on later frames or actions. The memory of the first frames is the frame
    before; from frame `context` on it is frame `context - 1`, the last one that a roll-out is
    given, moved by each action since. A `CodeFlow` moves it, so that what was seen is not sampled
    again at every step, and where it is in view the frames since are not looked at. A
    `FrameCondition` makes of all this the spatial condition of a `PixelCNN` over the codes of
    frame t, and tells how far the vectors of moved frames are to be trusted. The distribution is
    the product of the PixelCNN's and of Gaussians around these vectors.

    The flow is trained by the squared error of the vectors that it moves, through `config.unroll`
    steps (the loss `flow`). The condition and the PixelCNN do not change it. Besides the PixelCNN's
    cross-entropy (`codes`) there is that of a head that predicts every code from the condition
    alone (`parallel`), which makes the condition hold the whole frame. In training a few frames of
    each example are scored, and codes that a roll-out would sample are corrupted where they are
    input. `config.guidance` makes samples keep closer to what was seen than the distribution does.

    Codes are int32 `[batch, time, height, width]`; frames have the size `config.grid`.

    Args:
        config: a `VideoPriorConfig`, or a dictionary of one.

    >>> config = VideoPriorConfig(code_sizes=(16,), num_classes=4, code_dim=2, grid=(3, 4),
    ...     context=2, channels=8, layers=1, head_width=8, condition_channels=8, flow_channels=8)
    >>> model = VideoPrior(config)
    >>> codes = model.sample(count=2, grid=(5, 3, 4), seed=1, actions=np.array([[1, 1, 3, 3, 3]]))
    >>> codes.shape, model.log_prob(codes, actions=np.array([[1, 1, 3, 3, 3]])).shape
    (TensorShape([2, 5, 3, 4]), TensorShape([2]))
    """

    config_class = VideoPriorConfig
    grid_rank = 3
    further_losses = ("parallel", "flow")

    def _make_networks(self):
        config = self.config
        self.frame, self.given_frames = config.grid, config.context
        size, self.slots = config.code_sizes[0], len(config.code_sizes)
        precision = config.training.precision
        self.action_size = max(config.num_classes, config.action_dims, 1)
        flow = CodeFlow(
            self.slots * config.code_dim,
            config.grid,
            config.num_classes,
            config.context * self.action_size,
            config.flow_channels,
            config.flow_dilations,
            name="flow",
            dtype=precision,
        )
        flow.build()
        self.condition = FrameCondition(
            flow,
            config.context,
            config.condition_channels,
            config.condition_dilations,
            name="condition",
            dtype=precision,
        )
        self.condition.build()
        self.parallel = keras.layers.Dense(self.slots * size, name="parallel", dtype="float32")
        self.parallel.build((None, None, None, config.condition_channels))
        self.network = make_network(
            config,
            "network",
            size,
            self.slots,
            num_classes=None,
            spatial_channels=config.condition_channels,
        )
        self.corruption = CodeCorruption(
            size, config.corruption, config.training.seed, name="corruption"
        )
        self.frame_noise = RowNoise(config.training.seed, name="frame_noise")
        self._sampler = VideoSampler(self)

    @property
    def flow(self) -> CodeFlow:
        """The flow over codes."""
        return self.condition.flow

    @property
    def conditions(self):
        config = self.config
        if not (config.num_classes or config.action_dims):
            return {}
        taken = Condition(config.num_classes, dims=config.action_dims, per_frame=True)
        return {config.condition: taken}

    def initialize(self, codebook: Any, log_frequencies: Any, maps: Sequence[Any] = ()) -> None:
        """Loads the codebook and the frequencies, and makes the table of motions from the maps."""
        log_frequencies = self._checked_frequencies(log_frequencies)
        self.network.load_code_vectors(codebook)
        self.network.set_output_bias(log_frequencies if self.slots > 1 else log_frequencies[0])
        self.parallel.bias.assign(log_frequencies.ravel())
        vectors = keras.ops.convert_to_numpy(self.network.code_vectors)
        norms = np.square(vectors).sum(1)
        distances = np.maximum(norms[:, None] + norms - 2.0 * vectors @ vectors.T, 0.0)
        self.corruption.load(distances)
        if maps:
            name, number = self.config.condition, self.config.num_classes
            actions = [item.get(name) if number else None for item in maps]
            codes = [item["codes"] for item in maps]
            self.flow.table.load(
                *best_offsets(codes, actions, distances, number, self.config.motion_reach)
            )

    def vectors(self, codes: Any) -> tf.Tensor:
        """The vectors of codes `[..., slots]`: `[..., slots * code_dim]`, of deviation 1."""
        vectors = tf.gather(tf.convert_to_tensor(self.network.code_vectors), codes)
        shape = tf.concat([tf.shape(codes)[:-1], [self.slots * self.config.code_dim]], 0)
        vectors = tf.reshape(vectors, shape)
        return tf.ensure_shape(vectors, [*codes.shape[:-1], self.slots * self.config.code_dim])

    def told(self, conditions, count: Any, time: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """The actions of `count` examples of `time` frames, as classes and as networks take them.

        int32 `[batch, time]`, -1 where unknown, and float32 `[batch, time, told]`: of each frame
        the actions of the last `context` frames up to it, since what moves may have gained speed.
        """
        value, context = conditions.get(self.config.condition), self.config.context
        if value is None:
            unknown = tf.fill([count, time], -1)
            return unknown, tf.zeros([count, time, context * self.action_size])
        told = self.conditions[self.config.condition].told(value)
        padded = tf.pad(told, [[0, 0], [context - 1, 0], [0, 0]])
        told = tf.concat([padded[:, lag : lag + time] for lag in range(context)], axis=-1)
        if self.config.action_dims:
            return tf.fill([count, time], -1), told
        return value, told

    def past(self, codes, action, told, frames) -> Past:
        """The past of chosen frames, one row for each: example by example.

        Args:
            codes: int32 `[batch, time, height, width, slots]`.
            action, told: as `told` returns them.
            frames: int32 `[batch, chosen]`.
        """
        context = self.config.context
        window = frames[..., None] + tf.range(context)  # in what is padded by as many in front
        last = tf.gather(tf.pad(told, [[0, 0], [1, 0], [0, 0]]), frames, batch_dims=1)
        last = tf.reshape(last, [-1, told.shape[-1]])

        def rows(values, fill):
            padding = [[0, 0], [context, 0]] + [[0, 0]] * (values.shape.rank - 2)
            padded = tf.pad(values, padding, constant_values=fill)
            found = tf.gather(padded, window, batch_dims=1)  # [batch, chosen, context, ...]
            return tf.reshape(found, [-1, context, *values.shape[2:]])

        known, later = (
            tf.cast(tf.reshape(window >= first, [-1, context]), tf.float32)
            for first in (context, 2 * context)
        )
        return Past(rows(codes, 0), known, later, rows(action, -1), last)

    def moved(self, past: Past) -> Carried:
        """The last frame before, moved by its action."""
        start = self.flow.start(self.vectors(past.codes[:, -1]))
        return self.flow(start, start.vectors, past.action[:, -1], past.told)

    def chain(self, codes, action, told) -> Carried:
        """The memory at each frame from number `context` on: `[time - context, batch, ...]`."""
        first = self.config.context - 1
        start = self.flow.start(self.vectors(codes[:, first]))
        moved = self._moves(start, action[:, first:-1], told[:, first:-1])
        return Carried(*map(tf.stop_gradient, moved))

    def _moves(self, start, action, told):
        """`start` after each action `[batch, steps]`, one after the other; by step."""
        return tf.scan(
            lambda carried, given: self.flow(carried, start.vectors, *given),
            (tf.transpose(action), tf.transpose(told, [1, 0, 2])),
            start,
            parallel_iterations=1,
        )

    def expected(
        self, past: Past, moved: Carried, memory: Carried, remembered, guidance: float = 1.0
    ) -> Expected:
        """What the frames before tell of the codes of frames."""
        moved, memory = (Carried(*map(tf.stop_gradient, each)) for each in (moved, memory))
        condition, pull, trust = self.condition(
            self.vectors(past.codes),
            past.known,
            past.later,
            past.action,
            past.told,
            moved,
            memory,
            remembered,
        )
        vectors = tf.convert_to_tensor(self.network.code_vectors)
        pull = tf.reshape(pull, [-1, *self.frame, self.slots, self.config.code_dim])
        logits = tf.tensordot(pull, vectors, [[4], [1]])
        logits -= trust[..., None] * (0.5 * tf.reduce_sum(tf.square(vectors), axis=1))
        logits *= 1.0 + (guidance - 1.0) * memory.seen[..., None]
        return Expected(tf.cast(condition, tf.float32), logits)

    def _at(self, codes, inputs, action, told, chain, frames):
        """What is expected of the chosen frames.

        Args:
            codes: int32 `[batch, time, height, width, slots]`.
            inputs: the same, as the later frames see them.
            action, told: as `told` returns them.
            chain: of `codes`; None if they are not longer than the context.
            frames: int32 `[batch, chosen]`.
        """
        context = self.config.context
        past = self.past(inputs, action, told, frames)
        moved = self.moved(past)
        remembered = self.vectors(past.codes[:, -1])
        if chain is None:
            return self.expected(past, moved, moved, remembered)

        def chosen(carried, last):
            """Rows of the chain where it has begun, else those of the last frame."""
            by_example = tf.transpose(carried, [1, 0, *range(2, carried.shape.rank)])
            by_example = tf.pad(by_example, [[0, 0], [context, 0], *[[0, 0]] * 3])
            rows = tf.gather(by_example, frames, batch_dims=1)
            rows = tf.reshape(rows, tf.shape(last))
            begun = tf.reshape(frames >= context, [-1, 1, 1, 1])
            return tf.where(begun, rows, last)

        memory = Carried(*(chosen(*each) for each in zip(chain, moved, strict=True)))
        # Of a shorter video no frame sees it.
        first = self.vectors(codes[:, tf.minimum(context, tf.shape(codes)[1]) - 1])
        first = tf.repeat(first, tf.shape(frames)[1], axis=0)
        begun = tf.reshape(frames > context, [-1, 1, 1, 1])
        return self.expected(past, moved, memory, tf.where(begun, first, remembered))

    def _told_and_chain(self, codes, conditions):
        """`(action, told, chain)` of codes, as `_at` takes them."""
        count, time = tf.shape(codes)[0], tf.shape(codes)[1]
        action, told = self.told(conditions, count, time)
        if codes.shape[1] is not None and codes.shape[1] <= self.config.context:
            return action, told, None
        if codes.shape[1] is not None:
            return action, told, self.chain(codes, action, told)
        # A chain has a first step. What is added to a short video changes nothing before its end.
        missing = tf.maximum(self.config.context + 1 - time, 0)

        def longer(values):
            return tf.pad(values, [[0, 0], [0, missing], *[[0, 0]] * (values.shape.rank - 2)])

        return action, told, self.chain(longer(codes), longer(action), longer(told))

    def _of_frames(self, codes, expected, training):
        """Logits `[rows, height, width, slots, size]` of the codes of frames."""
        logits = self.network(without_slots(codes), spatial=expected.condition, training=training)
        return expected.logits + (logits[..., None, :] if self.slots == 1 else logits)

    def _logits(self, codes, conditions, training):
        count, time = tf.shape(codes)[0], tf.shape(codes)[1]
        frames = tf.tile(tf.range(time)[None], [count, 1])
        action, told, chain = self._told_and_chain(codes, conditions)
        expected = self._at(codes, codes, action, told, chain, frames)
        of_frames = tf.reshape(codes, [-1, *codes.shape[2:]])
        logits = self._of_frames(of_frames, expected, training)
        return tf.reshape(logits, [count, time, *logits.shape[1:]])

    def _loss_terms(self, codes, conditions, training):
        count, time = tf.shape(codes)[0], codes.shape[1]
        if time is None:
            raise UserError(
                "the number of frames of a batch must be known; give batches of one shape, and "
                "call compile again before training on another number"
            )
        frames = tf.tile(tf.range(time)[None], [count, 1])
        action, told, chain = self._told_and_chain(codes, conditions)
        inputs, noise = codes, None
        if training and self.trainable:  # frozen, it draws nothing
            inputs = self.corruption(codes, first=self.config.context)
            noise = self.frame_noise.draw(count, 2 * time)
            if self.config.targets < time:
                weight = tf.where(tf.range(time) < self.config.context, _EARLY, 1.0)
                order = tf.math.log(noise[:, :time]) / weight
                frames = tf.argsort(-order, axis=1)[:, : self.config.targets]
        expected = self._at(codes, inputs, action, told, chain, frames)
        targets = tf.reshape(tf.gather(codes, frames, batch_dims=1), [-1, *codes.shape[2:]])
        nats = prior.cross_entropy(targets, self._of_frames(targets, expected, training))
        parallel = self.parallel(expected.condition)
        parallel = expected.logits + tf.reshape(parallel, tf.shape(expected.logits))
        further = {
            "parallel": self.config.parallel_weight
            * tf.reduce_mean(prior.cross_entropy(targets, parallel)),
            "flow": self._flow_loss(codes, action, told, noise),
        }
        by_example = tf.reshape(nats, [count, -1, *nats.shape[1:]])
        return by_example, further

    def _flow_loss(self, codes, action, told, noise):
        """Mean squared error of vectors that the flow moved, through `config.unroll` steps.

        They begin where an example has most steps of actions that the table does not tell exactly,
        since the flow learns nothing from the others; `noise` decides between equal places.
        """
        count, time = tf.shape(codes)[0], codes.shape[1]
        steps = min(self.config.unroll, time - 1)
        if not steps:
            return 0.0
        free = tf.reshape(self.flow.table.freedom(tf.reshape(action, [-1])), [count, time])
        free = tf.cumsum(tf.pad(free, [[0, 0], [1, 0]]), axis=1)
        free = free[:, steps:-1] - free[:, : time - steps]  # of the steps from each frame on
        if noise is not None:
            free += noise[:, time : 2 * time - steps]
        first = tf.argmax(free, axis=1, output_type=tf.int32)[:, None]
        where = first + tf.range(steps)
        given = [tf.gather(each, where, batch_dims=1) for each in (action, told)]
        start = self.vectors(tf.gather(codes, first[:, 0], batch_dims=1))
        moved = self._moves(self.flow.start(start), *given).vectors
        truth = self.vectors(tf.gather(codes, where + 1, batch_dims=1))
        return tf.reduce_mean(tf.square(moved - tf.transpose(truth, [1, 0, 2, 3, 4])))

    def _sample(self, count, grid, *, conditions, prefix, **controls):
        if grid[1:] != self.frame:
            height, width = self.frame
            raise UserError(
                f"frames must have {height} x {width} codes, as in training; received "
                f"{grid[1]} x {grid[2]}"
            )
        return self._sampler(count, grid, conditions=conditions, prefix=prefix, **controls)

    def noise_shapes(self, grid):
        """Noise for each code, frame by frame: (time * height, width, slots, size)."""
        time, height, width = grid
        return {"noise": (time * height, width, self.slots, self.config.code_sizes[0])}

    def seeded_noise(self, seed, count, grid, first_sample=0):
        """The noise of each row of each frame, drawn on demand."""
        size = self.config.code_sizes[0]
        return {"noise": noise_by_row(seed, 0, first_sample, count, grid[2], self.slots, size)}

    def draw(
        self,
        noise_of_row,
        grid,
        count,
        *,
        temperature=1.0,
        conditions=prior.NONE,
        with_log_prob=False,
        given=None,
    ):
        """`sample` as a graph.

        Args:
            noise_of_row, grid, count, temperature, conditions, with_log_prob: as of any prior.
            given: int32 `[count, frames, height, width]`, the codes of the first frames, or None.
        """
        if given is not None:
            given = self.takes["codes"].check(given)
        drawn = draw_video(
            self,
            noise_of_row["noise"],
            grid,
            count,
            temperature=temperature,
            conditions=conditions,
            given=given,
            with_log_prob=with_log_prob,
        )
        codes, log_prob = drawn if with_log_prob else (drawn, None)
        return without_slots(codes), None if log_prob is None else without_slots(log_prob)
