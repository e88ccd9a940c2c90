"""Whole waveforms at once, trained by distances of spectra."""

import tensorflow as tf

from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.models.sound_outputs.output import Output
from vqvae_tf.networks.sound_distances import stft_distance
from vqvae_tf.networks.spectra import Spectra
from vqvae_tf.networks.waveform_decoder import WaveformDecoder

_WINDOWS = (256, 512, 1024, 2048)  # samples, of the spectra that are compared
_BANDS = 80
_MEL_WEIGHT = 0.5  # of the distance in mel bands, in nats, beside that of spectra


class WaveformOutput(Output):
    """A feed-forward decoder, as fast as one convolution after another.

    Args:
        config: of the model.
    """

    draws = False
    counts_bits = False

    def __init__(self, config: AudioConfig):
        self._hop = max(1, config.sample_rate // 100)
        self._mel = Spectra(config.sample_rate, self._hop, _BANDS)
        self.network = WaveformDecoder(
            config.waveform.strides,
            config.waveform.widths,
            num_speakers=len(config.speakers),
            name="decoder",
            dtype=config.training.precision,
        )
        self.network.build((None, None, config.embedding_dim))

    def predict(self, audio, vectors, speaker):
        """Waveforms `[batch, time]`."""
        return self.network(vectors, speaker)

    def places(self, time):
        return time

    def elements(self, outputs, audio, speaker, factor=None):
        """Distances of spectra at several resolutions and of mel bands, `[batch, 1]`."""
        outputs = tf.cast(outputs, tf.float32)
        padding = [[0, 0], [0, -tf.shape(audio)[1] % self._hop]]
        mel = [self._mel.frames(tf.pad(each, padding)) for each in (audio, outputs)]
        mels = tf.reduce_mean(tf.abs(mel[0] - mel[1]), axis=[1, 2])
        return (stft_distance(audio, outputs, _WINDOWS) + _MEL_WEIGHT * mels)[:, None]

    def decode(self, vectors, speaker, *, seed, temperature, jit_compile):
        return tf.cast(self.network(vectors, speaker), tf.float32)

    def stream(self, vectors, speaker, *, seed, temperature, first_sample, steps):
        yield self.decode(vectors, speaker, seed=seed, temperature=temperature, jit_compile=False)
