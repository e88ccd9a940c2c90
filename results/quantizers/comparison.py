"""Every quantizer and estimator on photographs, in the `photos` preset's networks."""

import dataclasses
import functools
import time

import autoencoder
import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import data, layers, networks
from vqvae_tf.models import preset
from vqvae_tf.training import optimizers

STEPS = 2_500
K = 512
# Nine bits a vector each; name -> quantizer.
CASES = {
    "VectorQuantizerEMA": lambda: EMA(K),
    "VectorQuantizer": lambda: layers.VectorQuantizer(K),
    "EMA, rotation": lambda: EMA(K, estimator="rotation"),
    "EMA, stochastic": lambda: EMA(K, estimator=STOCHASTIC),
    "EMA, Gumbel-softmax": lambda: EMA(K, estimator=GUMBEL),
    "EMA, cosine": lambda: EMA(K, distance="cosine"),
    "EMA, diversity 0.1": lambda: EMA(K, diversity_cost=0.1),
    "VectorQuantizer, orthogonality 1": lambda: layers.VectorQuantizer(K, orthogonality_cost=1.0),
    "SimVQ": lambda: layers.SimVQ(K),
    "Residual, EMA of 8, three": lambda: layers.ResidualQuantizer([EMA(8), EMA(8), EMA(8)]),
    "Grouped, EMA of 32 and 16": lambda: layers.GroupedQuantizer([EMA(32), EMA(16)]),
    "Projected to 4, EMA, cosine": lambda: projected(EMA(K, distance="cosine"), 4),
    "Projected to 3, finite scalar 8x8x8": lambda: projected(FSQ((8, 8, 8)), 3),
    "Projected to 9, lookup-free": lambda: projected(layers.LookupFreeQuantizer(), 9),
}
EMA, FSQ, projected = (
    layers.VectorQuantizerEMA,
    layers.FiniteScalarQuantizer,
    layers.ProjectedQuantizer,
)
# In units of the squared distance. Neighbouring codes of a trained model lie 0.16 apart (median).
STOCHASTIC = layers.Stochastic(0.1, final_temperature=0.001, anneal_steps=STEPS)
GUMBEL = layers.GumbelSoftmax(1.0, final_temperature=0.1, anneal_steps=STEPS)


def run(case: str, seed: int = 0) -> dict:
    """Trains for 2,500 steps; PSNR and codes in use on both held-out splits, CPU time a step."""
    config = preset("photos")
    settings = dataclasses.replace(config.training, steps=STEPS, seed=seed)
    keras.utils.set_random_seed(seed)
    body = {"residual_blocks": config.residual_blocks, "residual_width": config.residual_width}
    dim = config.embedding_dim
    encoder = networks.Encoder(
        rank=2, widths=config.widths, embedding_dim=dim, final_convolution=False, **body
    )
    decoder = networks.Decoder(rank=2, widths=config.widths[::-1], channels=3, **body)
    quantizer = CASES[case]()
    encoder.build((None, None, None, 3))
    quantizer.build((None, None, None, dim))
    decoder.build((None, None, None, dim))
    adam = functools.partial(optimizers.build, settings)
    model = autoencoder.Autoencoder(encoder, quantizer, decoder, adam, config.data_variance)
    source = data.open_source("embedded:photos")
    batches = data.batches(source, config.data, settings.batch_size, seed)
    tiles = [to_pixels(batch["image"]) for batch in batches.take(STEPS)]
    model.step(tiles[0])  # traces it
    start = time.process_time()
    for tile in tiles[1:]:
        model.step(tile)
    seconds = time.process_time() - start
    figures = {"bits": quantizer.bits_per_vector, "ms": 1e3 * seconds / (STEPS - 1)}
    for split in ("region", "photo"):
        pictures = data.open_source(f"embedded:photos/{split}").pictures()
        figures[split] = model.measure(whole(picture["image"]) for picture in pictures)
    return figures


def whole(image: np.ndarray) -> np.ndarray:
    """A batch of one picture, cut to a size that the strides divide."""
    height, width = (side // 4 * 4 for side in image.shape[:2])
    return to_pixels(image[None, :height, :width]).numpy()


def to_pixels(image):
    """In [-0.5, 0.5]."""
    return tf.cast(image, tf.float32) / 255.0 - 0.5
