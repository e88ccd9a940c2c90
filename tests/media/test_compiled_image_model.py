import dataclasses
import zlib

import numpy as np
import pytest

from tests.small import AUTOENCODER, GROUPED, picture
from vqvae_tf import models
from vqvae_tf.config import DataConfig
from vqvae_tf.media import evaluation
from vqvae_tf.media.compiled_image_model import CompiledImageModel

TWO_LEVEL = models.TwoLevelConfig(
    widths=(4, 8),
    upper_width=8,
    residual_width=4,
    embedding_dim=2,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    data=DataConfig(image_size=16),
)
CASES = {
    "image": AUTOENCODER,
    "deep": dataclasses.replace(
        AUTOENCODER, widths=(4, 8, 8), residual_blocks=3, data=DataConfig(image_size=16)
    ),
    "plain": dataclasses.replace(
        AUTOENCODER,
        residual_blocks=0,
        final_convolution=False,
        **GROUPED,
    ),
    "mixture": dataclasses.replace(
        AUTOENCODER, likelihood="logistic_mixture", mixture_components=2
    ),
    "two levels": TWO_LEVEL,
}


def lively(config, image):
    """A model of that configuration whose codes differ from place to place."""
    family = models.TwoLevelVQVAE if config is TWO_LEVEL else models.ImageVQVAE
    model = family(config)
    for variable in model.variables:
        draws = np.random.default_rng(zlib.crc32(variable.path.encode()))
        if variable.path.endswith("kernel"):
            deviation = 1.5 * np.prod(variable.shape[:-1]) ** -0.5
            variable.assign(draws.normal(0, deviation, variable.shape))
        elif variable.path.endswith("codebook"):
            variable.assign(draws.normal(0, 0.3, variable.shape))
    assert len(np.unique(model.encode(image))) > 4
    return model


@pytest.mark.parametrize("config", CASES.values(), ids=CASES.keys())
def test_pieces_are_encoded_decoded_and_measured_as_the_whole(config):
    image = np.stack([picture(163, 230), picture(163, 230)[:, ::-1]])
    model = lively(config, image)
    whole, parts = CompiledImageModel(model), CompiledImageModel(model, piece_pixels=2 * 40 * 40)
    codes = whole.encode(image)
    # Sums may round otherwise in a picture of another size; next to a tie that tips a code.
    assert (parts.encode(image) != codes).mean() < 1e-3
    assert (model.encode(image).numpy() != codes).mean() < 1e-3
    difference = parts.decode(codes).astype(int) - whole.decode(codes)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3
    bits = whole.bits({"image": image}, codes)["reconstruction"]
    np.testing.assert_allclose(
        parts.bits({"image": image}, codes)["reconstruction"], bits, rtol=1e-5
    )
    eager = model.bits({"image": image}, codes)["reconstruction"]
    np.testing.assert_allclose(eager, bits, rtol=1e-6)  # a float32 sum traced and not


def test_the_reach_is_needed():
    image = picture(163, 230)[None]
    model = lively(AUTOENCODER, image)
    short = CompiledImageModel(model, piece_pixels=40 * 40)
    short._reach = 1
    assert (short.encode(image) != model.encode(image).numpy()).mean() > 1e-2


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (3, 3), (64, 65)])
def test_narrow_pictures(size):
    image = picture(*size)[None]
    model = lively(AUTOENCODER, picture(64, 64)[None])
    parts = CompiledImageModel(model, piece_pixels=256)
    codes = model.encode(image).numpy()
    assert (parts.encode(image) != codes).mean() < 0.02
    np.testing.assert_allclose(
        parts.bits({"image": image}, codes)["reconstruction"],
        model.bits({"image": image}, codes)["reconstruction"],
        rtol=1e-5,
    )


def test_a_set_is_measured_the_same_in_pieces():
    model = lively(AUTOENCODER, picture(64, 64)[None])
    pictures = [{"name": str(n), "image": picture(90 + n, 120)} for n in range(2)]
    whole, parts = (
        evaluation.evaluate(each, pictures, code_sizes=(16,))
        for each in (model, CompiledImageModel(model, piece_pixels=32 * 32))
    )
    for name in ("mse", "psnr", "ssim", "perplexity", "bits_per_dimension"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-4), name
