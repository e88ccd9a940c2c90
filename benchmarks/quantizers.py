"""The codebook quantizers against the bare matmul, Sonnet's and `vector-quantize-pytorch`."""

import _timing  # first: it sets TensorFlow's threads
import numpy as np
import tensorflow as tf

from vqvae_tf import layers

ROWS, DIM = 8192, 64
SIZES = (512, 1024, 8192)
NOTES = f"""\
{ROWS} rows of {DIM} normal numbers. Floor: matmul with the codebook and argmin, what any search by
a matrix product does at least. A step is forward, update of the codebook's statistics (EMA) or its
gradient (loss-trained), and the gradient to the input; it returns all that the layer gives, as the
training step of Sonnet's example does. Evaluation is the vectors alone. Ours has its defaults on:
tiling, revival, the guard against NaN; Sonnet's layer has none of these."""

# What is timed, what it is compared with and how, and the bounds on the ratio for each of SIZES.
LINES = (
    ("search", "floor", _timing.cost, (1.02, 0.96, 0.90)),
    ("EMA step", "floor", _timing.cost, (1.35, 1.12, 0.98)),
    ("EMA step", "Sonnet's EMA step", _timing.speed, (2.0, 2.9, 3.4)),
    ("EMA step", "PyTorch EMA step", _timing.speed, (6.0, 11.0, 16.0)),
    ("residual of 8 stages", "EMA step", _timing.cost, (7.3, 7.3, 7.3)),
    ("loss-trained step", "Sonnet's loss-trained step", _timing.speed, (1.9, 2.7, 3.2)),
    ("loss-trained step", "Sonnet's EMA step", _timing.speed, (None, None, None)),
    ("evaluation", "Sonnet's evaluation", _timing.speed, (1.3, 1.5, 1.6)),
)


def compiled(call, x, upstream):
    """Training step and evaluation of a layer, `call(x, training)` -> (vectors, loss, all)."""

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = call(x, True)
        sources = [x, *tape.watched_variables()]
        return outputs, tape.gradient(outputs[:2], sources, [upstream, tf.ones([])])

    return step, tf.function(lambda: call(x, False)[0])


def ours(kind, num_embeddings, x, upstream):
    """One of our layers, its codebook drawn from the rows beforehand."""
    layer = kind(num_embeddings)
    layer.load_codebook(x.numpy()[np.random.default_rng(1).integers(0, ROWS, num_embeddings)])
    return measured(layer, x, upstream)


def residual(num_embeddings, x, upstream, stages=8):
    """Eight EMA quantizers in a row, their codebooks drawn from data by two steps."""
    layer = layers.ResidualQuantizer(
        [layers.VectorQuantizerEMA(num_embeddings) for _ in range(stages)]
    )
    for _ in range(2):
        layer(x, training=True)
    return measured(layer, x, upstream)[0]


def measured(layer, x, upstream):
    """Training step and evaluation of one of our layers."""

    def call(x, training):
        output = layer.quantize(x, training=training)
        return output.vectors, tf.add_n(list(output.losses.values())), output

    return compiled(call, x, upstream)


def sonnets(kind, num_embeddings, x, upstream, **arguments):
    """One of Sonnet's."""
    layer = kind(DIM, num_embeddings, commitment_cost=0.25, **arguments)

    def call(x, training):
        output = layer(x, is_training=training)
        return output["quantize"], output["loss"], output

    return compiled(call, x, upstream)


def pytorchs(num_embeddings, x, upstream):
    """EMA step of the PyTorch library's layer with the straight-through estimator."""
    import torch
    from vector_quantize_pytorch import VectorQuantize

    torch.set_num_threads(1)
    layer = VectorQuantize(
        DIM, num_embeddings, decay=0.99, commitment_weight=0.25, rotation_trick=False
    ).train()
    x, upstream = (torch.tensor(each.numpy())[None] for each in (x, upstream))

    def step():
        inputs = x.clone().requires_grad_()
        vectors, _, loss = layer(inputs)
        torch.autograd.backward([vectors, loss.sum()], [upstream, torch.ones([])])
        return inputs.grad

    return step


def functions_for(num_embeddings: int, peers: list[str]) -> dict:
    """What runs in turn for one size of the codebook."""
    generator = np.random.default_rng(0)
    x, upstream = (tf.constant(generator.normal(size=(ROWS, DIM)), tf.float32) for _ in range(2))
    codebook = tf.constant(generator.normal(size=(num_embeddings, DIM)), tf.float32)
    transposed = tf.transpose(codebook)
    functions = {
        "floor": tf.function(lambda: tf.argmin(tf.matmul(x, transposed), 1, tf.int32)),
        "search": tf.function(lambda: layers.nearest_codes(x, codebook)),
    }
    functions["EMA step"], functions["evaluation"] = ours(
        layers.VectorQuantizerEMA, num_embeddings, x, upstream
    )
    functions["residual of 8 stages"] = residual(num_embeddings, x, upstream)
    functions["loss-trained step"], _ = ours(layers.VectorQuantizer, num_embeddings, x, upstream)
    if "sonnet" in peers:
        from sonnet import nets

        functions["Sonnet's EMA step"], functions["Sonnet's evaluation"] = sonnets(
            nets.VectorQuantizerEMA, num_embeddings, x, upstream, decay=0.99
        )
        functions["Sonnet's loss-trained step"], _ = sonnets(
            nets.VectorQuantizer, num_embeddings, x, upstream
        )
    if "vector_quantize_pytorch" in peers:
        functions["PyTorch EMA step"] = pytorchs(num_embeddings, x, upstream)
    return functions


def measure(repeats: int) -> list[_timing.Comparison]:
    """Lines of the table."""
    peers = [
        module
        for module, packages in (
            ("sonnet", "dm-sonnet"),
            ("vector_quantize_pytorch", "torch vector-quantize-pytorch"),
        )
        if _timing.is_here(module, packages)
    ]
    lines = []
    for number, size in enumerate(SIZES):
        seconds = _timing.interleaved(functions_for(size, peers), repeats)
        lines += [
            compare(f"K={size}: {work}", seconds[work], against, seconds[against], goals[number])
            for work, against, compare, goals in LINES
            if against in seconds
        ]
    return lines


if __name__ == "__main__":
    _timing.run(measure, repeats=15, notes=NOTES)
