"""A training step against Sonnet's own example, against bfloat16, and with Keras's Adam."""

import sys

import _timing  # first: it sets TensorFlow's threads
import keras
import numpy as np
import tensorflow as tf
from _image_model import batches, configuration, training_step

from vqvae_tf import models
from vqvae_tf.training import optimizers

NOTES = """\
A step is forward, gradients, quantizer update and Adam, batch 32 of 32x32 pictures. Ours takes
uint8 pixels; Sonnet's takes floats, which its example makes in the data pipeline. "its products"
are the multiply-adds of the step's convolutions at the rate of a plain matmul, [2048, 1152] by
[1152, 128]: at the ratio 1 a step is nothing else. The last lines compare the library's Adam, which
is one operation per weight, with that of Keras."""


def multiply_adds(config) -> float:
    """Of one training step's convolutions: each forward, and twice more for its gradients."""
    size, batch = config.data.image_size, config.training.batch_size
    (first, second), inner = config.widths, config.residual_width
    places = {stride: (size // stride) ** 2 * batch for stride in (2, 4)}
    ends = places[2] * 16 * config.data.channels * first  # the convolution from or to pixels
    middle = places[4] * 16 * first * second  # the other strided one
    residual = config.residual_blocks * places[4] * (9 + 1) * second * inner
    encoder = ends + middle + residual + places[4] * second * (9 * second + config.embedding_dim)
    decoder = ends + middle + residual + places[4] * second * 9 * config.embedding_dim
    return 3 * (encoder + decoder) - ends  # pixels need no gradient


def against_keras_adam(name: str, repeats: int) -> _timing.Comparison:
    """A step of a preset, and the same with Keras's Adam."""

    def keras_adam(config, variables):
        adam = keras.optimizers.Adam(optimizers.schedule(config), beta_2=config.beta_2)
        adam.build(variables)
        return adam

    config = configuration(name)
    batch = next(iter(batches(config)))
    steps = [
        training_step(models.build(models.family_of(config), config), make_optimizer)
        for make_optimizer in (optimizers.build, keras_adam)
    ]
    functions = {index: lambda step=step: step(batch) for index, step in enumerate(steps)}
    seconds = _timing.interleaved(functions, repeats)
    return _timing.cost(f"`{name}` step", seconds[0], "with Keras's Adam", seconds[1])


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    config = configuration("sonnet")
    batch = next(iter(batches(config)))
    pixels = tf.cast(batch["image"], tf.float32) / 255.0 - 0.5
    steps = {
        precision: training_step(models.ImageVQVAE(configuration("sonnet", precision)))
        for precision in ("float32", "mixed_bfloat16")
    }
    x, w = (
        tf.constant(np.random.default_rng(0).normal(size=size), tf.float32)
        for size in ((2048, 1152), (1152, 128))
    )
    matmul = tf.function(lambda: tf.matmul(x, w))
    functions = {"matmul": matmul}
    functions |= {name: lambda step=step: step(batch) for name, step in steps.items()}
    if _timing.is_here("sonnet", "dm-sonnet"):
        import _sonnet_example

        sonnet = _sonnet_example.training_step()
        functions["sonnet"] = lambda: sonnet(pixels)

    seconds = _timing.interleaved(functions, repeats)
    ours, half = seconds["float32"], seconds["mixed_bfloat16"]
    products = multiply_adds(config) / (2048 * 1152 * 128) * seconds["matmul"]
    lines = [_timing.cost("float32 step", ours, "its products", products)]
    if "sonnet" in seconds:
        lines.append(_timing.cost("float32 step", ours, "Sonnet's step", seconds["sonnet"], 0.97))
    has_bfloat16 = _timing.processor_has("avx512_bf16") or _timing.processor_has("amx_bf16")
    if not has_bfloat16:
        print(
            "This CPU has neither AVX512-BF16 nor AMX: no goal for mixed_bfloat16", file=sys.stderr
        )
    lines.append(
        _timing.speed(
            "mixed_bfloat16 step", half, "float32 step", ours, 1.4 if has_bfloat16 else None
        )
    )
    lines.append(against_keras_adam("sonnet", repeats))
    for name in ("photos", "photos_two_level"):  # short steps, so more of them
        lines.append(against_keras_adam(name, 5 * repeats))
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=40, notes=NOTES)
