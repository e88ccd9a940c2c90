import dataclasses
import itertools
import logging
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small import AUTOENCODER, GROUPED, picture
from vqvae_tf import layers, training
from vqvae_tf.config import DataConfig, TrainingConfig
from vqvae_tf.config.pixels import LIKELIHOODS
from vqvae_tf.errors import UserError
from vqvae_tf.models import ImageVQVAE, QuantizerConfig

KINDS = ("ema", "loss")


def build(**changes):
    return ImageVQVAE(dataclasses.replace(AUTOENCODER, **changes))


def batch(count=4, height=16, width=16, channels=3):
    return np.stack([picture(height, width, seed, channels) for seed in range(count)])


@pytest.fixture(scope="module")
def model():
    model = build()
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(_steps(batch()), steps_per_epoch=20, verbose=0)
    return model


def _steps(images):
    return tf.data.Dataset.from_tensors({"image": images}).repeat()


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 9), (7, 2), (16, 16), (21, 30), (113, 75), (451, 300)]
)
def test_any_size_is_continued_by_reflection_and_cropped_back(model, height, width):
    images = batch(2, height, width)
    codes = model.encode(images)
    assert codes.shape == (2, -(-height // 4), -(-width // 4)) and codes.dtype == tf.int32
    padded = np.pad(images, [(0, 0), (0, -height % 4), (0, -width % 4), (0, 0)], "reflect")
    np.testing.assert_array_equal(codes, model.encode(padded))
    decoded = model.decode(codes)
    reconstructed = model.reconstruct(images)
    assert reconstructed.shape == images.shape and reconstructed.dtype == tf.uint8
    np.testing.assert_array_equal(reconstructed, decoded[:, :height, :width])


@pytest.mark.parametrize("changes", [GROUPED, {"likelihood": "categorical"}])
def test_traced_for_any_size_it_is_the_same(changes):
    model = build(**changes)
    traced = tf.function(
        model.reconstruct, input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)]
    )
    for height, width in ((1, 1), (7, 18), (16, 16)):
        images = batch(2, height, width)
        difference = traced(images).numpy().astype(int) - model.reconstruct(images).numpy()
        # The graph's sums may round otherwise in the last bit, which can tip a pixel's rounding.
        assert np.abs(difference).max() <= 1


def test_several_codes_a_place():
    model = build(**GROUPED)
    codes = model.encode(batch(2, 9, 16))
    assert codes.shape == (2, 3, 4, 3)
    assert model.decode(codes).shape == (2, 12, 16, 3)
    assert model.averaged_variables and model.code_vectors.shape == (16, 2)


def test_grey_pictures():
    model = build(data=DataConfig(image_size=16, channels=1))
    images = batch(channels=1)
    assert model.reconstruct(images).shape == images.shape


def test_pixels_outside_decode_to_black_and_white(model):
    vectors = tf.fill([1, 2, 2, 2], 1e4)
    outputs = model.likelihood.mean(model.decoder(vectors))
    assert tf.reduce_min(outputs) >= -0.5 and tf.reduce_max(outputs) <= 0.5


@pytest.mark.parametrize(
    ("quantizer", "likelihood"), itertools.product(("ema", "loss"), LIKELIHOODS)
)
def test_the_terms_sum_to_the_loss(quantizer, likelihood):
    model = build(
        quantizer=QuantizerConfig(kind=quantizer, num_embeddings=(16,)), likelihood=likelihood
    )
    losses = model.compute_losses({"image": batch()})
    losses = {name: float(value) for name, value in losses.items()}
    assert 1.0 <= losses.pop("perplexity") <= 16.0
    terms = losses.keys() - {"loss"}
    assert terms == {"reconstruction", *model.quantizer.loss_names}
    # Three float32 numbers, each rounded to 1e-7 of itself.
    assert losses.pop("loss") == pytest.approx(sum(losses.values()), rel=1e-6)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_plain_fit_trains_every_likelihood_and_bits_fall(likelihood):
    images = batch()
    model = build(likelihood=likelihood)
    # Compiled by XLA once, as Keras does by itself; it takes long.
    compiler = "auto" if likelihood == "logistic_mixture" else False
    model.compile(keras.optimizers.Adam(0.01), jit_compile=compiler)
    before = model.bits({"image": images})
    history = model.fit(_steps(images), steps_per_epoch=10, epochs=3, verbose=0).history
    after = model.bits({"image": images})
    assert set(history) == {"loss", "reconstruction", *model.quantizer.loss_names, "perplexity"}
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    assert tf.reduce_all(after["total"] < before["total"])
    assert tf.reduce_all(after["latent"] == before["latent"])


