"""The VQ-VAE of sound: a strided encoder, a quantizer, and a WaveNet that speaks the codes."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vqvae_tf import networks
from vqvae_tf.config import Summaries, at_least
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.metrics import count_codes, perplexity_of
from vqvae_tf.models import autoencoder, trainable
from vqvae_tf.models.sequence_prior import SequencePrior

# Of the encoder's input: speech at its usual level has a standard deviation of about an eighth.
_INPUT_SCALE = 8.0


@dataclasses.dataclass(frozen=True)
class AudioConfig(autoencoder.AutoencoderConfig):
    """What a VQ-VAE of sound is and how it is trained.

    Attributes beside those of `AutoencoderConfig`:
        strides: samples to a step, at each entry of `widths`; their product is the samples a code.
        channels, skip_channels, dilations, kernel_size: of the decoder, a
            `vqvae_tf.networks.WaveNet`.
        levels: values of a sample after mu-law companding, which the decoder tells apart.
        speakers: names of the voices that the decoder is told apart; none without. The training
            program takes them from the data.
        sample_rate: in Hz; the networks do not know it, files that are read and written do.
        window: samples of a training example, a multiple of `stride`.
    """

    widths: tuple[int, ...] = (64, 64, 128, 128, 128, 128)
    strides: tuple[int, ...] = (2, 2, 2, 2, 2, 2)
    channels: int = 32
    skip_channels: int = 64
    dilations: tuple[int, ...] = tuple(2**i for i in range(10))
    kernel_size: int = 2
    levels: int = 256
    speakers: tuple[str, ...] = ()
    sample_rate: int = 16_000
    window: int = 8_192

    def __post_init__(self):
        super().__post_init__()
        at_least(1, self, "channels", "skip_channels", "sample_rate")
        at_least(2, self, "levels", "kernel_size")
        if len(self.strides) != len(self.widths) or min(self.strides) < 1:
            raise UserError(
                f"strides must hold a positive number for each of the {len(self.widths)} widths; "
                f"received {self.strides}"
            )
        if self.window < 1 or self.window % self.stride:
            below = max(self.window // self.stride, 1) * self.stride
            raise UserError(
                f"window must be a multiple of {self.stride}; received {self.window}, the nearest "
                f"are {below} and {below + self.stride}"
            )
        if len(set(self.speakers)) < len(self.speakers):
            raise UserError(f"speakers must be different names; received {self.speakers}")

    @property
    def codes_per_position(self) -> int:
        """Codes at a step."""
        return 1

    @property
    def stride(self) -> int:
        """Samples to a code."""
        return math.prod(self.strides)


@keras.saving.register_keras_serializable("vqvae_tf")
class AudioVQVAE(trainable.TrainableModel):
    """Sound to codes and back (van den Oord et al. 2017, section 4.3).

    The decoder is a WaveNet over mu-law samples. It hears the samples before, the codes' vectors
    and, where there are `speakers`, who speaks: since it can take the voice from the speaker
    and the sound of the moment from the past, the codes are free to hold what is said, and
    decoding them with another speaker converts the voice.

    Waveforms are float `[batch, time]` in [-1, 1] of any length: silence is added up to a whole
    code. Codes are int32 `[batch, ceil(time / stride)]`.

    Args:
        config: an `AudioConfig`, or a dictionary of one.

    >>> config = AudioConfig(widths=(4, 8), strides=(2, 4), residual_width=4, embedding_dim=2,
    ...                      num_embeddings=16, channels=4, skip_channels=4, dilations=(1, 2))
    >>> model = AudioVQVAE(config)
    >>> codes = model.encode(tf.zeros([2, 30]))
    >>> codes.shape, model.decode(codes).shape, model.reconstruct(tf.zeros([2, 30])).shape
    (TensorShape([2, 4]), TensorShape([2, 32]), TensorShape([2, 30]))
    """

    config_class = AudioConfig
    data_key = "audio"
    prior_class = SequencePrior

    def __init__(self, config: AudioConfig, **kwargs):
        super().__init__(config, **kwargs)
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
        self.quantizer = autoencoder.make_quantizer(config, "quantizer")
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
        # Built at once: a checkpoint can be restored, and `fit` finds all its variables.
        self.encoder.build((None, None, 1))
        self.quantizer.build((None, None, config.embedding_dim))
        self.decoder.build((None, None))
        self.built = True
        self._report(("loss", "reconstruction", *self.quantizer.loss_names, "perplexity"))

    @property
    def codebook(self):
        """`[num_embeddings, embedding_dim]`."""
        return self.quantizer.codebook

    def call(self, audio, speaker=None, training: bool = False):
        """Logits of every sample given those before it: `[batch, time, levels]`.

        Args:
            audio: `[batch, time]`; `config.stride` divides the time.
            speaker: int32 `[batch]`, numbers of `config.speakers`, or None; -1 means another one.
        """
        return self._forward(audio, speaker, training)[0]

    def encode(self, audio):
        """Codes of waveforms: float `[batch, time]` to int32 `[batch, ceil(time / stride)]`."""
        return self.quantizer.encode(self._latents(self._padded(audio), training=False))

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
            codes: int32 `[batch, frames]`.
            speaker: a name of `config.speakers`, a number of one, or numbers `[batch]`; None draws
                without one.
            seed, temperature, jit_compile: of `vqvae_tf.networks.WaveNet.sample`.

        Returns:
            float32 `[batch, frames * stride]` in [-1, 1].

        Raises:
            UserError: for an argument out of range.
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.dtype.kind not in "iu" or not codes.size:
            raise UserError(
                f"codes must be integers of the shape [batch, frames], at least one; received "
                f"{codes.dtype} of shape {codes.shape}"
            )
        if codes.min() < 0 or codes.max() >= self.config.num_embeddings:
            raise UserError(
                f"codes must lie between 0 and {self.config.num_embeddings - 1}; received "
                f"{codes.min()} to {codes.max()}"
            )
        if isinstance(speaker, str):
            speaker = self.speaker_number(speaker)
        self._check_speaker(speaker)
        samples = self.decoder.sample(
            len(codes),
            codes.shape[1] * self.config.stride,
            seed,
            temperature=temperature,
            label=speaker,
            local=np.asarray(self.quantizer.decode(codes), np.float32),
            jit_compile=jit_compile,
        )
        return networks.mu_law_decode(samples, self.config.levels)

    def reconstruct(self, audio, speaker=None, **controls):
        """`decode(encode(audio))` at the waveforms' own length.

        With another speaker than the one who is heard this converts the voice. `controls` are
        those of `decode`.
        """
        audio = tf.convert_to_tensor(audio)
        return self.decode(self.encode(audio), speaker, **controls)[:, : audio.shape[1]]

    def speaker_number(self, name: str) -> int:
        """Number of a speaker.

        Raises:
            UserError: for an unknown name; the nearest ones are shown.
        """
        if name not in self.config.speakers:
            known = nearest(name, self.config.speakers)
            raise UserError(f'unknown speaker "{name}"; {known}')
        return self.config.speakers.index(name)

    def compute_losses(self, batch, training: bool = False):
        """Mean losses of a batch: `reconstruction`, the quantizer's own, and their sum `loss`.

        `reconstruction` is the cross-entropy of the samples in nats; their number must be a
        multiple of `config.stride`. The perplexity of this batch's codes is not in the sum.
        """
        audio = tf.convert_to_tensor(batch["audio"])
        logits, quantized = self._forward(audio, batch.get("speaker"), training)
        losses = {
            "reconstruction": tf.reduce_mean(self._cross_entropy(logits, audio)),
            **quantized.losses,
        }
        perplexity = perplexity_of(count_codes(quantized.codes, self.config.num_embeddings))
        return {"loss": tf.add_n(list(losses.values())), **losses, "perplexity": perplexity}

    def bits(self, batch, codes=None):
        """Bits that each waveform costs: `[batch]` float32 each, and its number of samples.

        Of the nearest codes, or of given ones. `reconstruction` is -log2 p(x|z) of the samples
        after companding, each given those before it; `latent` is the number of codes times log2 K;
        `total` their sum; `dimensions` is the number of samples.
        """
        audio = tf.convert_to_tensor(batch["audio"])
        codes = self.encode(audio) if codes is None else tf.convert_to_tensor(codes)
        time = tf.shape(audio)[1]
        padded = self._padded(audio)
        logits = self._logits(padded, self.quantizer.decode(codes), batch.get("speaker"))
        nats = self._cross_entropy(logits, padded)[:, :time]
        reconstruction = tf.reduce_sum(nats, axis=1) / math.log(2.0)
        number = tf.cast(tf.shape(codes)[1], tf.float32)
        latent = tf.fill([tf.shape(audio)[0]], number * math.log2(self.config.num_embeddings))
        return {
            "reconstruction": reconstruction,
            "latent": latent,
            "total": reconstruction + latent,
            "dimensions": time,
        }

    def summaries(self, batch) -> Summaries:
        """Which codes the batch holds."""
        return Summaries(images={}, histograms={"codes": self.encode(batch["audio"][:8])})

    def _forward(self, audio, speaker, training):
        """`(logits, quantized)` of waveforms whose length the strides divide."""
        _check_waveforms(audio)
        quantized = self.quantizer.quantize(self._latents(audio, training), training=training)
        return self._logits(audio, quantized.vectors, speaker), quantized

    def _latents(self, audio, training):
        scaled = tf.cast(audio, tf.float32)[..., None] * _INPUT_SCALE
        return self.encoder(scaled, training=training)

    def _logits(self, audio, vectors, speaker):
        self._check_speaker(speaker)
        samples = networks.mu_law_encode(audio, self.config.levels)
        return self.decoder(samples, label=speaker, local=vectors)

    def _cross_entropy(self, logits, audio):
        """Of each sample, in nats: `[batch, time]`."""
        samples = networks.mu_law_encode(audio, self.config.levels)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(samples, tf.cast(logits, tf.float32))

    def _padded(self, audio):
        """Waveforms with silence behind them, up to a whole code."""
        audio = tf.convert_to_tensor(audio)
        _check_waveforms(audio)
        return tf.pad(audio, [[0, 0], [0, -tf.shape(audio)[1] % self.config.stride]])

    def _check_speaker(self, speaker):
        if speaker is not None and not self.config.speakers:
            raise UserError("a speaker needs a model with speakers; this one was built without any")


def _check_waveforms(audio):
    if len(audio.shape) != 2 or 0 in audio.shape or not audio.dtype.is_floating:
        raise UserError(
            f"waveforms must be floats of the shape [batch, time], at least one sample of one; "
            f"received {audio.dtype.name} of shape {tuple(audio.shape)}"
        )
