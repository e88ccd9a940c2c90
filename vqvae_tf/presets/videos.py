"""Presets of videos."""

import dataclasses

from vqvae_tf.config import TrainingConfig, VideoDataConfig
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.video import VideoConfig
from vqvae_tf.config.video_prior import VideoPriorConfig


def labmaze() -> VideoConfig:
    """Walks through DeepMind Lab's mazes, 64x64 frames to 16x16 codes of 512: small and fast.

    For `embedded:labmaze`. The frames have a ninth of the pixels of the paper's, the grid half of
    its codes.
    """
    return VideoConfig(
        widths=(32, 64),
        embedding_dim=32,
        quantizer=QuantizerConfig(decay=0.99, revival_count=1.0),
        data_variance=0.05,
        training=TrainingConfig(
            steps=8_000,
            batch_size=8,
            learning_rate=1e-3,
            schedule="cosine",
            warmup_steps=50,
            final_learning_rate=0.03,
        ),
    )


def labmaze_space_time() -> VideoConfig:
    """The space-time form of `labmaze`, trained on as many frames as a pixel depends on."""
    config = labmaze()
    return dataclasses.replace(
        config,
        form="space_time",
        window=9,
        training=dataclasses.replace(config.training, steps=4_000),
    )


def doom() -> VideoConfig:
    """Walks through the rooms of ViZDoom, 64x64 frames to 16x16 codes of 512: small and fast.

    For `embedded:doom`; the networks of `labmaze`.
    """
    return dataclasses.replace(labmaze(), data_variance=0.02)


def labmaze_prior() -> VideoPriorConfig:
    """The prior over the codes of `labmaze`, told the actions: ten frames follow six."""
    return VideoPriorConfig(
        num_classes=1,
        flow_channels=64,
        unroll=4,
        guidance=3.0,
        training=TrainingConfig(
            steps=1_500,
            batch_size=8,
            learning_rate=2e-3,
            schedule="cosine",
            warmup_steps=50,
            final_learning_rate=0.03,
            beta_2=0.99,
            clip_norm=1.0,
        ),
    )


def doom_prior() -> VideoPriorConfig:
    """The prior over the codes of `doom`: that of `labmaze`."""
    return labmaze_prior()


def video() -> VideoConfig:
    """The paper's model of DeepMind Lab (section 4.4): 84x84 frames to 21x21 codes of 512.

    The grid is that of section 4.2; 128 units and residual blocks of 32 are those of Sonnet's
    example; batch, steps and learning rate are our choices.
    """
    return VideoConfig(
        widths=(64, 128),
        quantizer=QuantizerConfig(decay=0.99),
        data=VideoDataConfig(image_size=84),
        training=TrainingConfig(steps=250_000, batch_size=128, learning_rate=2e-4),
    )


def video_prior() -> VideoPriorConfig:
    """The prior over the codes of `video`: six frames of 21x21 codes, then ten sampled ones.

    The paper prints neither its form nor its size; ours is that of `labmaze_prior`, larger. For
    GPUs.
    """
    return VideoPriorConfig(
        num_classes=1,
        unroll=4,
        guidance=3.0,
        code_dim=64,
        grid=(21, 21),
        channels=128,
        layers=12,
        condition_channels=128,
        flow_channels=64,
        training=dataclasses.replace(
            labmaze_prior().training, steps=100_000, batch_size=32, learning_rate=5e-4
        ),
    )
