"""Configuration of the VQ-VAE of sound."""

import dataclasses
import math
from typing import ClassVar

from vqvae_tf.config import limits
from vqvae_tf.config.autoencoder import AutoencoderConfig
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.config.training import SoundDataConfig
from vqvae_tf.errors import UserError, nearest

INPUTS = ("waveform", "mu_law", "frames")
OUTPUTS = ("mu_law", "logistic_mixture", "frames", "waveform")


@dataclasses.dataclass(frozen=True)
class FramesConfig:
    """Frames of sound: what the encoder may take and the decoder may give instead of samples.

    Attributes:
        hop: samples from frame to frame.
        bands: mel bands.
        coefficients: cepstra of a frame, the first so many of the bands' cosine transform; None
            for the bands themselves, as logarithms of their power.
        by_speaker: frames lack the mean and the deviation of their speaker, which a model gathers
            while it trains (of their sound, where the speaker is not known). Without it they lack
            those of all frames.
        width: channels of the decoder of frames, a `vqvae_tf.networks.FrameDecoder`.
        blocks: its residual blocks.
        kernel_size: its taps. With 1 codes are most like phones, with 3 they sound better.
    """

    hop: int = 160
    bands: int = 80
    coefficients: int | None = 20
    by_speaker: bool = True
    width: int = 128
    blocks: int = 2
    kernel_size: int = 1

    def __post_init__(self):
        check_types(self, at="frames.")
        between(1, limits.LONGEST_WINDOW, self, "hop", at="frames.")
        between(1, limits.WIDEST, self, "bands", "width", at="frames.")
        between(0, limits.DEEPEST, self, "blocks", at="frames.")
        between(1, limits.LARGEST_KERNEL, self, "kernel_size", at="frames.")
        if self.coefficients is not None and not 1 <= self.coefficients <= self.bands:
            raise UserError(
                f"frames.coefficients must lie between 1 and frames.bands, {self.bands}, or be "
                f"None for the bands themselves; received {self.coefficients}"
            )


@dataclasses.dataclass(frozen=True)
class GuideConfig:
    """Frames that a WaveNet hears beside the vectors of the codes.

    A `vqvae_tf.networks.FrameDecoder` makes them of the codes and is told the speaker. Its squared
    error is part of the loss, so it soon gives the WaveNet the envelope of the sound every
    `frames.hop` samples, which the WaveNet would learn from its own loss in many hours.

    Attributes:
        weight: of the squared error of the frames in the loss; 0 for no guide.
        width: channels of the guide.
        blocks: its residual blocks.
        kernel_size: its taps, in codes.
    """

    weight: float = 0.0
    width: int = 128
    blocks: int = 2
    kernel_size: int = 3

    def __post_init__(self):
        check_types(self, at="guide.")
        between(0, limits.LARGEST_NUMBER, self, "weight", at="guide.")
        between(1, limits.WIDEST, self, "width", at="guide.")
        between(0, limits.DEEPEST, self, "blocks", at="guide.")
        between(1, limits.LARGEST_KERNEL, self, "kernel_size", at="guide.")


@dataclasses.dataclass(frozen=True)
class WaveformConfig:
    """The decoder that gives whole waveforms, a `vqvae_tf.networks.WaveformDecoder`.

    Attributes:
        strides: samples per step of each transposed convolution; their product is the model's
            `stride`.
        widths: channels before each of them, and one more behind the last.
    """

    strides: tuple[int, ...] = (4, 4, 4)
    widths: tuple[int, ...] = (128, 64, 32, 16)

    def __post_init__(self):
        check_types(self, at="waveform.")
        between(1, limits.LONGEST_WINDOW, self, "strides", at="waveform.")
        between(1, limits.WIDEST, self, "widths", at="waveform.")
        if len(self.widths) != len(self.strides) + 1:
            raise UserError(
                f"waveform.widths must hold one number more than the {len(self.strides)} "
                f"waveform.strides; received {self.widths}"
            )


