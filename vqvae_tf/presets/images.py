"""Presets for pictures."""

import dataclasses

from vqvae_tf.config import DataConfig, TrainingConfig
from vqvae_tf.config.image import ImageConfig
from vqvae_tf.config.pixelcnn_prior import PixelCNNPriorConfig
from vqvae_tf.config.quantizer import QuantizerConfig
from vqvae_tf.config.two_level import TwoLevelConfig, TwoLevelPriorConfig


def photos() -> ImageConfig:
    """The demo: 32x32 tiles of photographs to 8x8 codes, in minutes on two cores.

    A quarter of the tiles is recoloured, to generalise to unseen palettes. Results on
    `embedded:photos` over three seeds (results/image.md): 28.4 dB on held-out regions, 23.5 dB on
    unseen photographs (29.0 and 24.0 from codes by `CodeSearch`), 94 to 98 % of the codes in
    use, after 200 s of one core.
    """
    return ImageConfig(
        widths=(32, 64),
        final_convolution=False,
        embedding_dim=8,
        quantizer=QuantizerConfig(decay=0.99, revival_count=1.0),
        data_variance=0.073,
        data=DataConfig(image_size=32, half_size_share=0.3, recolour_share=0.25),
        training=TrainingConfig(
            steps=16_000,
            batch_size=8,
            learning_rate=2e-3,
            schedule="cosine",
            warmup_steps=50,
            final_learning_rate=0.02,
            beta_2=0.99,
        ),
    )


def cifar10() -> ImageConfig:
    """The paper's CIFAR-10 model (section 4.1): 32x32 pictures to 8x8x10 codes.

    From the paper: two strided 4x4 convolutions, two residual 3x3 blocks, 256 units throughout,
    Adam at 2e-4, batch 128, 250,000 steps, 8x8x10 latents, beta 0.25. The paper does not state
    D, K for this data set, the likelihood or the quantizer's training. Our choices are 64, 512, a
    mixture of ten discretised logistics (a squared error can hardly reach its 4.67 bits per
    dimension), the loss of equation 3 (the paper says that it did not use the moving averages),
    and one codebook for all ten codes of a place.
    """
    return ImageConfig(
        widths=(256, 256),
        residual_width=256,
        final_convolution=False,
        embedding_dim=640,
        quantizer=QuantizerConfig(kind="loss", groups=10, shared_codebook=True),
        likelihood="logistic_mixture",
        data=DataConfig(image_size=32),
        training=TrainingConfig(steps=250_000, batch_size=128, learning_rate=2e-4),
    )


def sonnet() -> ImageConfig:
    """The sizes of Sonnet's example (`vqvae_example.ipynb`): 32x32 pictures to 8x8 codes.

    128 units, residual blocks of 32, K = 512, D = 64, moving averages with decay 0.99, Adam at
    3e-4, batch 32, 10,000 steps, and the variance of CIFAR-10's pixels in the loss. Revival of
    dead codes, which the example does not have, is on. Results on `embedded:photos` (one seed,
    results/image.md): 28.6 dB on held-out regions, 23.4 dB on unseen photographs, after 946 s
    of one core.
    """
    return ImageConfig(
        widths=(64, 128),
        quantizer=QuantizerConfig(decay=0.99),
        data_variance=0.06327,
        data=DataConfig(image_size=32),
        training=TrainingConfig(steps=10_000, batch_size=32, learning_rate=3e-4),
    )


def imagenet() -> ImageConfig:
    """The paper's ImageNet model (section 4.2): 128x128 pictures to 32x32 codes, K = 512.

    The squared error and the size of the grid are from the paper; 128 units, residual blocks of
    32 and batch 128 are from a comment in Sonnet's code; steps and learning rate are our choices.
    """
    return ImageConfig(
        widths=(64, 128),
        quantizer=QuantizerConfig(decay=0.99),
        data=DataConfig(image_size=128),
        training=TrainingConfig(steps=250_000, batch_size=128, learning_rate=2e-4),
    )


