"""The PixelCNN's cached sampler against a forward pass, the naive sampler and others' samplers."""

import tempfile

import _timing  # first: it sets TensorFlow's threads
import keras
import tensorflow as tf

from vqvae_tf.networks import PixelCNN
from vqvae_tf.networks.pixelcnn.sampler import gumbel_noise, sample_codes

GRID = (32, 32)
PLACES = GRID[0] * GRID[1]
SMALL_GRID = (16, 16)  # of which tensorflow-probability draws a whole sample in bearable time
K = 512
NOTES = """\
K = 512, 32x32 codes, 16 gated layers of 128 channels, head 128. A forward pass is a plain graph at
the same batch. The naive sampler is 1,024 forward passes and `predict` 1,024 calls of Keras's
`Model.predict`, one for each code: counted, not run. TFLite draws from noise that it is given.
tensorflow-probability's PixelCNN has 128 filters, 10 blocks at full size (20 gated convolutions, as
many weights that count as ours), a mixture of logistics in place of 512 logits, no weight
normalisation, batch 1. At 16x16 its sampler draws a whole sample; at 32x32 one pass of its network
is timed and 1,024 are counted, which leaves out its drawing."""

# (batch, how): bound on the cost of a whole sample in forward passes.
GOALS = {
    (16, "plain graph"): 1.25,
    (16, "XLA"): 1.25,
    (1, "plain graph"): 3.2,
    (1, "XLA"): 2.2,
    (1, "TFLite"): 1.8,
}
TIMES_NAIVE, TIMES_PREDICT, TIMES_PROBABILITY = 430.0, 500.0, 200.0  # faster, XLA at batch 1


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    network = PixelCNN(K, channels=128, layers=16, head_width=128)
    network.build(())
    # Untrained logits are nearly equal; the time does not hang on what is drawn.
    return (
        against_forward_pass(network, 16, {}, repeats)
        # Of a quarter of a second each, and more at the mercy of others' use of the caches.
        + against_forward_pass(network, 1, other_ways(network), 5 * repeats)
        + against_probability(network, repeats)
    )


def against_forward_pass(network, batch, others, repeats) -> list[_timing.Comparison]:
    """Whole samples at a batch, beside a forward pass and what is counted from one call."""
    forward = tf.function(lambda codes: network(codes))
    codes = tf.zeros([batch, *GRID], tf.int32)
    seconds = _timing.interleaved(
        {"forward": lambda: forward(codes)}
        | {how: sampler(network, batch, GRID, how) for how in ("plain graph", "XLA")}
        | others,
        repeats,
        warm_up=1,
    )
    lines = []
    for how in [how for how in seconds if (batch, how) in GOALS]:
        name, goal = f"batch {batch}, {how}", GOALS[batch, how]
        quickest = (batch, how) == (1, "XLA")
        lines.append(
            _timing.cost(name, seconds[how], "forward pass", seconds["forward"], goal),
        )
        naive = PLACES * seconds["forward"]
        goal = TIMES_NAIVE if quickest else None
        lines.append(_timing.speed(name, seconds[how], "naive sampler", naive, goal))
        if "predict" in seconds:
            calls = PLACES * seconds["predict"]
            goal = TIMES_PREDICT if quickest else None
            lines.append(_timing.speed(name, seconds[how], "predict a place", calls, goal))
    return lines


def sampler(network, batch, grid, how):
    """A function that draws `batch` samples."""
    return lambda: network.sample(batch, grid, seed=1, block=batch, jit_compile=how == "XLA")


def other_ways(network):
    """One `predict`, and one sample by TFLite where it is installed."""
    codes = keras.Input(GRID, dtype="int32")
    model = keras.Model(codes, network(codes))
    zeros = tf.zeros([1, *GRID], tf.int32)
    ways = {"predict": lambda: model.predict(zeros, verbose=0)}
    if _timing.is_here("ai_edge_litert", "ai-edge-litert"):
        ways["TFLite"] = tflite_sampler(network)
    return ways


def tflite_sampler(network):
    """A function that draws one sample by TFLite's interpreter, from noise made beforehand."""
    from ai_edge_litert.interpreter import Interpreter

    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    module.sample = tf.function(
        lambda noise: sample_codes(network, lambda i: noise[i], GRID, 1),
        input_signature=[tf.TensorSpec([*GRID, 1, 1, K], tf.float32, name="noise")],
        autograph=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.sample)
        converted = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    interpreter = Interpreter(model_content=converted, num_threads=1)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    seed = tf.constant(1, tf.uint64)
    rows = [gumbel_noise(seed, 0, 1, row, GRID[1], 1, K) for row in range(GRID[0])]
    interpreter.set_tensor(place, tf.stack(rows).numpy())
    return interpreter.invoke


def against_probability(network, repeats) -> list[_timing.Comparison]:
    """Against the sampler of tensorflow-probability's PixelCNN, on the same grids."""
    import tensorflow_probability as tfp

    def theirs(grid):
        return tfp.distributions.PixelCNN(
            image_shape=(*grid, 1),
            num_resnet=5,
            num_hierarchies=1,
            num_filters=network.channels,
            resnet_activation="elu",
            use_weight_norm=False,
            dropout_p=0.0,
            high=K - 1,
        )

    small, large = theirs(SMALL_GRID), theirs(GRID)
    one_pass = tf.function(large.network)
    image = tf.zeros([1, *GRID, 1])
    rounds = min(repeats, 2)  # of half a minute each
    lines = []
    for grid, work in ((SMALL_GRID, tf.function(lambda: small.sample())), (GRID, None)):
        functions = {how: sampler(network, 1, grid, how) for how in ("plain graph", "XLA")}
        if work is None:
            functions["theirs"] = lambda: one_pass(image)
        else:
            functions["theirs"] = work
        seconds = _timing.interleaved(functions, rounds, warm_up=1)
        places = 1 if work else PLACES
        for how in ("plain graph", "XLA"):
            lines.append(
                _timing.speed(
                    f"{grid[0]}x{grid[1]}, batch 1, {how}",
                    seconds[how],
                    "tensorflow-probability",
                    places * seconds["theirs"],
                    TIMES_PROBABILITY if how == "XLA" else None,
                )
            )
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=5, notes=NOTES)
