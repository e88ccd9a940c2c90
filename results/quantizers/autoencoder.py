"""An encoder, any quantizer and a decoder in training: what the studies on photographs share."""

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import layers


class Autoencoder:
    """Built networks around a built quantizer, with their training step.

    Args:
        encoder, quantizer, decoder: Keras layers, built.
        make_optimizer: gives a built Keras optimizer of a list of variables.
        variance: what the squared error is divided by.
    """

    def __init__(self, encoder, quantizer, decoder, make_optimizer, variance: float):
        self.quantizer = quantizer
        model = keras.Sequential([encoder, quantizer, decoder])
        variables = model.trainable_variables
        optimizer = make_optimizer(variables)

        def step(pixels):
            with tf.GradientTape() as tape:
                quantized = quantizer.quantize(encoder(pixels), training=True)
                error = tf.reduce_mean(tf.square(decoder(quantized.vectors) - pixels))
                loss = error / variance + sum(quantized.losses.values())
            gradients = tape.gradient(loss, variables)
            layers.forget_revived(model, optimizer)
            optimizer.apply(gradients, variables)

        def reconstruct(pixels):
            codes = quantizer.encode(encoder(pixels))
            return decoder(quantizer.decode(codes)), codes

        self.step, self._reconstruct = tf.function(step), tf.function(reconstruct)

    def measure(self, batches) -> dict:
        """Mean squared error, and use of the codes, over batches of pixels in [-0.5, 0.5]."""
        sizes = self.quantizer.code_sizes
        counts = [np.zeros(size, int) for size in sizes]
        error = pixels = 0
        for batch in batches:
            output, codes = self._reconstruct(tf.constant(batch))
            error += np.square(np.clip(output, -0.5, 0.5) - batch).sum(dtype="float64")
            pixels += batch.size
            for count, column in zip(counts, codes.numpy().reshape(-1, len(sizes)).T, strict=True):
                count += np.bincount(column, minlength=len(count))
        return {"mse": float(error / pixels), **use_of(counts)}


def use_of(counts: list[np.ndarray]) -> dict:
    """Codes in use, and the geometric mean of the perplexities, of one count for each code."""
    shares = [count[count > 0] / count.sum() for count in counts]
    return {
        "in_use": sum(len(share) for share in shares),
        "codes": sum(len(count) for count in counts),
        "perplexity": float(np.exp(np.mean([-(share * np.log(share)).sum() for share in shares]))),
    }
