"""The PixelCNN's cached sampler against one forward pass of the same network."""

import _timing  # first: it sets TensorFlow's threads
import tensorflow as tf

from vqvae_tf.networks import PixelCNN

GRID = (32, 32)
NOTES = """\
K = 512, 32x32 codes, 16 gated layers of 128 channels, head 128. A forward pass is a plain graph at
the same batch. The naive sampler is 1,024 forward passes, one for each code: counted, not run."""

# (batch, XLA): bound on the cost of a whole sample in forward passes.
GOALS = {(16, False): 1.25, (16, True): 1.25, (1, False): 3.2, (1, True): 2.2}
NAIVE_GOAL = 430.0  # times faster at batch 1


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    network = PixelCNN(512, channels=128, layers=16, head_width=128)
    network.build(())
    # Untrained logits are nearly equal; the time does not hang on what is drawn.
    forward = tf.function(lambda codes: network(codes))
    lines = []
    for batch in (16, 1):
        codes = tf.zeros([batch, *GRID], tf.int32)
        functions = {"forward": lambda codes=codes: forward(codes)} | {
            jit: lambda batch=batch, jit=jit: network.sample(
                batch, GRID, seed=1, block=batch, jit_compile=jit
            )
            for jit in (False, True)
        }
        seconds = _timing.interleaved(functions, repeats, warm_up=1)
        forward_pass = seconds["forward"]
        for jit in (False, True):
            name = f"batch {batch}, {'XLA' if jit else 'plain graph'}"
            lines.append(
                _timing.cost(name, seconds[jit], "forward pass", forward_pass, GOALS[batch, jit])
            )
            lines.append(
                _timing.speed(
                    name,
                    seconds[jit],
                    "naive sampler",
                    GRID[0] * GRID[1] * forward_pass,
                    NAIVE_GOAL if (batch, jit) == (1, True) else None,
                )
            )
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=5, notes=NOTES)
