import numpy as np
import pytest

from vqvae_tf import models
from vqvae_tf.errors import UserError
from vqvae_tf.presets import PRESETS, preset

# Name -> shape of the codes of one training tile, and D.
IMAGE_PRESETS = {
    "photos": ((8, 8), 8),
    "photos_two_level": ((4, 4, 5), 8),
    "cifar10": ((8, 8, 10), 64),
    "sonnet": ((8, 8), 64),
    "imagenet": ((32, 32), 64),
    "dmlab": ((21, 21), 64),
    "digits": ((8, 8), 8),
}


@pytest.mark.parametrize("name", IMAGE_PRESETS)
def test_a_tile_has_the_codes_that_the_docstring_says(name):
    config = preset(name)
    model = models.build(models.family_of(config), config)
    shape, dim = IMAGE_PRESETS[name]
    size = config.data.image_size
    channels = config.data.channels
    codes = model.encode(np.zeros([1, size, size, channels], np.uint8))
    assert codes.shape == (1, *shape)
    assert model.code_vectors.shape[-2:] == (model.code_sizes[0], dim)
    if name != "imagenet":  # the largest decoder, and like the others
        assert model.decode(codes).shape == (1, size, size, channels)


def _parameters(layer):
    return sum(int(np.prod(weight.shape)) for weight in layer.weights)


def _convolution(window, inputs, outputs):
    return window**2 * inputs * outputs + outputs


def test_sonnet_has_its_example_s_weights():
    model = models.build("image", preset("sonnet"))
    residual = 2 * (_convolution(3, 128, 32) + _convolution(1, 32, 128))
    assert _parameters(model.encoder) == (
        _convolution(4, 3, 64) + _convolution(4, 64, 128) + _convolution(3, 128, 128)
        + residual + _convolution(1, 128, 64)
    )  # fmt: skip
    assert _parameters(model.decoder) == (
        _convolution(3, 64, 128) + residual + _convolution(4, 128, 64) + _convolution(4, 64, 3)
    )


def test_cifar10_is_256_wide_throughout():
    config = preset("cifar10")
    model = models.build(models.family_of(config), config)
    residual = 2 * (_convolution(3, 256, 256) + _convolution(1, 256, 256))
    assert _parameters(model.encoder) == (
        _convolution(4, 3, 256) + _convolution(4, 256, 256) + residual
        + _convolution(1, 256, 10 * 64)
    )  # fmt: skip
    assert model.quantizer.quantizers[0].commitment_cost == 0.25
    training = config.training
    assert (training.learning_rate, training.batch_size, training.steps) == (2e-4, 128, 250_000)


@pytest.mark.parametrize("name", ["photos", "photos_two_level", "digits"])
def test_priors_fit_their_autoencoders(name):
    autoencoder, prior = preset(name), preset(f"{name}_prior")
    assert prior.code_dim == autoencoder.embedding_dim
    model = models.build(models.family_of(autoencoder), autoencoder)
    assert prior.code_sizes == model.code_sizes
    built = models.build(models.family_of(prior), prior)
    assert built.sample(count=1, grid=(2, 2)).shape[:3] == (1, 2, 2)


def test_every_preset_says_what_it_is():
    for name, make in PRESETS.items():
        assert make.__doc__ and make.__name__ == name
    assert set(PRESETS) == {
        *IMAGE_PRESETS,
        "photos_prior",
        "photos_two_level_prior",
        "digits_prior",
        "speech",
        "speech_prior",
        "phonemes",
        "phonemes_from_waveforms",
        "voices",
        "wavenet_voices",
        "vctk",
        "librispeech",
        "librispeech_prior",
        *VIDEO_PRESETS,
        *VIDEO_PRIORS,
    }


VIDEO_PRESETS = {
    "labmaze": (64, 16),
    "labmaze_space_time": (64, 16),
    "doom": (64, 16),
    "video": (84, 21),
}
VIDEO_PRIORS = ("labmaze_prior", "doom_prior", "video_prior")


@pytest.mark.parametrize("name", VIDEO_PRESETS)
def test_a_frame_has_the_codes_that_the_docstring_says(name):
    config = preset(name)
    model = models.build(models.family_of(config), config)
    size, side = VIDEO_PRESETS[name]
    assert config.data.image_size == size
    codes = model.encode(np.zeros([1, 1, size, size, 3], np.uint8))
    assert codes.shape == (1, 1, side, side) and model.code_sizes == (512,)
    prior = preset(name.removesuffix("_space_time") + "_prior")
    assert prior.grid == (side, side) and prior.code_dim == config.embedding_dim
    assert prior.code_sizes == model.code_sizes


def test_speech_has_fifty_codes_a_second_and_a_prior_that_fits():
    config, prior = preset("speech"), preset("speech_prior")
    assert config.sample_rate / config.stride == 50
    model = models.build(models.family_of(config), config)
    codes = model.encode(np.zeros([1, config.window], np.float32))
    assert codes.shape == (1, config.window // config.stride)
    assert prior.code_sizes == model.code_sizes
    built = models.build(models.family_of(prior), prior)
    assert built.grid_rank == model.grid_rank
    assert built.network.receptive_field > prior.length


@pytest.mark.parametrize(
    ("name", "samples", "codes"),
    [
        ("phonemes", 16_000, 25),
        ("phonemes_from_waveforms", 16_000, 25),
        ("voices", 16_000, 25),
        ("wavenet_voices", 16_000, 25),
        ("vctk", 640, 10),
        ("librispeech", 40_960, 320),
    ],
)
def test_rates_of_the_presets_of_speech(name, samples, codes):
    """The paper's: 25 codes a second, 64 samples a code, 40,960 samples to 320 codes."""
    config = preset(name)
    assert samples / config.stride == codes and config.sample_rate == 16_000
    if name.startswith("p") or name.endswith("voices"):
        assert config.quantizer.num_embeddings == (128,)
        model = models.build(models.family_of(config), config)
        assert model.encode(np.zeros([1, samples], np.float32)).shape == (1, codes)
    else:
        assert config.quantizer.num_embeddings == (512,) and set(config.strides) == {2}


def test_an_unknown_preset_shows_the_nearest():
    with pytest.raises(UserError, match='unknown preset "photo"; nearest: photos'):
        preset("photo")
