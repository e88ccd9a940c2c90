"""Trains one model by plain `fit` on N logical CPU devices and writes what came out.

A program of its own: one process can hold strategies of one size only.
Usage: python -m tests.layers.replicas_program NUM_REPLICAS OUTPUT.npz SEED CASE...
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vqvae_tf import layers
from vqvae_tf.training import strategies

DIM, BATCH, STEPS = 8, 64, 12


def build(first, second):
    """Two quantizers in one model: the case in which Keras's one list of losses goes wrong."""
    inputs = keras.Input((4, DIM))
    x = keras.layers.Dense(DIM, name="dense_0")(inputs)
    x = first(x)
    x = keras.layers.Dense(DIM, name="dense_1")(x)
    x = second(x)
    return keras.Model(inputs, keras.layers.Dense(DIM, name="dense_2")(x))


CASES = {
    "ema": lambda: (layers.VectorQuantizerEMA(32), layers.VectorQuantizerEMA(24, seed=5)),
    "ema-bare": lambda: (
        layers.VectorQuantizerEMA(32, revival_threshold=0, decay=0.9),
        layers.VectorQuantizerEMA(24, revival_threshold=0, decay=0.9),
    ),
    "loss": lambda: (layers.VectorQuantizer(32), layers.VectorQuantizer(24, seed=5)),
    "residual": lambda: (
        layers.ResidualQuantizer(
            [layers.VectorQuantizerEMA(16), layers.VectorQuantizer(8)], dropout=True
        ),
        layers.GroupedQuantizer([layers.SimVQ(12, diversity_cost=0.5), layers.SimVQ(12)]),
    ),
    "drawn": lambda: (
        layers.VectorQuantizerEMA(32, estimator="stochastic", accumulation_steps=2),
        layers.VectorQuantizer(24, estimator="gumbel_softmax", orthogonality_cost=0.1),
    ),
    "grid": lambda: (
        layers.FiniteScalarQuantizer((5,) * DIM),
        layers.LookupFreeQuantizer(diversity_cost=0.5, group_bits=3),
    ),
    "sphere": lambda: (
        layers.ResidualQuantizer(
            [layers.LookupFreeQuantizer(spherical=True) for _ in range(2)], dropout=True
        ),
        layers.ResidualQuantizer([layers.FiniteScalarQuantizer((8,) * DIM) for _ in range(2)]),
    ),
}


def run(case, strategy, seed):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = build(*CASES[case]())
        model.compile(keras.optimizers.SGD(0.05), "mse")
    x = np.random.default_rng(seed).normal(size=(BATCH * STEPS, 4, DIM)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x)).batch(BATCH, drop_remainder=True)
    history = model.fit(data, epochs=2, verbose=0, shuffle=False).history
    result = {f"{case}/loss": np.array(history["loss"])}
    for variable in model.variables:
        copies = strategy.experimental_local_results(variable.value)
        result[f"{case}/{variable.path}"] = np.stack([ops.convert_to_numpy(c) for c in copies])
    return result


def main():
    replicas, output, seed, *cases = sys.argv[1:]
    replicas = int(replicas)
    strategy = strategies.get(f"mirrored:{replicas}" if replicas > 1 else "default")
    results = {}
    for case in cases:
        results.update(run(case, strategy, int(seed)))
    np.savez(output, **results)


if __name__ == "__main__":
    main()
