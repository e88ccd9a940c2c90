"""The VQ-VAE of sound: a strided encoder, a quantizer, and a decoder told who speaks."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.errors import UserError
from vqvae_tf.models import autoencoder, checks, methods_layer, sound_outputs
from vqvae_tf.models.conditions import Condition, resolve
from vqvae_tf.models.sound_regularizer import SoundRegularizer
from vqvae_tf.models.spectrograms import spectrograms
from vqvae_tf.networks.speaker_statistics import SpeakerStatistics
from vqvae_tf.networks.spectra import Spectra
from vqvae_tf.networks.speed import at_speed
from vqvae_tf.networks.wavenet import graph_sampler
from vqvae_tf.summaries import Summaries

# Of the encoder's input: speech at its usual level has a standard deviation of about an eighth.
_INPUT_SCALE = 8.0
_DECODED = 2  # examples of a batch that a log lets hear


@keras.saving.register_keras_serializable("vqvae_tf")
class AudioVQVAE(autoencoder.Autoencoder):
    """Sound to codes and back (van den Oord et al. 2017, section 4.3).

    The paper's decoder is a WaveNet over mu-law samples. It hears the samples before, the codes'
    vectors and, where there are `speakers`, who speaks: since it can take the voice from the
    speaker and the sound of the moment from the past, the codes are free to hold what is said, and
    decoding them with another speaker converts the voice. With `config.output` and `config.input`
    both ends may be frames of sound instead, cepstra or mel bands, which say what is spoken in far
    fewer numbers.

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

    def _make_networks(self):
        config = self.config
        self.statistics: Any = None
        self.spectra: Any = None
        if config.uses_frames:
            frames, speakers = config.frames, len(config.speakers)
            self.spectra = Spectra(
                config.sample_rate, frames.hop, frames.bands, frames.coefficients
            )
            self.statistics = SpeakerStatistics(
                self.spectra.size, speakers, frames.by_speaker, name="statistics"
            )
        self.encoder = networks.Encoder(
            rank=1,
            widths=config.widths,
            strides=config.strides,
            residual_blocks=config.residual_blocks,
            residual_width=config.residual_width,
            embedding_dim=config.embedding_dim,
            final_convolution=config.input == "frames",
            layer_norm=config.layer_norm,
            name="encoder",
            dtype=config.training.precision,
        )
        self.encoder.build((None, None, self.spectra.size if config.input == "frames" else 1))
        self.quantizer = self.make_quantizer("quantizer")
        self.quantizer.build((None, None, config.embedding_dim))
        self._guide: Any = None
        self.guide: Any = None
        if config.guide.weight:
            self._guide = self._frames_output(config.guide, "guide")
            self.guide = self._guide.network
        self._output = self._make_output()
        self.decoder = self._output.network
        self.draws = self._output.draws
        self.counts_bits = self._output.counts_bits
        self._auxiliary: Any = None
        self.auxiliary_decoder: Any = None
        if config.auxiliary:
            self._auxiliary = self._frames_output(config.frames, "auxiliary_decoder")
            self.auxiliary_decoder = self._auxiliary.network
        self.regularizer = SoundRegularizer(config, name="regularizer")
        if config.frozen_codes:
            self.encoder.trainable = self.quantizer.trainable = False
        self._report(
            (
                "loss",
                "reconstruction",
                *(() if config.frozen_codes else self.quantizer.loss_names),
                *(("auxiliary",) if config.auxiliary else ()),
                *(("guide",) if config.guide.weight else ()),
                *self.regularizer.loss_names,
                "perplexity",
            )
        )

    def _make_output(self):
        if self.config.output == "frames":
            return self._frames_output(self.config.frames, "decoder")
        if self.config.output == "waveform":
            return sound_outputs.WaveformOutput(self.config)
        return sound_outputs.WaveNetOutput(self.config, self._guide)

    def _frames_output(self, shape, name):
        return sound_outputs.FramesOutput(self.config, shape, self.spectra, self.statistics, name)

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
    def encoder_conditions(self):
        normalised = self.config.input == "frames" and self.config.frames.by_speaker
        return self.conditions if normalised else {}

    @property
    def data_taken(self):
        return checks.waveforms()

    def call(self, audio, conditions=None, training: bool = False):
        """The decoder's outputs, each given what was before it.

        Logits of every sample, `[batch, time, levels]`; of frames themselves, without the mean and
        the deviation of their speaker, `[batch, frames, size]`.

        Args:
            audio: `[batch, time]`.
            conditions: `{"speaker": int32 [batch]}`, numbers of `config.speakers`; without it, or
                where it is -1, the voice is not known.
        """
        outputs, _, losses, _ = self._forward(audio, conditions or {}, training)
        self._add_losses(losses)
        return outputs[:, : self._output.places(tf.shape(audio)[1])]

    def decode(
        self,
        codes: Any,
        speaker: Any = None,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        jit_compile: bool = True,
    ):
        """Waveforms of codes: drawn from p(x|z) sample by sample, or from decoded frames.

        Args:
            codes: int32 `[batch, frames]`, as `encode` gives them.
            speaker: a name of `config.speakers`, a number of one, or one for each example; None
                decodes without one.
            seed, temperature, jit_compile: of `vqvae_tf.networks.WaveNet.sample`; frames are not
                drawn and need none of them. In a `tf.function` the loop becomes part of its graph:
                `seed` (int64) and `temperature` may be tensors, and `jit_compile` is not used.

        Returns:
            float32 `[batch, frames * stride]` in [-1, 1]; of drawn samples the same in a graph.

        Raises:
            UserError: for an argument out of range.
        """
        codes = self.codes_taken.check(codes)
        if methods_layer.is_symbolic(codes):
            if self.draws:
                raise UserError(
                    "decode draws sample by sample and is no layer of a functional model; call it "
                    "on codes, also inside of compiled functions"
                )
            return methods_layer.call(self, "decode", codes)
        told = resolve(self.conditions, {"speaker": speaker}, codes)
        return self._output.decode(
            autoencoder.decode_places(self.quantizer, codes),
            told.get("speaker"),
            seed=seed,
            temperature=temperature,
            jit_compile=jit_compile,
        )

    def stream(
        self,
        codes: Any,
        speaker: Any = None,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        first_sample: int = 0,
        steps: int = 4096,
    ) -> Iterator[tf.Tensor]:
        """Yields the waveforms of `decode` in blocks, for long sounds and progress bars.

        Samples that are drawn come about `steps` at a time, the same as those of `decode`; frames
        and whole waveforms come at once. `first_sample` is the number of the first example: with
        it the second half of a batch is what it was in the whole. The other arguments are those of
        `decode`.
        """
        codes = self.codes_taken.check(codes)
        told = resolve(self.conditions, {"speaker": speaker}, codes)
        return self._output.stream(
            autoencoder.decode_places(self.quantizer, codes),
            told.get("speaker"),
            seed=seed,
            temperature=temperature,
            first_sample=first_sample,
            steps=steps,
        )

    def noise_shapes(self, grid):
        """Shapes of the noise of `draw`: a single row of samples."""
        return graph_sampler.noise_shapes(self.decoder, grid[0] * self.config.stride)

    def seeded_noise(self, seed, count, grid, first_sample=0):
        """The noise of `decode` for codes on `grid`, as of `Prior.seeded_noise`."""
        steps = grid[0] * self.config.stride
        return graph_sampler.seeded_noise(self.decoder, seed, first_sample, count, steps)

    def draw(self, codes, noise_of_row, speaker=None):
        """`decode` as a graph, with noise given by the caller; of a model that `draws`.

        Args:
            codes: int32 `[batch, frames]`.
            noise_of_row: as of `Prior.draw`.
            speaker: int32 `[batch]`, or None.

        Returns:
            Waveforms as `decode` returns them, and the log probability of each sample, float32.
        """
        codes = self.codes_taken.check(codes)
        vectors = autoencoder.decode_places(self.quantizer, codes)
        return self._output.draw(vectors, noise_of_row, speaker)

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
        if methods_layer.is_symbolic(audio):
            return methods_layer.call(self, "reconstruct", audio)
        decoded = self.decode(
            self.encode(audio),
            speaker,
            seed=seed,
            temperature=temperature,
            jit_compile=jit_compile,
        )
        return decoded[:, : tf.shape(audio)[1]]

    def take_codes_of(self, other: "AudioVQVAE") -> None:
        """Makes the codes of sounds those of another model, of the same `code_fields`."""
        for own, given in (
            (self.encoder, other.encoder),
            (self.quantizer, other.quantizer),
            (self.statistics, other.statistics),
        ):
            if own is not None and given is not None:
                own.set_weights(given.get_weights())

    def summaries(self, batch) -> Summaries:
        """Originals and reconstructions, as sounds and spectrograms, and the batch's codes."""
        batch = {name: values[:8] for name, values in self.check_batch(batch).items()}
        codes = self.encode(batch["audio"], **self.of_encoder(batch))
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

    def _encode(self, data, conditions):
        latents = self.encoder(self._inputs(data, conditions.get("speaker")), training=False)
        return autoencoder.encode_places(self.quantizer, latents)

    def _loss_terms(self, batch, training):
        """The reconstruction is what `config.output` minimises.

        A cross-entropy of samples in nats, a squared error of frames in units of a number's
        variance, or a distance of spectra.
        """
        outputs, quantized, losses, factor = self._forward(batch["audio"], batch, training)
        elements = self._elements(self._output, outputs, batch, factor)
        return tf.reduce_mean(elements), losses, {"": quantized.codes}

    def _reconstruction_bits(self, batch, codes):
        """Of the samples after companding, each given those before it."""
        checks.check_grid(codes, batch["audio"], self.strides)
        vectors = autoencoder.decode_places(self.quantizer, codes)
        outputs = self._output.predict(self._pad(batch["audio"]), vectors, batch.get("speaker"))
        return tf.reduce_sum(self._elements(self._output, outputs, batch), axis=1) / math.log(2.0)

    def _forward(self, audio, conditions, training):
        """`(outputs, quantized, losses, factor)` of waveforms.

        Losses are all but the reconstruction. The factor is how much faster the encoder heard the
        waveforms than they are, one for each; None where it heard them as they are.
        """
        batch = {**conditions, "audio": audio}
        audio, speaker = self._pad(audio), conditions.get("speaker")
        learning = training and not self.config.frozen_codes
        factor = self.regularizer.warp_factors(tf.shape(audio)[0]) if learning else None
        # Frozen codes of frames depend on the statistics.
        gathers = training and not (self.config.frozen_codes and self.config.input == "frames")
        if gathers and self.statistics is not None:
            self.statistics.update(self.spectra.frames(audio), speaker)
        latents = self.encoder(self._inputs(audio, speaker, factor), training=learning)
        quantized = autoencoder.quantize_places(self.quantizer, latents, learning)
        vectors = quantized.vectors
        losses: dict[str, Any] = {}
        if not self.config.frozen_codes:
            losses |= quantized.losses
        for name, output, weight in (
            ("auxiliary", self._auxiliary, self.config.auxiliary),
            ("guide", self._guide, self.config.guide.weight),
        ):
            if output is not None:
                frames = output.predict(audio, vectors, speaker)
                errors = self._elements(output, frames, batch)
                losses[name] = weight * tf.reduce_mean(errors)
        losses |= self.regularizer.losses_of(vectors, speaker)
        if training:
            vectors = self.regularizer.jittered(vectors)
        outputs = self._output.predict(audio, vectors, speaker)
        return outputs, quantized, losses, None if self.config.input == "frames" else factor

    def _inputs(self, audio, speaker, factor=None):
        """What the encoder takes of waveforms, `[batch, time or frames, channels]`, warped."""
        if self.config.input == "frames":
            mean, deviation = self.statistics.of(self.spectra.frames(audio), speaker)
            return (self.spectra.frames(audio, factor) - mean) / deviation
        if factor is not None:
            audio, _ = at_speed(audio, factor)
        if self.config.input == "mu_law":
            return networks.mu_law_compand(audio, self.config.levels)[..., None]
        return tf.cast(audio, tf.float32)[..., None] * _INPUT_SCALE

    def _elements(self, output, outputs, batch, factor=None):
        """What is minimised at each place of the sounds, without the silence behind them."""
        audio, speaker = batch["audio"], batch.get("speaker")
        elements = output.elements(outputs, self._pad(audio), speaker, factor)
        elements = elements[:, : output.places(tf.shape(audio)[1])]
        if speaker is None:
            return elements
        return self.takes["speaker"].nan_where_wrong(speaker, elements)
