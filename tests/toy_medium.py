"""A family and a medium from outside the library: sequences of float vectors `[time, channels]`.

`vqvae_tf.models.register("toy", ToyVQVAE, medium=ToyMedium())` joins it to every job;
CONTRIBUTING.md is this file in words.
"""

import dataclasses
import os
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import models
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.windows import Windows
from vqvae_tf.errors import UserError
from vqvae_tf.media import Medium
from vqvae_tf.media.evaluation import code_statistics, count_slots
from vqvae_tf.media.output_files import write_codes
from vqvae_tf.models import autoencoder, checks
from vqvae_tf.summaries import Summaries
from vqvae_tf.written_files import replacing

CHANNELS = 3


@dataclasses.dataclass(frozen=True)
class ToyConfig(models.AutoencoderConfig):
    """A quantizer between two dense layers.

    Attributes, in addition to those of `AutoencoderConfig`:
        window: vectors of a training example.
    """

    window: int = 16
    stride = 1  # vectors per code


@keras.saving.register_keras_serializable("tests")
class ToyVQVAE(models.Autoencoder):
    """Vectors to codes and back: float32 `[batch, time, 3]`, codes int32 `[batch, time]`."""

    config_class = ToyConfig
    data_key = "vectors"
    data_taken = checks.Input("vectors", "vectors", ("batch", "time", CHANNELS), "floats")
    grid_rank = 1
    conditions: dict = {}

    def _make_networks(self):
        dim = self.config.embedding_dim
        self.encoder = keras.layers.Dense(dim, name="encoder")
        self.quantizer = self.make_quantizer("quantizer")
        self.decoder = keras.layers.Dense(CHANNELS, name="decoder")
        for layer, size in ((self.encoder, CHANNELS), (self.quantizer, dim), (self.decoder, dim)):
            layer.build((None, None, size))
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def code_sizes(self):
        return self.quantizer.code_sizes

    @property
    def code_vectors(self):
        return autoencoder.code_vectors_of(self.quantizer)

    def call(self, data, training=False):
        return self._decode(self._encode(data))

    def decode(self, codes):
        return self._decode(self.codes_taken.check(codes))

    def reconstruct(self, data):
        return self.decode(self.encode(data))

    def summaries(self, batch):
        return Summaries(images={}, histograms={"codes": self.encode(batch["vectors"])})

    def _pad(self, data):
        return data

    def _encode(self, data, conditions):
        return autoencoder.encode_places(self.quantizer, self.encoder(data))

    def _decode(self, with_slots):
        return self.decoder(autoencoder.decode_places(self.quantizer, with_slots))

    def _loss_terms(self, batch, training):
        latents = self.encoder(batch["vectors"])
        quantized = autoencoder.quantize_places(self.quantizer, latents, training)
        error = tf.reduce_mean(tf.square(self.decoder(quantized.vectors) - batch["vectors"]))
        return error, quantized.losses, {"": quantized.codes}

    def _reconstruction_bits(self, batch, with_slots):
        """Of a Normal density of variance 1."""
        square = tf.square(self._decode(with_slots) - batch["vectors"])
        nats = tf.reduce_sum(square + np.log(2 * np.pi), axis=[1, 2]) / 2
        return nats / np.log(2.0)


class Walks(NamedTuple):
    """Random walks, each in the direction of its class."""

    uri: str
    class_names: tuple[str, ...]
    walks: list[np.ndarray]
    files: tuple[str, ...] = ()


class ToyMedium(Medium):
    """`walks:COUNT`: random walks that are made on the spot."""

    condition = "direction"

    def open_source(self, uri):
        scheme, _, count = uri.partition(":")
        if scheme != "walks" or not count.isdecimal() or not int(count):
            raise UserError(f'"{uri}" names no walks; give walks:COUNT')
        draws = np.random.default_rng(0)
        steps = draws.normal(size=(int(count), 40, CHANNELS)).astype(np.float32)
        drift = np.array([1.0, -1.0])[np.arange(int(count)) % 2, None, None]
        return Walks(uri, ("up", "down"), list(np.cumsum(steps * 0.2 + drift * 0.1, 1, np.float32)))

    def fitted(self, config, source):
        return config

    def batches(self, source, config, start_step=0):
        windows = Windows(source.walks, (config.window,))
        size, seed = config.training.batch_size, config.training.seed

        def batch(step):
            position = step * size + tf.range(size, dtype=tf.int64)
            return {"vectors": windows.cut(shuffled(position, seed, windows.count))}

        return tf.data.Dataset.counter(start_step).map(batch)

    def measure(self, model, source, prior_bits=None, search=None):
        counts = [np.zeros(size, np.int64) for size in model.code_sizes]
        errors, bits = [], []
        for item in self.code_maps(model, source):
            decoded = np.asarray(model.decode(item["codes"][None]))[0]
            errors.append(np.mean((decoded - item["vectors"]) ** 2))
            count_slots(counts, item["codes"])
            if prior_bits is not None:
                direction = {"direction": np.array([item["direction"]])}
                bits.append(
                    float(prior_bits(item["codes"][None], direction)[0]) / item["codes"].size
                )
        found = {"walks": len(errors), "mse": float(np.mean(errors)), **code_statistics(counts)}
        return found | ({"prior_bits_per_code": float(np.mean(bits))} if bits else {})

    def code_maps(self, model, source, variation=None, seed=0):
        for number, walk in enumerate(source.walks):
            (found,) = np.asarray(model.encode(walk[None]))
            found = found.reshape(len(walk), -1)
            item = {"name": f"walk_{number}", "codes": found, "rank": 1, "direction": number % 2}
            yield item | {"vectors": walk}

    def reconstruct(self, model, source, output, count=None, search=None):
        items = list(self.code_maps(model, source))[:count]
        for item in items:
            write_codes(os.path.join(output, item["name"] + ".npz"), item["codes"])
        return len(items)

    def write_samples(self, model, drawn, output, conditions):
        path = os.path.join(output, "samples.npy")
        with replacing(path) as partial, open(partial, "wb") as file:
            np.save(file, np.asarray(model.decode(drawn)))
        return [path]

    def examples(self, model, size=None):
        return [np.ones((time, CHANNELS), np.float32) for time in size or (5, 9)]
