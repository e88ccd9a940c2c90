"""Frames of sound, mel bands or cepstra, from the codes alone."""

from typing import Any

import tensorflow as tf

from vqvae_tf.config.audio import AudioConfig, FramesConfig, GuideConfig
from vqvae_tf.models.sound_outputs.output import Output
from vqvae_tf.networks.frame_decoder import FrameDecoder
from vqvae_tf.networks.speaker_statistics import SpeakerStatistics
from vqvae_tf.networks.spectra import Spectra
from vqvae_tf.networks.speed import at_speed


class FramesOutput(Output):
    """Squared error of frames without the mean and the deviation of their speaker.

    Args:
        config: of the model.
        shape: width, blocks and kernel of the decoder.
        spectra: the frames.
        statistics: means and deviations, which the model gathers.
        name: of the decoder.
    """

    draws = False
    counts_bits = False

    def __init__(
        self,
        config: AudioConfig,
        shape: FramesConfig | GuideConfig,
        spectra: Spectra,
        statistics: SpeakerStatistics,
        name: str,
    ):
        self._spectra, self._statistics = spectra, statistics
        self.network = FrameDecoder(
            spectra.size,
            config.stride // spectra.hop,
            width=shape.width,
            blocks=shape.blocks,
            kernel_size=shape.kernel_size,
            num_speakers=len(config.speakers),
            name=name,
            dtype=config.training.precision,
        )
        self.network.build((None, None, config.embedding_dim))

    def predict(self, audio, vectors, speaker):
        """Normalised frames `[batch, frames, size]`."""
        return self.network(vectors, speaker)

    def places(self, time):
        return -(-time // self._spectra.hop)

    def elements(self, outputs, audio, speaker, factor=None):
        """Squared errors `[batch, frames, size]`; 1 is the variance of a number."""
        frames = self._spectra.frames(audio)
        mean, deviation = self._statistics.of(frames, speaker)
        target = (frames - mean) / deviation
        if factor is None:
            return tf.square(tf.cast(outputs, tf.float32) - target)
        target, heard = at_speed(target, factor)
        weight = heard / tf.reduce_mean(heard, axis=1, keepdims=True)
        return tf.square(tf.cast(outputs, tf.float32) - target) * weight[..., None]

    def decode(self, vectors, speaker, *, seed, temperature, jit_compile):
        """Frames of the speaker (of all together, where none is named), by Griffin-Lim."""
        return self._spectra.waveform(self.frames(vectors, speaker))

    def stream(self, vectors, speaker, *, seed, temperature, first_sample, steps):
        yield self.decode(vectors, speaker, seed=seed, temperature=temperature, jit_compile=False)

    def frames(self, vectors: Any, speaker: Any) -> tf.Tensor:
        """Frames `[batch, frames, size]` as `Spectra.frames` has them."""
        outputs = tf.cast(self.network(vectors, speaker), tf.float32)
        mean, deviation = self._statistics.of(None, speaker)
        return mean + deviation * outputs
