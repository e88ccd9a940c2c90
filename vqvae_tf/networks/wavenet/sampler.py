"""The sampler of a WaveNet: compiled loops over steps, block by block in constant memory.

A block is one call of a compiled function from noise and state to codes and state. All blocks of
a sample are calls of the same function, and the arithmetic of a step does not depend on where the
blocks begin: for that, the local condition is projected frame by frame, inside the loop.

Every output of a loop's body comes from an operation of that body: TFLite's WHILE overwrites a
loop variable too early if a body passes one of its inputs to a later slot.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.errors import UserError
from vqvae_tf.likelihoods import LOG_SCALE_CEILING, LOG_SCALE_FLOOR
from vqvae_tf.networks.sampling.controls import (
    Controls,
    blocks,
    check_code_range,
    check_condition,
    check_label,
    check_size,
    checked_controls,
    filter_logits,
)
from vqvae_tf.networks.sampling.incremental import likeliest
from vqvae_tf.networks.sampling.noise import gumbel_noise
from vqvae_tf.networks.wavenet.incremental import IncrementalWaveNet, State, start_state

_NOISE_AT_ONCE = 2**23  # float32 numbers, 32 MiB
_STEPS_AT_ONCE = 4096
_LONGEST = 2**62  # steps of a stream, whose numbers are int64


def draws_of_step(network) -> int:
    """How many numbers of Gumbel noise a step takes."""
    if network.head == "categorical":
        return network.num_embeddings
    return network.mixture_components + 2  # two for the logistic distribution


def block_noise(
    seed: Any, first_sample: Any, count: int, first_step: Any, steps: int, draws: int
) -> tf.Tensor:
    """Gumbel noise of a block; the noise of a sample and step is the same in any block.

    Args:
        seed: uint64 scalar.
        first_sample: integer scalar, number of the first sample.
        count: number of samples.
        first_step: integer scalar, number of the first step.
        steps: number of steps.
        draws: numbers per step.

    Returns:
        float32 `[steps, count, draws]`.
    """

    def of_sample(sample):
        return gumbel_noise(seed, first_step, steps, sample, draws)

    samples = tf.cast(first_sample, tf.int64) + tf.range(count, dtype=tf.int64)
    noise = tf.map_fn(of_sample, samples, fn_output_signature=tf.float32)
    return tf.transpose(noise, [1, 0, 2])


def sample_steps(
    network,
    state: State,
    noise: tf.Tensor,
    steps: Any,
    *,
    temperature: Any = 1.0,
    top_k: int | None = None,
    top_p: Any = None,
    prefix: Any = None,
    label: Any = None,
    local: Any = None,
    xla: bool = False,
    log_prob: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> tuple[tf.Tensor, State, tf.Tensor | None]:
    """The sampler of a block as a graph, for compiled functions and exported endpoints.

    A code is the argmax of the logits plus Gumbel noise. The caller chooses the noise:
    `block_noise`, or a tensor that is an input of the exported graph.

    Args:
        network: a built `WaveNet`.
        state: `start_state(network, batch)`, or as returned by this function.
        noise: `[size, batch, draws_of_step(network)]`.
        steps: number of steps to take, at most `size`, an integer or a scalar tensor.
        temperature: scalar; it multiplies the noise, so that 0 needs no division.
        top_k, top_p: as in `WaveNet.sample`.
        prefix: int32 `[size, batch]`, -1 where free, or None.
        label: int32 `[batch]`, or None.
        local: `[batch, size / upsampling + 2, local_channels]`, the frames of this block and one
            neighbour on either side, or None. A block starts at the start of a frame.
        xla: whether XLA will compile this.
        log_prob: function from the outputs and the codes of a step to the codes' log probabilities,
            `[batch]`, to return these too; or None.

    Returns:
        Codes, int32 `[size, batch]`, with zeros after `steps`; the state; and log probabilities,
        float32 of the shape of the codes, or None.
    """
    batch = tf.shape(noise)[1] if noise.shape[1] is None else noise.shape[1]
    cached = IncrementalWaveNet(network, label)
    temperature = tf.convert_to_tensor(temperature, tf.float32)
    noise = noise * temperature
    steps = tf.convert_to_tensor(steps, tf.int32)

    def draw(outputs, step_noise):
        if network.head == "logistic_mixture":
            return _mixture_codes(outputs, step_noise, network.num_embeddings)
        logits = filter_logits(outputs, temperature, top_k, top_p)
        return likeliest(logits + step_noise, xla)

    def found(outputs, step_noise, given):
        """What is kept of a step: the codes and, if wanted, their log probabilities."""
        codes = draw(outputs, step_noise)
        if given is not None:
            codes = tf.where(given < 0, codes, given)
        return (codes,) if log_prob is None else (codes, log_prob(outputs, codes))

    def step_loop(first, end, kept, state, frame):
        def body(i, kept, state):
            outputs, past, places = cached.step(state, frame)
            step = found(outputs, noise[i], None if prefix is None else prefix[i])
            kept = tuple(
                tf.tensor_scatter_nd_update(before, [[i]], value[None])
                for before, value in zip(kept, step, strict=True)
            )
            return i + 1, kept, State(past, places, step[0])

        return tf.while_loop(lambda i, *_: i < end, body, (first, kept, state))[1:]

    def frame_body(f, kept, state):
        frame = cached.frame(tf.gather(local, f + tf.range(3), axis=1))
        first = f * network.upsampling
        end = tf.minimum(first + network.upsampling, steps)
        return f + 1, *step_loop(first, end, kept, state, frame)

    def frames_left(f, *_):
        return f * network.upsampling < steps

    shape = [noise.shape[0], batch]
    kept = (tf.zeros(shape, tf.int32), *([] if log_prob is None else [tf.zeros(shape)]))
    if local is None:
        kept, state = step_loop(tf.constant(0), steps, kept, state, None)
    else:
        _, kept, state = tf.while_loop(frames_left, frame_body, (tf.constant(0), kept, state))
    return kept[0], state, None if log_prob is None else kept[1]


def _mixture_codes(outputs, noise, num_embeddings):
    """Codes of a mixture of logistic distributions over values from -1 to 1."""
    logits, means, log_scales = tf.split(outputs, 3, axis=-1)
    components = logits.shape[-1]
    part = tf.argmax(logits + noise[:, :components], -1, output_type=tf.int32)
    part = tf.one_hot(part, components)
    mean, log_scale = (tf.reduce_sum(each * part, -1) for each in (means, log_scales))
    scale = tf.exp(tf.clip_by_value(log_scale, LOG_SCALE_FLOOR, LOG_SCALE_CEILING))
    # The difference of two Gumbel numbers has the logistic distribution.
    value = mean + scale * (noise[:, components] - noise[:, components + 1])
    top = num_embeddings - 1.0
    return tf.cast(tf.round(tf.clip_by_value((value + 1.0) * (top / 2.0), 0.0, top)), tf.int32)


class Sampler:
    """Draws samples in blocks; checks the arguments and compiles once for each kind of them.

    Args:
        network: the `WaveNet` to sample.
    """

    def __init__(self, network):
        self.network = network
        self._compiled = {}

    def sample(self, count, length, seed, *, block, first_sample, **controls) -> tf.Tensor:
        """As `WaveNet.sample`."""
        numbers, length, given = self._check(count, length, seed, first_sample, block, **controls)
        check_size(numbers.count, length)
        samples = []
        for members in blocks(numbers.count, numbers.block):
            size, first_sample = len(members), numbers.first_sample + int(members[0])
            steps = _NOISE_AT_ONCE // (size * draws_of_step(self.network))
            steps = min(max(steps, 64), _STEPS_AT_ONCE)
            of_members = {name: value[members] for name, value in given.items()}
            here = dataclasses.replace(numbers, count=size, first_sample=first_sample)
            parts = self._blocks(here, length, steps, of_members, controls["jit_compile"])
            samples.append(tf.concat(list(parts), axis=1))
        return tf.concat(samples, axis=0)[: numbers.count]

    def stream(self, count, length, seed, *, steps, first_sample, **controls) -> Iterator:
        """As `WaveNet.stream`."""
        steps = arguments.whole("steps", steps, least=1)
        # Not a generator itself: wrong arguments raise here and not at the first block.
        numbers, length, given = self._check(count, length, seed, first_sample, 1, **controls)
        return self._blocks(numbers, length, steps, given, controls["jit_compile"])

    def _blocks(self, numbers, length, steps, given, jit_compile):
        network = self.network
        frames = network.frames_of(min(steps, length))
        steps = frames * network.upsampling
        count, top_p = numbers.count, numbers.top_p
        key = (count, steps, numbers.top_k, top_p is not None, tuple(given), bool(jit_compile))
        noise_function, function = self._functions(*key)
        state = start_state(network, count)
        for first in range(0, length, steps):
            here = dict(given)
            if "prefix" in given:
                prefix = given["prefix"][:, first : first + steps]
                free = [(0, 0), (0, steps - prefix.shape[1])]
                here["prefix"] = np.pad(prefix, free, constant_values=-1).T
            if "local" in given:
                # One frame of zeros before the first and enough after the last.
                start = first // network.upsampling
                local = given["local"][:, max(start - 1, 0) : start + frames + 1]
                before = int(start == 0)
                after = frames + 2 - before - local.shape[1]
                here["local"] = np.pad(local, [(0, 0), (before, after), (0, 0)])
            noise = noise_function(
                tf.constant(numbers.seed, tf.uint64),
                tf.constant(numbers.first_sample, tf.int64),
                tf.constant(first, tf.int64),
            )
            taken = min(steps, length - first)
            codes, state, _ = function(
                state,
                noise,
                tf.constant(taken),
                tf.constant(numbers.temperature, tf.float32),
                tf.constant(1.0 if top_p is None else top_p, tf.float32),
                {name: tf.constant(value) for name, value in here.items()},
            )
            yield tf.transpose(codes[:taken])

    def _functions(self, count, steps, top_k, has_top_p, given, jit_compile):
        key = (count, steps, top_k, has_top_p, given, jit_compile)
        if key not in self._compiled:
            network = self.network
            draws = draws_of_step(network)

            # Never compiled by XLA, whose logarithms differ: the noise is the same to the last bit.
            def noise(seed, first_sample, first_step):
                return block_noise(seed, first_sample, count, first_step, steps, draws)

            def sample(state, noise, taken, temperature, top_p, given):
                return sample_steps(
                    network,
                    state,
                    noise,
                    taken,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p if has_top_p else None,
                    xla=jit_compile,
                    **given,
                )

            self._compiled[key] = (
                tf.function(noise, autograph=False),
                tf.function(sample, jit_compile=jit_compile, autograph=False),
            )
        return self._compiled[key]

    def _check(
        self,
        count,
        length,
        seed,
        first_sample,
        block,
        *,
        temperature,
        top_k,
        top_p,
        prefix,
        label,
        local,
        jit_compile,
    ) -> tuple[Controls, int, dict[str, np.ndarray]]:
        """The controls, the length, and prefix, label and local of each sample.

        Raises:
            UserError: for what is out of range.
        """
        network = self.network
        numbers = checked_controls(
            count, seed, temperature, top_k, top_p, first_sample, block, network.num_embeddings
        )
        count = numbers.count
        length = arguments.whole("length", length, 1, _LONGEST)
        arguments.flag("jit_compile", jit_compile)
        if network.head != "categorical" and (top_k, top_p) != (None, None):
            raise UserError(
                f'top_k and top_p need head="categorical"; this network has head="{network.head}", '
                f"which takes temperature only"
            )
        network.check_conditions(label, local)
        given = {}
        if prefix is not None:
            given["prefix"] = _check_prefix(prefix, count, length, network)
        if label is not None:
            given["label"] = check_label(label, count, network.num_classes)
        if local is not None:
            shape = (network.frames_of(length), network.local_channels)
            per_frame = f": a frame for every {network.upsampling} of {length} steps"
            given["local"] = check_condition("local", local, count, shape, per_frame)
        if not network.built:
            network.build()
        return numbers, length, given


def _check_prefix(prefix, count, length, network):
    prefix = arguments.numbers("prefix", prefix)
    right = prefix.ndim == 2 and prefix.shape[0] in (1, count) and prefix.shape[1] <= length
    if not right or prefix.dtype.kind not in "iu":
        raise UserError(
            f"prefix must hold integers of shape ({count}, up to {length}) or (1, up to {length}); "
            f"received {prefix.dtype} of shape {prefix.shape}"
        )
    check_code_range("prefix", prefix, network.num_embeddings)
    return np.broadcast_to(prefix.astype(np.int32), (count, prefix.shape[1]))
