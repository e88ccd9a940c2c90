"""Trains models by plain `fit` on N logical CPU devices and writes what came out.

A program of its own: one process can hold strategies of one size only.
Usage: python -m tests.models.replicas_program NUM_REPLICAS OUTPUT.npz
"""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tests.models import test_sound_forms as sound_forms
from tests.small import AUTOENCODER, picture
from vqvae_tf import models
from vqvae_tf.training import strategies

BATCH, STEPS = 8, 6


def image(kind):
    """A model of pictures with a quantizer of this kind, and its data."""
    quantizer = models.QuantizerConfig(kind=kind, num_embeddings=(16,))
    config = dataclasses.replace(AUTOENCODER, quantizer=quantizer)
    images = np.stack([picture(16, 16, seed) for seed in range(BATCH * STEPS)])
    return config, {"image": images}


def sound():
    """A model of frames of sound that draws and gathers statistics, and its data."""
    config = dataclasses.replace(sound_forms.CONFIG, **sound_forms.FORMS["frames to frames"])
    return config, sound_forms.vowels(BATCH * STEPS)


def run(name, config, arrays, strategy):
    keras.utils.set_random_seed(3)
    with strategy.scope():
        model = models.build(models.family_of(config), config)
        # Not Adam, whose first steps turn a difference in a gradient's last bit into its sign.
        model.compile(keras.optimizers.SGD(0.02, momentum=0.9), jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH, drop_remainder=True)
    history = model.fit(data, epochs=3, verbose=0, shuffle=False).history
    result = {f"{name}/{loss}": np.array(values) for loss, values in history.items()}
    for variable in model.variables:
        copies = strategy.experimental_local_results(variable.value)
        key = f"{name}/variables/{variable.path}"
        result[key] = np.stack([ops.convert_to_numpy(copy) for copy in copies])
    return result


def main():
    replicas, output = int(sys.argv[1]), sys.argv[2]
    strategy = strategies.get(f"mirrored:{replicas}" if replicas > 1 else "default")
    cases = {"ema": image("ema"), "loss": image("loss"), "sound": sound()}
    results = {}
    for name, (config, arrays) in cases.items():
        results |= run(name, config, arrays, strategy)
    np.savez(output, **results)


if __name__ == "__main__":
    main()