@dataclasses.dataclass(frozen=True)
class AudioConfig(AutoencoderConfig):
    """What a VQ-VAE of sound is and how it is trained.

    Attributes, in addition to those of `AutoencoderConfig`:
        input: what the encoder takes: "waveform"; "mu_law", the waveform companded; or "frames".
        output: what the decoder gives: "mu_law" or "logistic_mixture", samples drawn one by one
            from a WaveNet's distribution over `levels` values; "frames", which become sound by the
            Griffin-Lim algorithm; or "waveform", all samples at once.
        frames: what frames are.
        auxiliary: weight of a decoder of frames beside the decoder proper, on the same codes; 0
            for none. It teaches encoders of waveforms what is said in a tenth of the time.
        frozen_codes: whether encoder and quantizer stay as they are, those of another model:
            only the decoder is trained. `vqvae-train --codes_from` sets it.
        strides: samples (or frames of the input) per step, at each entry of `widths`; their product
            is the number of samples (or frames) per code.
        layer_norm: layer normalisation after each convolution of the encoder. Encoders of
            waveforms that are trained by frames need it.
        warp: in training, the mel axis of most of the encoder's inputs is warped by a factor
            between exp(-warp) and exp(warp), as it is from voice to voice, while the decoder's
            target stays as it is; of waveforms, the time axis. 0 turns it off. The output or the
            input must be frames.
        jitter: in training, the chance that a vector is replaced by one of its two neighbours
            (Chorowski et al. 2019), which makes codes last.
        speaker_adversary: weight of a classifier of speakers whose gradient reaches the encoder
            reversed; 0 for none.
        channels: width of the layers of a decoder of samples, a `vqvae_tf.networks.WaveNet`.
        skip_channels: width of the dense layers before its outputs.
        dilations: of each of its layers, in samples.
        kernel_size: taps of each of its layers.
        mixture_components: logistic distributions per sample, of the output "logistic_mixture".
        guide: frames that the WaveNet hears beside the codes.
        emphasis: weight, from 0 to 0.99, of the sample before, which is subtracted from each
            sample before it is companded. With 0.85 the noise of what the WaveNet draws falls with
            frequency as speech does.
        levels: values of a sample after mu-law companding, which the WaveNet tells apart.
        speakers: names of the voices that the decoder is told apart; none without. The training
            program takes them from the data.
        waveform: of the decoder of whole waveforms.
        sample_rate: in Hz; files that are read and written have it, and frames hang on it.
        window: samples of a training example, a multiple of `stride`.
        data: how sounds are prepared before training examples are cut from them.
    """

    widths: tuple[int, ...] = (64, 64, 128, 128, 128, 128)
    strides: tuple[int, ...] = (2, 2, 2, 2, 2, 2)
    input: str = "waveform"
    output: str = "mu_law"
    frames: FramesConfig = FramesConfig()
    auxiliary: float = 0.0
    frozen_codes: bool = False
    layer_norm: bool = False
    warp: float = 0.0
    jitter: float = 0.0
    speaker_adversary: float = 0.0
    channels: int = 32
    skip_channels: int = 64
    dilations: tuple[int, ...] = tuple(2**i for i in range(10))
    kernel_size: int = 2
    guide: GuideConfig = GuideConfig()
    emphasis: float = 0.0
    levels: int = 256
    mixture_components: int = 10
    waveform: WaveformConfig = WaveformConfig()
    speakers: tuple[str, ...] = ()
    sample_rate: int = 16_000
    window: int = 8_192
    data: SoundDataConfig = SoundDataConfig()

    code_fields: ClassVar[tuple[str, ...]] = (
        "widths",
        "residual_blocks",
        "residual_width",
        "embedding_dim",
        "quantizer",
        "strides",
        "input",
        "frames",
        "layer_norm",
        "speakers",
        "sample_rate",
    )

    def __post_init__(self):
        super().__post_init__()
        between(1, limits.WIDEST, self, "channels", "skip_channels")
        between(1, limits.LARGEST_CODEBOOK, self, "sample_rate")
        between(2, limits.LARGEST_KERNEL, self, "kernel_size")
        between(2, limits.LARGEST_CODEBOOK, self, "levels")
        between(1, limits.LONGEST_WINDOW, self, "dilations")
        between(-limits.LONGEST_WINDOW, limits.LONGEST_WINDOW, self, "strides", "window")
        between(0, 2, self, "warp")
        between(0, 1, self, "jitter")
        between(0, 0.99, self, "emphasis")
        between(0, limits.LARGEST_NUMBER, self, "speaker_adversary", "auxiliary")
        between(1, limits.WIDEST, self, "mixture_components")
        for name, known in (("input", INPUTS), ("output", OUTPUTS)):
            if getattr(self, name) not in known:
                raise UserError(
                    f'unknown {name} "{getattr(self, name)}"; {nearest(getattr(self, name), known)}'
                )
        if len(self.strides) != len(self.widths) or min(self.strides) < 1:
            raise UserError(
                f"strides must hold a positive number for each of the {len(self.widths)} widths; "
                f"received {self.strides}"
            )
        if self.output == "logistic_mixture" and self.levels != 256:
            raise UserError(
                f'levels must be 256 with output "logistic_mixture"; received {self.levels}'
            )
        if self.output == "waveform" and math.prod(self.waveform.strides) != self.stride:
            raise UserError(
                f"the product of waveform.strides must be the {self.stride} samples of a code; "
                f"received {self.waveform.strides}"
            )
        if self.uses_frames and self.stride % self.frames.hop:
            raise UserError(
                f"a code must stand for whole frames: strides {self.strides} make codes of "
                f"{self.stride} samples; frames.hop must divide that, received {self.frames.hop}"
            )
        if self.warp and (self.frozen_codes or "frames" not in (self.input, self.output)):
            raise UserError(
                "warp must be 0 where neither input nor output are frames, or codes are frozen; "
                f"received {self.warp}"
            )
        if self.speaker_adversary and self.frozen_codes:
            raise UserError(
                "speaker_adversary must be 0 where codes are frozen; received "
                f"{self.speaker_adversary}"
            )
        if self.auxiliary and (self.frozen_codes or self.output == "frames"):
            raise UserError(
                "auxiliary must be 0 where the output is frames, or codes are frozen; received "
                f"{self.auxiliary}"
            )
        for name, value in (("guide.weight", self.guide.weight), ("emphasis", self.emphasis)):
            if value and self.output in ("frames", "waveform"):
                raise UserError(
                    f"{name} must be 0 where the output is not a WaveNet's; received {value} with "
                    f"output {self.output}"
                )
        if self.window < 1 or self.window % self.stride:
            below = max(self.window // self.stride, 1) * self.stride
            raise UserError(
                f"window must be a multiple of {self.stride}; received {self.window}, the nearest "
                f"are {below} and {below + self.stride}"
            )
        if self.training.batch_size * self.window > limits.LARGEST_BATCH:
            raise UserError(
                f"a batch must hold at most {limits.LARGEST_BATCH} samples; received "
                f"training.batch_size {self.training.batch_size} with window {self.window}"
            )
        if len(set(self.speakers)) < len(self.speakers):
            raise UserError(f"speakers must be different names; received {self.speakers}")

    @property
    def uses_frames(self) -> bool:
        """Whether the encoder takes frames or some decoder gives them."""
        return "frames" in (self.input, self.output) or self.auxiliary > 0 or self.guide.weight > 0

    @property
    def stride(self) -> int:
        """Samples per code."""
        return math.prod(self.strides) * (self.frames.hop if self.input == "frames" else 1)
