"""The VQ-VAE of sound: a strided encoder, a quantizer, and a WaveNet that speaks the codes."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.errors import UserError
from vqvae_tf.models import autoencoder, checks, methods_layer
from vqvae_tf.models.conditions import Condition, resolve
from vqvae_tf.models.spectrograms import spectrograms
from vqvae_tf.summaries import Summaries

# Of the encoder's input: speech at its usual level has a standard deviation of about an eighth.
_INPUT_SCALE = 8.0
_DECODED = 2  # examples of a batch that a log lets hear


@keras.saving.register_keras_serializable("vqvae_tf")
class AudioVQVAE(autoencoder.Autoencoder):
    """Sound to codes and back (van den Oord et al. 2017, section 4.3).

    The decoder is a WaveNet over mu-law samples. It hears the samples before, the codes' vectors
    and, where there are `speakers`, who speaks: since it can take the voice from the speaker
    and the sound of the moment from the past, the codes are free to hold what is said, and
    decoding them with another speaker converts the voice.

    Waveforms are float `[batch, time]` in [-1, 1] of any length: silence is added up to a whole
    code. Codes are int32 `[batch, ceil(time / stride)]`, with one more axis where
    `config.quantizer` gives several codes per step.

    Args:
        config: an `AudioConfig`, or a dictionary of one.

    >>> config = AudioConfig(widths=(4, 8), strides=(2, 4), residual_width=4, embedding_dim=2,
    ...                      channels=4, skip_channels=4, dilations=(1, 2))
    >>> model = AudioVQVAE(config)
    >>> codes = model.encode(tf.zeros([2, 30]))
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(tf.zeros([2, 30])).shape
    (TensorShape([2, 4]), TensorShape([2, 32]), TensorShape([2, 30]))
    """

    config_class = AudioConfig
    data_key = "audio"
    grid_rank = 1
    decodes_in_graph = False

    def _make_networks(self):
        config = self.config
        precision = config.training.precision
        self.encoder = networks.Encoder(
            rank=1,
            widths=config.widths,
            strides=config.strides,
            residual_blocks=config.residual_blocks,
            residual_width=config.residual_width,
            embedding_dim=config.embedding_dim,
            final_convolution=False,
            name="encoder",
            dtype=precision,
        )
        self.quantizer = self.make_quantizer("quantizer")
        self.decoder = networks.WaveNet(
            config.levels,
            channels=config.channels,
            skip_channels=config.skip_channels,
            dilations=config.dilations,
            kernel_size=config.kernel_size,
            num_classes=len(config.speakers) or None,
            local_channels=config.embedding_dim,
            upsampling=config.stride,
            name="decoder",
            dtype=precision,
        )
        self.encoder.build((None, None, 1))
        self.quantizer.build((None, None, config.embedding_dim))
        self.decoder.build((None, None))
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def code_sizes(self):
        return self.quantizer.code_sizes

    @property
    def code_vectors(self):
        return autoencoder.code_vectors_of(self.quantizer)

    @property
    def conditions(self):
        speakers = self.config.speakers
        return {"speaker": Condition(len(speakers), speakers)} if speakers else {}

    @property
    def data_taken(self):
        return checks.waveforms()

    def call(self, audio, conditions=None, training: bool = False):
        """Logits of every sample given those before it: `[batch, time, levels]`.

        Args:
            audio: `[batch, time]`.
            conditions: `{"speaker": int32 [batch]}`, numbers of `config.speakers`; without it, or
                where it is -1, the voice is not known.
        """
        logits, quantized = self._forward(audio, conditions or {}, training)
        self._add_losses(quantized.losses)
        return logits

    def decode(
        self,
        codes: Any,
        speaker: Any = None,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        jit_compile: bool = True,
    ):
        """Waveforms drawn from p(x|z), sample by sample.

        Args:
            codes: int32 `[batch, frames]`, as `encode` gives them.
            speaker: a name of `config.speakers`, a number of one, or one for each example; None
                draws without one.
            seed, temperature, jit_compile: of `vqvae_tf.networks.WaveNet.sample`.

        Returns:
            float32 `[batch, frames * stride]` in [-1, 1].

        Raises:
            UserError: for an argument out of range.
        """
        codes = self.codes_taken.check(codes)
        if methods_layer.is_symbolic(codes) or tf.is_symbolic_tensor(codes):
            raise UserError(
                "decode draws sample by sample, in a loop of its own, and needs codes with values; "
                "call it outside of functional models and compiled functions"
            )
        told = resolve(self.conditions, {"speaker": speaker})
        samples = self.decoder.sample(
            codes.shape[0],
            codes.shape[1] * self.config.stride,
            seed,
            temperature=temperature,
            label=told["speaker"].numpy() if told else None,
            local=np.asarray(autoencoder.decode_places(self.quantizer, codes), np.float32),
            jit_compile=jit_compile,
        )
        return networks.mu_law_decode(samples, self.config.levels)

    def reconstruct(
        self,
        audio: Any,
        speaker: Any = None,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        jit_compile: bool = True,
    ):
        """`decode(encode(audio))` at the waveforms' own length.

        With another speaker than the one who is heard this converts the voice. The other arguments
        are those of `decode`.
        """
        audio = self.data_taken.check(audio)
        decoded = self.decode(
            self.encode(audio),
            speaker,
            seed=seed,
            temperature=temperature,
            jit_compile=jit_compile,
        )
        return decoded[:, : audio.shape[1]]

    def summaries(self, batch) -> Summaries:
        """Originals and reconstructions, as sounds and spectrograms, and the batch's codes."""
        batch = {name: values[:8] for name, values in self.check_batch(batch).items()}
        codes = self.encode(batch["audio"])
        shown = {name: values[:_DECODED] for name, values in batch.items()}
        decoded = self.decode(codes[:_DECODED], shown.get("speaker"))
        decoded = decoded[:, : shown["audio"].shape[1]]
        sounds = {"originals": shown["audio"], "reconstructions": decoded}
        rate = self.config.sample_rate
        # The original above its reconstruction.
        pictures = tf.concat([spectrograms(sound, rate) for sound in sounds.values()], axis=1)
        return Summaries(
            images={"spectrograms": pictures},
            histograms={"codes": codes},
            audio={name: (sound, rate) for name, sound in sounds.items()},
        )

    def _pad(self, data):
        """Waveforms followed by silence, up to a whole code."""
        return tf.pad(data, [[0, 0], [0, -tf.shape(data)[1] % self.config.stride]])

    def _encode(self, data):
        return autoencoder.encode_places(self.quantizer, self._latents(data, training=False))

    def _loss_terms(self, batch, training):
        """The reconstruction is the cross-entropy of the samples, in nats."""
        logits, quantized = self._forward(batch["audio"], batch, training)
        reconstruction = tf.reduce_mean(self._cross_entropy(logits, batch))
        return reconstruction, quantized.losses, {"": quantized.codes}

    def _reconstruction_bits(self, batch, codes):
        """Of the samples after companding, each given those before it."""
        checks.check_grid(codes, batch["audio"], self.grid_rank, self.config.stride)
        vectors = autoencoder.decode_places(self.quantizer, codes)
        logits = self._logits(batch["audio"], vectors, batch)
        return tf.reduce_sum(self._cross_entropy(logits, batch), axis=1) / math.log(2.0)

    def _forward(self, audio, conditions, training):
        """`(logits, quantized)` of waveforms."""
        latents = self._latents(self._pad(audio), training)
        quantized = autoencoder.quantize_places(self.quantizer, latents, training)
        return self._logits(audio, quantized.vectors, conditions), quantized

    def _latents(self, audio, training):
        scaled = tf.cast(audio, tf.float32)[..., None] * _INPUT_SCALE
        return self.encoder(scaled, training=training)

    def _logits(self, audio, vectors, conditions):
        samples = networks.mu_law_encode(self._pad(audio), self.config.levels)
        logits = self.decoder(samples, label=conditions.get("speaker"), local=vectors)
        return logits[:, : tf.shape(audio)[1]]

    def _cross_entropy(self, logits, batch):
        """Of each sample, in nats: `[batch, time]`."""
        samples = networks.mu_law_encode(batch["audio"], self.config.levels)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(samples, tf.cast(logits, tf.float32))
        if "speaker" not in batch:
            return nats
        return self.takes["speaker"].nan_where_wrong(batch["speaker"], nats)
