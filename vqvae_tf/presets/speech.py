"""Presets of speech: what each reproduces, and what has been reached with it."""

import dataclasses

from vqvae_tf.config import TrainingConfig
from vqvae_tf.config.audio import AudioConfig, FramesConfig, GuideConfig, WaveformConfig
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.wavenet_prior import WaveNetPriorConfig

_TRAINING = TrainingConfig(
    steps=4_000,
    batch_size=8,
    learning_rate=1e-3,
    schedule="cosine",
    warmup_steps=50,
    final_learning_rate=0.03,
    clip_norm=1.0,
)


def speech() -> AudioConfig:
    """Speech at 16 kHz to 50 codes of 128 a second, small enough for a CPU.

    The paper's form (section 4.3): the loss of a WaveNet decoder and of the quantizer, nothing
    else; its own strides are six of 2, its networks far larger, its numbers of steps not printed.
    Speakers are the sub-folders of the data. results/speech.md has what its first 1,500
    steps reach; no longer run was made.
    """
    return AudioConfig(
        widths=(64, 96, 128, 128),
        strides=(5, 4, 4, 4),
        residual_width=64,
        quantizer=QuantizerConfig(num_embeddings=(128,)),
        channels=16,
        skip_channels=32,
        window=5_120,
        training=_TRAINING,
    )


def phonemes() -> AudioConfig:
    """Speech at 16 kHz to 25 codes of 128 a second that are close to phones.

    The rate and the codebook of the paper's measurement (section 4.3). Encoder and decoder work on
    frames of 20 cepstra without their speaker's mean and deviation; the encoder's input is warped
    and the decoder told the speaker, which together keep voices out of the codes. Trains on two
    cores in minutes. results/audio.md has its accuracy.
    """
    return AudioConfig(
        widths=(128,),
        strides=(4,),
        residual_width=128,
        quantizer=QuantizerConfig(num_embeddings=(128,)),
        input="frames",
        output="frames",
        warp=0.3,
        speaker_adversary=0.02,
        window=20_480,
        training=dataclasses.replace(_TRAINING, steps=6_000, batch_size=32, beta_2=0.99),
    )


def phonemes_from_waveforms() -> AudioConfig:
    """The codes of `phonemes` from raw waveforms, as in the paper, but with cepstra as the target.

    The encoder has layer normalisation, and its input is played faster or slower. A decoder of
    waveforms is then trained on these codes with `--codes_from`.
    """
    return AudioConfig(
        widths=(64, 96, 128, 128, 128),
        strides=(10, 4, 4, 2, 2),
        residual_width=128,
        quantizer=QuantizerConfig(num_embeddings=(128,)),
        output="frames",
        frames=FramesConfig(by_speaker=False),
        layer_norm=True,
        warp=0.25,
        window=20_480,
        training=dataclasses.replace(_TRAINING, steps=6_000, batch_size=16, beta_2=0.99),
    )


def voices() -> AudioConfig:
    """A fast decoder of waveforms for the codes of `phonemes`.

    Trained with `--codes_from`, or alone, then with an encoder of its own.
    """
    return dataclasses.replace(
        phonemes(),
        output="waveform",
        warp=0.0,
        speaker_adversary=0.0,
        waveform=WaveformConfig(strides=(8, 5, 4, 4), widths=(192, 128, 64, 32, 16)),
        training=dataclasses.replace(_TRAINING, steps=6_000, batch_size=8),
    )


def wavenet_voices() -> AudioConfig:
    """A WaveNet for the codes of `phonemes_from_waveforms`: the paper's form in two stages.

    Trained with `--codes_from`. At 25 codes a second a WaveNet learns what the codes say far sooner
    from frames that a guide makes of them. The rate is constant and the weights are averaged, so
    that a run can be stopped, or go on, at any step.
    """
    return dataclasses.replace(
        phonemes_from_waveforms(),
        output="mu_law",
        warp=0.0,
        channels=24,
        skip_channels=64,
        guide=GuideConfig(weight=1.0),
        emphasis=0.85,
        window=7_680,
        training=dataclasses.replace(
            _TRAINING,
            steps=8_000,
            batch_size=4,
            learning_rate=3e-3,
            schedule="constant",
            weight_averaging=0.998,
        ),
    )


def vctk() -> AudioConfig:
    """The paper's form for VCTK (section 4.3): 64 samples a code, K = 512, told who speaks.

    Encoder of six convolutions of stride 2 and window 4, WaveNet of three stacks of ten layers. The
    paper prints neither widths nor steps. For GPUs; not trained here.
    """
    return AudioConfig(
        widths=(128,) * 6,
        strides=(2,) * 6,
        residual_width=128,
        quantizer=QuantizerConfig(num_embeddings=(512,)),
        channels=128,
        skip_channels=256,
        dilations=tuple(2**i for i in range(10)) * 3,
        window=7_680,
        training=dataclasses.replace(_TRAINING, steps=500_000, batch_size=32, learning_rate=2e-4),
    )


def librispeech() -> AudioConfig:
    """The paper's form for long recordings: 128 samples a code, so that 2.56 s are 320 codes.

    As `vctk` with one more stride of 2, without speakers unless the data have them. For GPUs; not
    trained here.
    """
    return dataclasses.replace(vctk(), widths=(128,) * 7, strides=(2,) * 7)


def speech_prior() -> WaveNetPriorConfig:
    """The prior over the codes of `speech`: a WaveNet that sees five seconds, told who speaks."""
    return WaveNetPriorConfig(
        code_sizes=(128,),
        condition="speaker",
        num_classes=1,
        length=100,
        training=dataclasses.replace(_TRAINING, steps=2_000, batch_size=16, warmup_steps=30),
    )


def librispeech_prior() -> WaveNetPriorConfig:
    """The prior over the codes of `librispeech`: 40,960 samples are 320 codes. For GPUs."""
    return dataclasses.replace(
        speech_prior(),
        code_sizes=(512,),
        length=320,
        channels=128,
        skip_channels=256,
        training=dataclasses.replace(speech_prior().training, steps=200_000, batch_size=32),
    )
