"""A custom VQ-VAE, composed of the layers and trained with Keras's `fit` on tiles of photographs.

Usage: python examples/compose.py [EPOCHS [STEPS_PER_EPOCH]]
"""

import re
import sys

import keras
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.errors import UserError
from vqvae_tf.layers import VectorQuantizerEMA
from vqvae_tf.networks import Decoder, Encoder


def build() -> tuple[keras.Model, keras.Model]:
    """Builds the autoencoder, and a model that returns its codes."""
    image = keras.Input((32, 32, 3))
    latents = Encoder(widths=(32, 64), final_convolution=False, embedding_dim=8)(image)
    quantized, codes = VectorQuantizerEMA(num_embeddings=512, return_codes=True)(latents)
    picture = Decoder(widths=(64, 32), channels=3)(quantized)
    return keras.Model(image, picture), keras.Model(image, codes)


def train(epochs: int, steps: int) -> str:
    """Trains, and returns a sentence on how many codes eight batches use."""
    source = data.open_source("embedded:photos")
    tiles = data.batches(source, DataConfig(image_size=32), batch_size=32, seed=0)

    def pixels(batch):
        x = tf.cast(batch["image"], tf.float32) / 255.0 - 0.5
        return x, x

    model, encoder = build()
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    model.fit(tiles.map(pixels), epochs=epochs, steps_per_epoch=steps, verbose=2)
    codes = encoder.predict(tiles.map(pixels).take(8), verbose=0)
    used = len(set(codes.ravel().tolist()))
    return f"{used} of 512 codes in use on {len(codes)} tiles"


def main():
    """Prints one line at the end, also for an error."""
    numbers = sys.argv[1:]
    if len(numbers) > 2 or not all(re.fullmatch("[1-9][0-9]{0,5}", each) for each in numbers):
        sys.exit(f"EPOCHS and STEPS_PER_EPOCH must be numbers from 1; received {' '.join(numbers)}")
    epochs, steps = [int(each) for each in numbers] + [10, 100][len(numbers) :]
    try:
        print(train(epochs, steps))
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
