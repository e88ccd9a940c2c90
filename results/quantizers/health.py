"""How much of the codebook of a small autoencoder, in which codes easily die, stays in use."""

import keras
import numpy as np
import skimage.data
import sklearn.datasets
import tensorflow as tf
import vectors
from keras import layers as blocks

from vqvae_tf import layers
from vqvae_tf.media import evaluation

STEPS, CROPS, TEST_CROPS = 400, 32, 256
VARIANCE = 0.06  # divides the squared error
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
    """`count` crops of 32x32 in [-0.5, 0.5], each of a random photograph, at a random place."""
    found = np.empty((count, 32, 32, 3), "float32")
    for crop in found:
        image = images[generator.integers(len(images))]
        top, left = (generator.integers(side - 31) for side in image.shape[:2])
        crop[:] = image[top : top + 32, left : left + 32] / 255.0 - 0.5
    return found


def networks() -> tuple[keras.Sequential, keras.Sequential]:
    """An encoder to 8x8 vectors of 64 numbers, and a decoder."""
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


def run(case: str, seed: int) -> dict:
    """Trains a case; measures the error and the codes in use on crops of the same photographs."""
    images = photographs()
    keras.utils.set_random_seed(seed)
    encoder, decoder = networks()
    kind, settings = CASES[case]
    quantizer = kind(512, seed=seed, **settings)
    quantizer.build((None, None, None, 64))
    model = keras.Sequential([encoder, quantizer, decoder])
    variables = model.trainable_variables
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    @tf.function
    def step(pixels):
        with tf.GradientTape() as tape:
            quantized = quantizer.quantize(encoder(pixels), training=True)
            error = tf.reduce_mean(tf.square(decoder(quantized.vectors) - pixels))
            loss = error / VARIANCE + sum(quantized.losses.values())
        gradients = tape.gradient(loss, variables)
        layers.forget_revived(model, optimizer)
        optimizer.apply(gradients, variables)

    generator = np.random.default_rng(seed)
    for _ in range(STEPS):
        step(tf.constant(crops(images, CROPS, generator)))
    test = crops(images, TEST_CROPS, np.random.default_rng(999))
    codes = quantizer.encode(encoder(test)).numpy()
    output = np.clip(decoder(quantizer.decode(codes)), -0.5, 0.5)
    use = evaluation.code_statistics([np.bincount(codes.ravel(), minlength=512)])
    return {
        "mse": float(np.square(output - test).mean(dtype="float64")),
        "in_use": use["codes_in_use"],
        "perplexity": use["perplexity"],
    }
