"""A small autoencoder that collapses without care: how much of its codebook stays in use."""

import autoencoder
import keras
import numpy as np
import skimage.data
import sklearn.datasets
import tensorflow as tf
import vectors
from keras import layers as blocks

from vqvae_tf import layers

STEPS, CROPS, TEST_CROPS = 400, 32, 256
SEEDS = range(5)
KINDS = (layers.VectorQuantizerEMA, layers.VectorQuantizer)
CASES = {
    f"{kind.__name__}, {rule}": (kind, settings)
    for kind in KINDS
    for rule, settings in {**vectors.RULES, "no revival": {"revival_threshold": 0}}.items()
}


def photographs() -> list[np.ndarray]:
    """Six colour photographs."""
    skimage_four = [
        getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")
    ]
    return [*skimage_four, *sklearn.datasets.load_sample_images().images]


def crops(images, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` crops of 32x32 in [-0.5, 0.5]: a photograph at random, then a place in it."""
    found = np.empty((count, 32, 32, 3), "float32")
    for crop in found:
        image = images[generator.integers(len(images))]
        top, left = (generator.integers(side - 31) for side in image.shape[:2])
        crop[:] = image[top : top + 32, left : left + 32] / 255.0 - 0.5
    return found


def networks() -> tuple[keras.Sequential, keras.Sequential]:
    """Encoder to 8x8 vectors of 64 numbers, and decoder."""
    same = {"padding": "same"}
    encoder = keras.Sequential(
        [
            blocks.Conv2D(32, 4, 2, activation="relu", **same),
            blocks.Conv2D(64, 4, 2, activation="relu", **same),
            blocks.Conv2D(64, 1),
        ]
    )
    decoder = keras.Sequential(
        [
            blocks.Conv2D(64, 3, activation="relu", **same),
            blocks.Conv2DTranspose(32, 4, 2, activation="relu", **same),
            blocks.Conv2DTranspose(3, 4, 2, **same),
        ]
    )
    encoder.build((None, 32, 32, 3))
    decoder.build((None, 8, 8, 64))
    return encoder, decoder


def adam(variables) -> keras.optimizers.Optimizer:
    """Adam at 1e-3."""
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)
    return optimizer


def run(case: str, seed: int) -> dict:
    """Trains for 400 steps; error and codes in use on crops of the same photographs."""
    images = photographs()
    keras.utils.set_random_seed(seed)
    encoder, decoder = networks()
    kind, settings = CASES[case]
    quantizer = kind(512, seed=seed, **settings)
    quantizer.build((None, None, None, 64))
    model = autoencoder.Autoencoder(encoder, quantizer, decoder, adam, variance=0.06)
    generator = np.random.default_rng(seed)
    for _ in range(STEPS):
        model.step(tf.constant(crops(images, CROPS, generator)))
    return model.measure([crops(images, TEST_CROPS, np.random.default_rng(999))])
