"""Trains an image model by plain `fit` on N logical CPU devices and writes what came out.

A program of its own: one process can hold strategies of one size only.
Usage: python -m tests.models.replicas_program NUM_REPLICAS OUTPUT.npz
"""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tests.small import AUTOENCODER, picture
from vqvae_tf import models
from vqvae_tf.training import strategies

BATCH, STEPS = 8, 6


def run(kind, strategy):
    keras.utils.set_random_seed(3)
    quantizer = models.QuantizerConfig(kind=kind, num_embeddings=(16,))
    config = dataclasses.replace(AUTOENCODER, quantizer=quantizer)
    with strategy.scope():
        model = models.ImageVQVAE(config)
        # Not Adam, whose first steps turn a difference in a gradient's last bit into its sign.
        model.compile(keras.optimizers.SGD(0.02, momentum=0.9), jit_compile=False)
    images = np.stack([picture(16, 16, seed) for seed in range(BATCH * STEPS)])
    data = tf.data.Dataset.from_tensor_slices({"image": images}).batch(BATCH, drop_remainder=True)
    history = model.fit(data, epochs=3, verbose=0, shuffle=False).history
    result = {f"{kind}/{name}": np.array(values) for name, values in history.items()}
    for variable in model.variables:
        copies = strategy.experimental_local_results(variable.value)
        name = f"{kind}/variables/{variable.path}"
        result[name] = np.stack([ops.convert_to_numpy(copy) for copy in copies])
    return result


def main():
    replicas, output = int(sys.argv[1]), sys.argv[2]
    strategy = strategies.get(f"mirrored:{replicas}" if replicas > 1 else "default")
    np.savez(output, **run("ema", strategy), **run("loss", strategy))


if __name__ == "__main__":
    main()
