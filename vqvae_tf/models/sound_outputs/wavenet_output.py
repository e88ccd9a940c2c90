"""Samples after mu-law companding, each given those before it, by a WaveNet."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from vqvae_tf import likelihoods, networks
from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.models.sound_outputs.frames_output import FramesOutput
from vqvae_tf.models.sound_outputs.output import Output
from vqvae_tf.networks.emphasis import emphasised, taps, without_emphasis
from vqvae_tf.networks.sampling.incremental import log_prob_of
from vqvae_tf.networks.wavenet import graph_sampler


class WaveNetOutput(Output):
    """A WaveNet over `levels` values of a sample, as in section 4.3 of the paper.

    Its distribution of a sample is a probability of each value, or a mixture of logistic
    distributions over them.

    Args:
        config: of the model.
        guide: decoder of the frames that the WaveNet hears beside the codes, or None.
    """

    draws = True
    counts_bits = True

    def __init__(self, config: AudioConfig, guide: FramesOutput | None):
        self._levels, self._stride, self._guide = config.levels, config.stride, guide
        self._emphasis = config.emphasis
        self._likelihood = None
        if config.output == "logistic_mixture":
            self._likelihood = likelihoods.LogisticMixture(config.mixture_components)
        self.network = networks.WaveNet(
            config.levels,
            channels=config.channels,
            skip_channels=config.skip_channels,
            dilations=config.dilations,
            kernel_size=config.kernel_size,
            num_classes=len(config.speakers) or None,
            local_channels=config.embedding_dim + (0 if guide is None else guide.network.size),
            upsampling=config.stride if guide is None else config.frames.hop,
            head="categorical" if self._likelihood is None else config.output,
            mixture_components=config.mixture_components,
            ordered=True,
            name="decoder",
            dtype=config.training.precision,
        )
        self.network.build((None, None))

    def predict(self, audio, vectors, speaker):
        """Logits `[batch, time, levels]`, or parameters of mixtures, `[batch, time, ...]`."""
        samples = self._samples(audio)
        return self.network(samples, label=speaker, local=self._local(vectors, speaker))

    def places(self, time):
        return time

    def elements(self, outputs, audio, speaker, factor=None):
        """Cross-entropy of each sample, `[batch, time]`."""
        return self._nats(outputs, self._samples(audio))

    def decode(self, vectors, speaker, *, seed, temperature, jit_compile):
        local = tf.cast(self._local(vectors, speaker), tf.float32)
        if tf.inside_function():
            samples = graph_sampler.sample_frames(
                self.network, seed, local, temperature=temperature, label=speaker
            )
            return self._sound(samples)
        samples = self.network.sample(
            vectors.shape[0],
            vectors.shape[1] * self._stride,
            seed,
            temperature=temperature,
            label=None if speaker is None else speaker.numpy(),
            local=local.numpy(),
            jit_compile=jit_compile,
        )
        return self._sound(samples)

    def stream(self, vectors, speaker, *, seed, temperature, first_sample, steps):
        blocks = self.network.stream(
            vectors.shape[0],
            vectors.shape[1] * self._stride,
            seed,
            steps=steps,
            temperature=temperature,
            label=None if speaker is None else speaker.numpy(),
            local=tf.cast(self._local(vectors, speaker), tf.float32).numpy(),
            first_sample=first_sample,
            jit_compile=True,
        )
        heard = taps(self._emphasis) - 1
        past = tf.zeros([vectors.shape[0], heard])
        for samples in blocks:
            yield self._sound(samples, past)
            past = tf.concat([past, networks.mu_law_decode(samples, self._levels)], axis=1)
            past = past[:, past.shape[1] - heard :]

    def draw(
        self, vectors: Any, noise_of_row: Mapping[str, Callable], speaker: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`decode` from given noise, and the log probability of each sample, `[batch, time]`."""
        samples, log_prob = graph_sampler.sample_from_noise(
            self.network,
            noise_of_row,
            vectors.shape[0],
            label=speaker,
            local=tf.cast(self._local(vectors, speaker), tf.float32),
            log_prob=self._log_prob,
        )
        return self._sound(samples), log_prob

    def _samples(self, audio):
        """The samples that the WaveNet hears and predicts, int32 `[batch, time]`."""
        if self._emphasis:
            audio = emphasised(audio, self._emphasis)
        return networks.mu_law_encode(audio, self._levels)

    def _sound(self, samples, past=None):
        """The waveform of samples; `past` as in `without_emphasis`."""
        decoded = networks.mu_law_decode(samples, self._levels)
        return without_emphasis(decoded, self._emphasis, past) if self._emphasis else decoded

    def _local(self, vectors, speaker):
        """What the WaveNet hears of the codes: their vectors, and frames of them if guided."""
        if self._guide is None:
            return vectors
        frames = self._guide.network(vectors, speaker)
        vectors = tf.repeat(vectors, self._guide.network.frames_per_code, axis=1)
        return tf.concat([vectors, tf.cast(frames, vectors.dtype)], axis=-1)

    def _nats(self, outputs, samples):
        """-log p of samples `[batch, time]`."""
        if self._likelihood is not None:
            each = tf.reshape(outputs, [-1, 1, outputs.shape[-1]])  # each sample on its own
            bits = self._likelihood.bits(each, tf.reshape(samples, [-1, 1, 1]))
            return tf.reshape(bits * math.log(2.0), tf.shape(samples))
        return tf.nn.sparse_softmax_cross_entropy_with_logits(samples, tf.cast(outputs, tf.float32))

    def _log_prob(self, outputs, samples):
        """log p of the samples `[batch]` of a step; by operations that TFLite has."""
        if self._likelihood is not None:
            return -self._nats(outputs[:, None], samples[:, None])[:, 0]
        return log_prob_of(outputs, samples)
