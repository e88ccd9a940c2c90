"""The prior over sequences of codes: a WaveNet."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.wavenet_prior import WaveNetPriorConfig
from vqvae_tf.models import prior
from vqvae_tf.networks.sampling.incremental import log_prob_of
from vqvae_tf.networks.wavenet import graph_sampler


@keras.saving.register_keras_serializable("vqvae_tf")
class WaveNetPrior(prior.Prior):
    """p(codes) over sequences by a WaveNet, with or without a class.

    Codes are int32 `[batch, time]`, or `[batch, time, slots]` for several per step. These are
    flattened to one sequence, and the slot of each code is a local condition of the network.

    Args:
        config: a `WaveNetPriorConfig`, or a dictionary of one.

    >>> config = WaveNetPriorConfig(code_sizes=(16,), channels=8, skip_channels=8)
    >>> codes = WaveNetPrior(config).sample(count=2, grid=(5,), seed=1)
    >>> codes.shape, WaveNetPrior(config).log_prob(codes).shape
    (TensorShape([2, 5]), TensorShape([2]))
    """

    config_class = WaveNetPriorConfig
    grid_rank = 1

    def _make_networks(self):
        config = self.config
        slots = len(config.code_sizes)
        self.network = networks.WaveNet(
            max(config.code_sizes),
            channels=config.channels,
            skip_channels=config.skip_channels,
            dilations=config.dilations,
            kernel_size=config.kernel_size,
            num_classes=config.num_classes or None,
            local_channels=slots if slots > 1 else None,
            name="network",
            dtype=config.training.precision,
        )
        self.network.build()

    def _logits(self, codes, conditions, training):
        slots, time = codes.shape[-1], tf.shape(codes)[1]
        steps = tf.reshape(codes, [-1, time * slots])
        local = self._slot_of_step(tf.shape(codes)[0], time)
        label = conditions.get(self.config.condition)
        logits = self.network(steps, label=label, local=local)
        return tf.reshape(logits, [-1, time, slots, logits.shape[-1]])

    def _slot_of_step(self, count, time):
        """One-hot `[count, time * slots, slots]`: the slot of each step; None for a single one."""
        slots = len(self.config.code_sizes)
        if slots == 1:
            return None
        return tf.tile(tf.eye(slots)[None], [count, time, 1])

    def initialize(self, codebook: Any, log_frequencies: Any, maps: Sequence[Any] = ()) -> None:
        """Loads the frequencies of the codes over all slots; needs no codebook."""
        mean = np.log(np.exp(self._checked_frequencies(log_frequencies)).mean(axis=0) + 1e-9)
        self.network.outputs.bias.assign(mean)

    def _sample(self, count, grid, *, conditions, prefix, **controls):
        slots = len(self.config.code_sizes)
        if prefix is not None:
            prefix = prefix.reshape(len(prefix), -1)
        local = self._slot_of_step(1, grid[0])
        codes = self.network.sample(
            count,
            grid[0] * slots,
            label=conditions.get(self.config.condition),
            prefix=prefix,
            local=None if local is None else local.numpy(),
            **controls,
        )
        return tf.reshape(codes, [count, grid[0], slots])

    def noise_shapes(self, grid):
        """Noise of a sequence, which is a single row of steps: (1, time * slots, 1, size)."""
        return graph_sampler.noise_shapes(self.network, grid[0] * len(self.config.code_sizes))

    def seeded_noise(self, seed, count, grid, first_sample=0):
        """The noise of all steps, as one row."""
        steps = grid[0] * len(self.config.code_sizes)
        return graph_sampler.seeded_noise(self.network, seed, first_sample, count, steps)

    def draw(
        self,
        noise_of_row,
        grid,
        count,
        *,
        temperature=1.0,
        conditions=prior.NONE,
        with_log_prob=False,
    ):
        """`sample` as a graph; the noise of a sequence is that of row 0."""
        slots = len(self.config.code_sizes)
        drawn = graph_sampler.sample_from_noise(
            self.network,
            noise_of_row,
            count,
            temperature=temperature,
            label=conditions.get(self.config.condition),
            local=self._slot_of_step(count, grid[0]),
            log_prob=log_prob_of if with_log_prob else None,
        )
        shape = [count, grid[0]] + ([slots] if slots > 1 else [])
        codes, log_prob = (None if each is None else tf.reshape(each, shape) for each in drawn)
        return codes, log_prob
