"""Presets of speech: what each reproduces, and what has been reached with it."""

from vqvae_tf.config import TrainingConfig
from vqvae_tf.config.audio import AudioConfig
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.wavenet_prior import WaveNetPriorConfig


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
        training=TrainingConfig(
            steps=4_000,
            batch_size=8,
            learning_rate=1e-3,
            schedule="cosine",
            warmup_steps=50,
            final_learning_rate=0.03,
            clip_norm=1.0,
        ),
    )


def speech_prior() -> WaveNetPriorConfig:
    """The prior over the codes of `speech`: a WaveNet that sees five seconds, told who speaks."""
    return WaveNetPriorConfig(
        code_sizes=(128,),
        condition="speaker",
        num_classes=1,
        length=100,
        training=TrainingConfig(
            steps=2_000,
            batch_size=16,
            learning_rate=1e-3,
            schedule="cosine",
            warmup_steps=30,
            final_learning_rate=0.03,
            clip_norm=1.0,
        ),
    )