@pytest.mark.parametrize(("changes", "slots"), [({}, 1), (GROUPED, 3)])
def test_bits_are_the_likelihood_s_and_log_k_a_code(changes, slots):
    model = build(**changes)
    images = batch(2, 9, 14)
    bits = model.bits({"image": images})
    assert int(bits["dimensions"]) == 9 * 14 * 3
    # 3 x 4 places of log2 16 = 4 bits: whole numbers, exact in float32.
    np.testing.assert_array_equal(bits["latent"], [3 * 4 * slots * 4.0] * 2)
    vectors = model.quantizer.decode(model.encode(images))
    outputs = model.decoder(tf.reshape(vectors, [2, 3, 4, -1])).numpy()[:, :9, :14]
    sigma = np.sqrt(model.likelihood.variance.numpy().astype(float)) * 255
    expected = [_normal_bits(o, i, sigma) for o, i in zip(outputs, images, strict=True)]
    # The mass is a difference of two float32 cumulative values, each rounded to 6e-8: with sigma
    # above 40 steps the mass is some 1e-2, so each pixel's bits are right to about 1e-5.
    np.testing.assert_allclose(bits["reconstruction"], expected, rtol=1e-4)
    np.testing.assert_allclose(bits["total"], bits["reconstruction"] + bits["latent"], rtol=1e-7)


def _normal_bits(outputs, pixels, sigma):
    """-log2 of the mass of 8-bit values under a Normal, tails folded in, in float64."""
    mean = (outputs.astype(float) + 0.5) * 255
    erf = np.vectorize(math.erf)
    upper = np.where(pixels == 255, 1.0, 0.5 + 0.5 * erf((pixels + 0.5 - mean) / sigma / 2**0.5))
    lower = np.where(pixels == 0, 0.0, 0.5 + 0.5 * erf((pixels - 0.5 - mean) / sigma / 2**0.5))
    return -np.log2(upper - lower).sum()


def test_evaluate_and_fit_take_bare_pictures_too(model):
    images = batch(8)
    found = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    expected = model.compute_losses({"image": images})
    for name, value in found.items():  # the same sums, in a graph and eagerly
        assert value == pytest.approx(float(expected[name]), rel=1e-5), name


def test_saved_and_loaded_as_keras_file(model, tmp_path):
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.config == model.config
    for before, after in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)
    images = batch(2, 21, 30)
    np.testing.assert_array_equal(model.encode(images), loaded.encode(images))
    np.testing.assert_array_equal(model.reconstruct(images), loaded.reconstruct(images))


def test_mixed_precision_trains_and_its_codes_are_those_of_float32(model):
    mixed = build(training=TrainingConfig(precision="mixed_bfloat16"))
    assert mixed.encoder.compute_dtype == "bfloat16"
    mixed.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = mixed.fit(_steps(batch()), steps_per_epoch=10, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert all(variable.dtype != "bfloat16" for variable in mixed.variables)
    mixed.quantizer.load_codebook(model.quantizer.codebook)
    latents = tf.random.stateless_normal([4, 9, 9, 2], [0, 1])
    np.testing.assert_array_equal(mixed.quantizer.encode(latents), model.quantizer.encode(latents))
    images = batch(2, 7, 9)
    assert mixed.reconstruct(images).dtype == tf.uint8
    np.testing.assert_array_equal(
        mixed.decode(mixed.encode(images))[:, :7, :9], mixed.reconstruct(images)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_weight_averaging_leaves_the_codebook_out(kind):
    model = build(quantizer=QuantizerConfig(kind=kind), likelihood="normal_learned")
    assert isinstance(model.quantizer, layers.Quantizer)
    averaged = [variable.path for variable in model.averaged_variables]
    trained = [variable.path for variable in model.trainable_variables]
    own = [variable.path for variable in model.quantizer.trainable_variables]
    assert averaged == [path for path in trained if path not in own]
    assert any("log_scale" in path for path in averaged)
    assert len(own) == (kind == "loss")


def test_summaries_show_pictures_beside_their_reconstructions(model):
    images = batch(12)
    summaries = model.summaries({"image": images})
    shown = summaries.images["reconstructions"]
    assert shown.shape == (8, 16, 32, 3) and shown.dtype == tf.uint8
    np.testing.assert_array_equal(shown[:, :, :16], images[:8])
    assert summaries.histograms["codes"].shape == (8, 4, 4)


@pytest.mark.parametrize("shape", [(0, 8, 12, 3), (1, 0, 8, 3), (1, 8, 0, 3)])
def test_an_empty_batch_is_refused(model, shape):
    with pytest.raises(UserError, match="pictures must not be empty; received"):
        model.reconstruct(np.zeros(shape, np.uint8))
    with pytest.raises(UserError, match="codes must not be empty; received"):
        model.decode(np.zeros(shape[:3], np.int32))


def test_the_loop_warns_of_a_codebook_that_lies_idle(tmp_path, caplog):
    idle = build(quantizer=QuantizerConfig(num_embeddings=(16,), revival_threshold=0.0, decay=0.5))
    idle.quantizer.load_codebook(1000.0 + np.arange(32.0).reshape(16, 2))  # one is the nearest
    config = dataclasses.replace(AUTOENCODER.training, steps=10)
    with caplog.at_level(logging.WARNING, logger="absl"):
        training.train(idle, lambda step: _steps(batch()), config, str(tmp_path))
    assert "step 10: 6 % of the codes of" in caplog.text
