"""Every quantizer and estimator on photographs, in the `photos` preset's networks."""

import dataclasses
import functools
import time

import autoencoder
import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import data, layers, networks
from vqvae_tf.presets import preset
from vqvae_tf.training import optimizers

STEPS = 2_500
SEEDS = (0, 1, 2)
K = 512
EMA, FSQ, LFQ, projected = (
    layers.VectorQuantizerEMA,
    layers.FiniteScalarQuantizer,
    layers.LookupFreeQuantizer,
    layers.ProjectedQuantizer,
)


def drawing(kind, start: float, end: float):
    """Makes an EMA codebook whose codes are drawn, at a temperature that falls."""
    return lambda: EMA(K, estimator=kind(start, final_temperature=end, anneal_steps=STEPS))


def bits(**settings):
    """Makes a lookup-free quantizer of nine bits."""
    return lambda: projected(LFQ(**settings), 9)


# Nine bits a vector each; name -> quantizer.
CASES = {
    "VectorQuantizerEMA": lambda: EMA(K),
    "VectorQuantizer": lambda: layers.VectorQuantizer(K),
    "EMA, rotation": lambda: EMA(K, estimator="rotation"),
    "EMA, stochastic": drawing(layers.Stochastic, 0.1, 0.001),
    "EMA, Gumbel-softmax": drawing(layers.GumbelSoftmax, 0.01, 0.001),
    "EMA, cosine": lambda: EMA(K, distance="cosine"),
    "EMA, diversity 0.1": lambda: EMA(K, diversity_cost=0.1),
    "VectorQuantizer, orthogonality 1": lambda: layers.VectorQuantizer(K, orthogonality_cost=1.0),
    "SimVQ": lambda: layers.SimVQ(K),
    "Residual, EMA of 8, three": lambda: layers.ResidualQuantizer([EMA(8), EMA(8), EMA(8)]),
    "Grouped, EMA of 32 and 16": lambda: layers.GroupedQuantizer([EMA(32), EMA(16)]),
    "Projected to 4, EMA, cosine": lambda: projected(EMA(K, distance="cosine"), 4),
    "Projected to 3, finite scalar 8x8x8": lambda: projected(FSQ((8, 8, 8)), 3),
    "Projected to 9, lookup-free": bits(),
    "Projected to 9, lookup-free, spherical": bits(spherical=True),
}
# What was tried on the validation strip for those that have something to choose. Temperatures are
# in units of the squared distance: neighbouring codes of a trained model lie 0.16 apart (median).
SETTINGS = {
    "Gumbel-softmax, 1 to 0.1": drawing(layers.GumbelSoftmax, 1.0, 0.1),
    "Gumbel-softmax, 0.1 to 0.01": drawing(layers.GumbelSoftmax, 0.1, 0.01),
    "Gumbel-softmax, 0.03 to 0.003": drawing(layers.GumbelSoftmax, 0.03, 0.003),
    "Gumbel-softmax, 0.01 to 0.001": drawing(layers.GumbelSoftmax, 0.01, 0.001),
    "Gumbel-softmax, 0.003 to 0.0003": drawing(layers.GumbelSoftmax, 0.003, 0.0003),
    "lookup-free, entropy 0.1, diversity 0.1": bits(entropy_cost=0.1, diversity_cost=0.1),
    "lookup-free, entropy 0.01, diversity 0.01": bits(entropy_cost=0.01, diversity_cost=0.01),
    "lookup-free, entropy 0.01, diversity 0.1": bits(entropy_cost=0.01, diversity_cost=0.1),
    "lookup-free, entropy 0, diversity 0": bits(entropy_cost=0.0, diversity_cost=0.0),
    "lookup-free, entropy 0.01, diversity 0.3": bits(entropy_cost=0.01, diversity_cost=0.3),
    "lookup-free, entropy 0.01, diversity 0.1, temperature 4": bits(
        entropy_cost=0.01, diversity_cost=0.1, temperature=4.0
    ),
}


def run(case: str, seed: int) -> dict:
    """A case and seed, judged on both held-out splits."""
    return trained(CASES[case], ("region", "photo"), seed)


def choose(case: str) -> dict:
    """A setting, judged on the validation strip."""
    return trained(SETTINGS[case], ("validation",))


def trained(make, splits, seed: int = 0) -> dict:
    """Trains what `make` gives for 2,500 steps; error and codes in use on `splits`, CPU time."""
    config = preset("photos")
    settings = dataclasses.replace(config.training, steps=STEPS, seed=seed)
    keras.utils.set_random_seed(seed)
    body = {"residual_blocks": config.residual_blocks, "residual_width": config.residual_width}
    dim = config.embedding_dim
    encoder = networks.Encoder(
        rank=2, widths=config.widths, embedding_dim=dim, final_convolution=False, **body
    )
    decoder = networks.Decoder(rank=2, widths=config.widths[::-1], channels=3, **body)
    quantizer = make()
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
    for split in splits:
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