def dmlab() -> ImageConfig:
    """The paper's DeepMind Lab model (section 4.2): 84x84 frames to 21x21 codes, K = 512.

    The paper calls it the same experiment as ImageNet's, so the sizes are the same. Frames are not
    mirrored, since left and right are actions.
    """
    return ImageConfig(
        widths=(64, 128),
        quantizer=QuantizerConfig(decay=0.99),
        data=DataConfig(image_size=84, flip=False),
        training=TrainingConfig(steps=250_000, batch_size=128, learning_rate=2e-4),
    )


def photos_prior() -> PixelCNNPriorConfig:
    """The demo's prior: crops of 16x16 codes, with the photograph as class.

    A fifth of its maps comes from recoloured photographs and has no class. Results over three seeds
    on the codes of `photos` (results/image.md): 3.98 bits per code on held-out regions and 5.17 on
    unseen photographs (log2 K is 9), after 211 s of one core.
    """
    return PixelCNNPriorConfig(
        code_dim=8,
        num_classes=13,
        data=DataConfig(recolour_share=0.25, recolour_strength=0.5),
        training=TrainingConfig(
            steps=2_500,
            batch_size=4,
            learning_rate=1.2e-3,
            schedule="cosine",
            warmup_steps=30,
            final_learning_rate=0.03,
            clip_norm=1.0,
        ),
    )


def photos_two_level() -> TwoLevelConfig:
    """Two levels on the demo's photographs: 32x32 tiles to 4x4 upper and 8x8 lower codes.

    The networks, data and optimizer are those of `photos`, with an upper level (VQ-VAE-2). Results
    on `embedded:photos` (one seed, results/priors.md): 28.9 dB on held-out regions, 24.0 dB on
    unseen photographs, after 273 s of one core.
    """
    lower = photos()
    return TwoLevelConfig(
        widths=lower.widths,
        upper_width=64,
        final_convolution=lower.final_convolution,
        embedding_dim=lower.embedding_dim,
        quantizer=lower.quantizer,
        data_variance=lower.data_variance,
        data=lower.data,
        training=lower.training,
    )


def photos_two_level_prior() -> TwoLevelPriorConfig:
    """The prior over both grids of `photos_two_level`: crops of 8x8 upper and 16x16 lower codes.

    Results (one seed, results/priors.md): 4.71 bits per code on held-out regions, 5.40 on
    unseen photographs (log2 K is 9), after 334 s of one core.
    """
    one = photos_prior()
    return TwoLevelPriorConfig(
        code_dim=one.code_dim,
        num_classes=one.num_classes,
        data=one.data,
        training=one.training,
    )


def digits() -> ImageConfig:
    """Handwritten digits, 32x32 grey pictures to 8x8 codes of 64: small and fast.

    For `embedded:digits`; digits are not mirrored. Results (one seed, results/priors.md): 45.2 dB
    on the test digits, after 38 s of one core.
    """
    return ImageConfig(
        widths=(32, 64),
        final_convolution=False,
        embedding_dim=8,
        quantizer=QuantizerConfig(num_embeddings=(64,)),
        data_variance=0.12,
        data=DataConfig(image_size=32, channels=1, flip=False),
        training=dataclasses.replace(photos().training, steps=3_000),
    )


def digits_prior() -> PixelCNNPriorConfig:
    """The prior over the codes of `digits`: whole pictures, with the digit as class.

    Results (one seed, results/priors.md): 2.87 bits per code on the test digits (log2 K is 6),
    after 265 s of one core; a classifier of real digits recognises 94 % of the samples as the
    requested digit.
    """
    return PixelCNNPriorConfig(
        code_sizes=(64,),
        code_dim=8,
        num_classes=10,
        dropout=0.2,
        grid=8,
        data=DataConfig(channels=1, flip=False),
        training=dataclasses.replace(photos_prior().training, steps=3_000, batch_size=16),
    )
