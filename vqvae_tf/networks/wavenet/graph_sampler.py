"""A WaveNet's sampler as a part of other graphs: compiled functions, SavedModels, TFLite files."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf import arguments
from vqvae_tf.config import limits
from vqvae_tf.networks.sampling.controls import check_temperature
from vqvae_tf.networks.wavenet.sampler import (
    block_noise,
    draws_of_step,
    sample_steps,
    start_state,
)

_STEPS_AT_ONCE = 256  # whose noise is held at once: 256 KiB for each sample of 256 codes


def sample_frames(
    network: Any, seed: Any, local: Any, *, temperature: Any = 1.0, label: Any = None
) -> tf.Tensor:
    """Draws the codes of `WaveNet.sample` inside a graph, for any number of samples and frames.

    Args:
        network: a built `WaveNet` with a local condition.
        seed: 0 to 2^64 - 1, or an int64 scalar of the graph, in which -1 stands for 2^64 - 1.
        local: the local condition, `[count, frames, local_channels]`.
        temperature: a number, or a float32 scalar of the graph.
        label: int32 `[count]`, or None.

    Returns:
        int32 `[count, frames * upsampling]`.

    Raises:
        UserError: for a seed or a temperature out of range, if it is known.
    """
    key = _seed_key(seed)
    if not tf.is_tensor(temperature):
        temperature = check_temperature(temperature)
    shape = tf.shape(local)
    count, frames = shape[0], shape[1]
    at_once = max(1, _STEPS_AT_ONCE // network.upsampling)
    size = at_once * network.upsampling
    blocks = -(-frames // at_once)
    # One frame of zeros before the first and enough after the last.
    local = tf.pad(local, [[0, 0], [1, blocks * at_once - frames + 1], [0, 0]])

    def body(block, drawn, state):
        first = block * size
        codes, state, _ = sample_steps(
            network,
            state,
            block_noise(key, 0, count, first, size, draws_of_step(network)),
            tf.minimum(size, frames * network.upsampling - first),
            temperature=temperature,
            label=label,
            local=local[:, block * at_once : (block + 1) * at_once + 2],
        )
        return block + 1, drawn.write(block, codes), state

    drawn = tf.TensorArray(tf.int32, blocks, element_shape=[size, None])
    start = (tf.constant(0), drawn, start_state(network, count))
    _, drawn, _ = tf.while_loop(lambda block, *_: block < blocks, body, start)
    return tf.transpose(drawn.concat()[: frames * network.upsampling])


def noise_shapes(network: Any, steps: int) -> dict[str, tuple[int, int, int, int]]:
    """Shapes of the noise of a sequence, as of `Prior.noise_shapes`: a single row of steps."""
    return {"noise": (1, steps, 1, draws_of_step(network))}


def seeded_noise(
    network: Any, seed: Any, first_sample: Any, count: Any, steps: int
) -> dict[str, Callable]:
    """The noise of all steps of `WaveNet.sample`, as of `Prior.seeded_noise`."""
    draws = draws_of_step(network)
    return {"noise": lambda _: block_noise(seed, first_sample, count, 0, steps, draws)[:, :, None]}


def sample_from_noise(
    network: Any,
    noise_of_row: Mapping[str, Callable],
    count: Any,
    *,
    temperature: Any = 1.0,
    label: Any = None,
    local: Any = None,
    log_prob: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Draws the codes of a sequence from noise, all of which is held at once.

    Args:
        network: a built `WaveNet`.
        noise_of_row: functions as returned by `seeded_noise`.
        count: number of samples, an integer or a scalar tensor.
        temperature: scalar.
        label: int32 `[count]`, or None.
        local: the local condition, `[count, frames, local_channels]`, or None.
        log_prob: as in `sample_steps`.

    Returns:
        Codes, int32 `[count, steps]`, and their log probabilities in the loop, float32 of that
        shape, or None without `log_prob`.
    """
    noise = noise_of_row["noise"](0)[:, :, 0]
    if local is not None:
        local = tf.pad(local, [[0, 0], [1, 1], [0, 0]])
    codes, _, log_probs = sample_steps(
        network,
        start_state(network, count),
        noise,
        noise.shape[0],
        temperature=temperature,
        label=label,
        local=local,
        log_prob=log_prob,
    )
    return tf.transpose(codes), None if log_probs is None else tf.transpose(log_probs)


def _seed_key(seed):
    """A seed as a uint64 scalar."""
    if tf.is_tensor(seed):
        return tf.bitcast(tf.cast(seed, tf.int64), tf.uint64)
    seed = arguments.whole("seed", seed, 0, limits.LARGEST_SAMPLING_SEED)
    return tf.constant(seed, tf.uint64)
