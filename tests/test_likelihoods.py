"""Likelihoods against float64 oracles, against their own samples, and as layers that are saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from vqvae_tf import likelihoods

LN2 = np.log(2.0)


def all_likelihoods():
    return {
        "normal_fixed": likelihoods.Normal(),
        "normal_learned": likelihoods.Normal(scale="learned"),
        "mixture": likelihoods.LogisticMixture(components=3),
        "categorical": likelihoods.Categorical(),
    }


@pytest.fixture(params=sorted(all_likelihoods()))
def likelihood(request):
    return all_likelihoods()[request.param]


def normal_log_mass(mean, sigma, values):
    """Float64 oracle: differences taken on the side where the cumulative function is small."""
    mean, values = np.float64(mean) * 255 + 127.5, np.float64(values)
    upper = np.where(values == 255, np.inf, (values + 0.5 - mean) / (sigma * 255))
    lower = np.where(values == 0, -np.inf, (values - 0.5 - mean) / (sigma * 255))
    flip = lower > 0
    a, b = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
    log_a, log_b = special.log_ndtr(a), special.log_ndtr(b)
    return log_a + np.log1p(-np.exp(np.minimum(log_b - log_a, -1e-300)))


def pixel_cnn_log_prob(outputs, pixels, components):
    """The formula of PixelCNN++ transcribed to float64, its approximate branch included."""
    outputs, x = np.float64(outputs), np.float64(pixels) / 127.5 - 1
    rows = outputs.reshape([*outputs.shape[:-1], -1, components])
    logits, means = rows[..., 0, :], rows[..., 1:4, :].copy()
    log_scales, coefficients = np.maximum(rows[..., 4:7, :], -7), np.tanh(rows[..., 7:, :])
    red, green = x[..., 0, None], x[..., 1, None]
    means[..., 1, :] += coefficients[..., 0, :] * red
    means[..., 2, :] += coefficients[..., 1, :] * red + coefficients[..., 2, :] * green
    x = x[..., None]
    plus = np.exp(-log_scales) * (x - means + 1 / 255)
    minus = np.exp(-log_scales) * (x - means - 1 / 255)
    middle = np.exp(-log_scales) * (x - means)
    mass = special.expit(plus) - special.expit(minus)
    density = middle - log_scales - 2 * np.logaddexp(0, middle)
    log_mass = np.where(
        x < -0.999,
        plus - np.logaddexp(0, plus),
        np.where(
            x > 0.999,
            -np.logaddexp(0, minus),
            np.where(mass > 1e-5, np.log(np.maximum(mass, 1e-12)), density - np.log(127.5)),
        ),
    )
    per_pixel = special.logsumexp(log_mass.sum(-2) + special.log_softmax(logits, -1), axis=-1)
    return per_pixel.reshape(len(outputs), -1).sum(1)


def random_outputs(likelihood, channels, shape=(4, 3, 2), spread=1.0, seed=0):
    size = likelihood.parameters(channels)
    return np.random.default_rng(seed).normal(0, spread, [*shape, size]).astype("float32")


def random_pixels(channels, shape=(4, 3, 2), seed=1):
    return np.random.default_rng(seed).integers(0, 256, [*shape, channels]).astype("uint8")


# 256 masses in float32, each within a few units in the last place of 6e-8: 1e-5 leaves room.
@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_masses_of_grey_pixels_sum_to_one(likelihood, spread):
    outputs = random_outputs(likelihood, channels=1, shape=(1, 5, 4), spread=spread)
    outputs = np.repeat(outputs, 256, 0)
    pixels = np.broadcast_to(np.arange(256)[:, None, None, None], [256, 5, 4, 1])
    # Sums over a picture multiply its pixels' masses: one pixel at a time.
    for row, column in [(0, 0), (2, 3), (4, 1)]:
        at = np.s_[:, row : row + 1, column : column + 1]
        log_mass = likelihood.log_prob(outputs[at], pixels[at]).numpy()
        assert np.exp(np.float64(log_mass)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("sigma", [0.002, 0.05, 0.4])
def test_masses_of_a_normal_sum_to_one_at_any_scale(sigma):
    likelihood = likelihoods.Normal()
    means = np.float32([-2.0, -0.5, -0.1234, 0.4999, 1.0])
    pixels = np.broadcast_to(np.arange(256)[:, None, None], [256, 5, 1]).astype("uint8")
    outputs = np.broadcast_to(means[:, None], [256, 5, 1])
    likelihood.build(outputs.shape)
    likelihood.fit_scale(sigma**2)
    mass = [
        np.exp(np.float64(likelihood.log_prob(outputs[:, i : i + 1], pixels[:, i : i + 1]))).sum()
        for i in range(5)
    ]
    np.testing.assert_allclose(mass, 1.0, atol=1e-5)  # as above


def test_masses_of_colours_sum_to_one():
    # All 2^24 colours are too many; two channels have 65,536 joint values.
    likelihood = likelihoods.LogisticMixture(components=2)
    outputs = np.repeat(random_outputs(likelihood, 2, shape=(1, 1), seed=3), 65536, 0)
    values = np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1).reshape(-1, 1, 2)
    log_mass = likelihood.log_prob(outputs, values).numpy()
    assert np.exp(np.float64(log_mass)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("scale", ["fixed", "learned"])
@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_normal_is_the_oracles(scale, sigma):
    likelihood = likelihoods.Normal(scale=scale)
    pixels = random_pixels(3)
    noise = np.random.default_rng(2).normal(0, 3 * sigma, pixels.shape)
    outputs = (pixels / 255 - 0.5 + noise).astype("float32")
    likelihood.build(outputs.shape)
    likelihood.fit_scale([sigma**2] * 3)
    expected = normal_log_mass(outputs, sigma, pixels).reshape(4, -1).sum(1)
    # 18 terms, each a difference of two float32 cumulative values: 1e-6 relative, a few times.
    np.testing.assert_allclose(likelihood.log_prob(outputs, pixels), expected, rtol=1e-5)
    np.testing.assert_allclose(likelihood.bits(outputs, pixels), -expected / LN2, rtol=1e-5)


def test_mixture_is_the_formula_of_pixel_cnn():
    likelihood = likelihoods.LogisticMixture(components=10)
    assert likelihood.parameters(3) == 100
    outputs = random_outputs(likelihood, 3, spread=1.5)
    pixels = random_pixels(3)
    pixels[:, 0] = 0
    pixels[:, 1, 0] = 255
    expected = pixel_cnn_log_prob(outputs, pixels, 10)
    # The formula's density branch (mass below 1e-5) is off by up to 1e-6 of a nat a pixel.
    np.testing.assert_allclose(likelihood.log_prob(outputs, pixels), expected, rtol=2e-6)


def test_mixture_is_tensorflow_probabilitys():
    import tensorflow_probability as tfp

    likelihood = likelihoods.LogisticMixture(components=4)
    outputs, pixels = random_outputs(likelihood, 1), random_pixels(1)
    logits, means, log_scales = np.split(outputs, 3, -1)
    logistic = tfp.distributions.Logistic(means * 127.5 + 127.0, np.exp(log_scales) * 127.5)
    mixture = tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits),
        tfp.distributions.QuantizedDistribution(logistic, low=0.0, high=255.0),
    )
    expected = tf.reduce_sum(mixture.log_prob(pixels[..., 0].astype("float32")), [1, 2])
    np.testing.assert_allclose(likelihood.log_prob(outputs, pixels), expected, rtol=1e-5)


def test_categorical_is_the_oracles():
    likelihood = likelihoods.Categorical()
    outputs, pixels = random_outputs(likelihood, 3), random_pixels(3)
    logits = special.log_softmax(np.float64(outputs).reshape(4, 3, 2, 3, 256), -1)
    expected = np.take_along_axis(logits, pixels[..., None].astype(int), -1).reshape(4, -1).sum(1)
    np.testing.assert_allclose(likelihood.log_prob(outputs, pixels), expected, rtol=1e-6)


def test_loss_is_nats_per_dimension(likelihood):
    outputs, pixels = random_outputs(likelihood, 3, spread=0.3), random_pixels(3)
    x = pixels / np.float32(255) - np.float32(0.5)
    loss = float(likelihood.loss(outputs, x))
    if isinstance(likelihood, likelihoods.Normal) and likelihood.scale == "fixed":
        expected = np.mean((x - outputs) ** 2) / 0.06
    else:
        expected = -np.mean(likelihood.log_prob(outputs, pixels)) / (3 * 2 * 3)
    assert loss == pytest.approx(expected, rel=1e-5)  # float32 sums of 72 terms


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("output", [-100.0, 0.0, 100.0])
def test_gradients_are_finite_at_extremes(likelihood, value, output):
    outputs = tf.fill([1, 2, 2, likelihood.parameters(3)], output)
    x = tf.fill([1, 2, 2, 3], value / 255 - 0.5)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = likelihood.loss(outputs, x)
    gradients = tape.gradient(loss, [outputs, *likelihood.trainable_variables])
    assert np.isfinite(loss)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_gradient_of_the_learned_scale_is_the_oracles():
    likelihood = likelihoods.Normal(scale="learned")
    outputs, pixels = np.zeros([1, 4, 1], "float32"), np.uint8([[[120], [127], [140], [255]]])
    likelihood.build(outputs.shape)
    likelihood.fit_scale(0.05**2)
    with tf.GradientTape() as tape:
        loss = likelihood.loss(outputs, pixels / np.float32(255) - np.float32(0.5))
    gradient = tape.gradient(loss, likelihood.log_scale.value)
    h = 1e-5
    up, down = (-normal_log_mass(outputs, 0.05 * np.exp(step), pixels).mean() for step in (h, -h))
    np.testing.assert_allclose(gradient, [(up - down) / (2 * h)], rtol=1e-4)  # float32 gradient


def test_samples_follow_the_distribution(likelihood):
    outputs = random_outputs(likelihood, 2, shape=(1, 1), spread=0.3, seed=5)
    if isinstance(likelihood, likelihoods.Normal):
        likelihood.build(outputs.shape)
        likelihood.fit_scale([0.03, 0.1])
    count = 20_000
    repeated = np.repeat(outputs, count, 0)
    samples = likelihood.sample(repeated, seed=7).numpy()
    assert samples.dtype == np.uint8 and samples.shape == (count, 1, 2)
    values = samples[:, 0].astype(float)
    # The mean of the bits of samples is the entropy, which 2^16 joint values give exactly.
    pairs = np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1).reshape(-1, 1, 2)
    log_mass = np.float64(likelihood.log_prob(np.repeat(outputs, 65536, 0), pairs))
    entropy = -(np.exp(log_mass) * log_mass).sum() / LN2
    bits = likelihood.bits(repeated, samples).numpy()
    # Six standard errors of means of 20,000 draws; 1e-3 bits for the masses' own rounding.
    assert bits.mean() == pytest.approx(entropy, abs=6 * bits.std() / np.sqrt(count) + 1e-3)
    mean = (np.exp(log_mass)[:, None] * pairs[:, 0]).sum(0)
    np.testing.assert_allclose(values.mean(0), mean, atol=6 * 128 / np.sqrt(count))
    if isinstance(likelihood, likelihoods.Categorical):  # the others' means come before clipping
        np.testing.assert_allclose((likelihood.mean(outputs)[0, 0] + 0.5) * 255, mean, rtol=1e-5)


def test_samples_depend_on_the_seed_only(likelihood):
    outputs = random_outputs(likelihood, 3)
    first, again = (likelihood.sample(outputs, seed=1).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, likelihood.sample(outputs, seed=[0, 1]).numpy())
    assert (first != likelihood.sample(outputs, seed=2).numpy()).any()


def test_mean_of_the_mixture_couples_channels():
    likelihood = likelihoods.LogisticMixture(components=1)
    outputs = np.float32([0.0, 0.5, 0.2, 0.1, -3, -3, -3, 1.0, -1.0, 0.3])[None, None]
    c0, c1, c2 = np.tanh([1.0, -1.0, 0.3])
    green = 0.2 + c0 * 0.5
    expected = np.array([0.5, green, 0.1 + c1 * 0.5 + c2 * green]) / 2
    np.testing.assert_allclose(likelihood.mean(outputs)[0, 0], expected, rtol=1e-6)


def test_mean_stays_in_range(likelihood):
    outputs = random_outputs(likelihood, 3, spread=50.0)
    mean = likelihood(outputs)
    assert mean.shape == (4, 3, 2, 3)
    assert np.abs(mean).max() <= 0.5


def test_fixed_scale_follows_the_training_errors_per_channel():
    likelihood = likelihoods.Normal()
    x = tf.zeros([2, 4, 4, 3])
    outputs = tf.broadcast_to([0.1, 0.2, 0.3], x.shape)
    loss = likelihood.loss(outputs, x)
    np.testing.assert_allclose(likelihood.variance, [0.03] * 3, rtol=1e-6)  # not in training
    assert float(loss) == pytest.approx(0.14 / 3 / 0.06, rel=1e-6)
    step = tf.function(lambda: likelihood.loss(outputs, x, training=True))
    for _ in range(2000):  # 0.99^2000 = 2e-9 of the start is left
        step()
    np.testing.assert_allclose(likelihood.variance, [0.01, 0.04, 0.09], rtol=1e-5)


def test_bits_use_the_fitted_scale_and_not_the_losss():
    likelihood = likelihoods.Normal()
    pixels = random_pixels(3)
    outputs = pixels / np.float32(255) - np.float32(0.48)
    before = likelihood.bits(outputs, pixels).numpy()
    likelihood.fit_scale(0.02**2)
    # log2(0.173 / 0.02) = 3.1 bits per dimension less, but for the quadratic terms.
    assert (likelihood.bits(outputs, pixels).numpy() < before - 2 * 18).all()


def test_low_precision_outputs_are_read_in_float32(likelihood):
    outputs = tf.cast(random_outputs(likelihood, 3), tf.bfloat16)
    pixels = random_pixels(3)
    expected = likelihood.log_prob(tf.cast(outputs, tf.float32), pixels)
    np.testing.assert_array_equal(likelihood.log_prob(outputs, pixels), expected)
    assert likelihood.mean(outputs).dtype == tf.float32


def test_compiled_equals_eager(likelihood):
    outputs, pixels = random_outputs(likelihood, 3), random_pixels(3)
    eager = likelihood.log_prob(outputs, pixels)
    compiled = tf.function(likelihood.log_prob)(tf.constant(outputs), tf.constant(pixels))
    np.testing.assert_allclose(compiled, eager, rtol=1e-5)  # fused kernels round differently


def test_configuration_and_weights_survive_saving(likelihood, tmp_path):
    inputs = keras.Input([None, likelihood.parameters(3)])
    model = keras.Model(inputs, likelihood(inputs))
    outputs, pixels = random_outputs(likelihood, 3, shape=(2, 3)), random_pixels(3, shape=(2, 3))
    if isinstance(likelihood, likelihoods.Normal):
        likelihood.fit_scale([0.01, 0.02, 0.03])
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path).layers[-1]
    assert type(loaded) is type(likelihood)
    assert loaded.get_config() == likelihood.get_config()
    np.testing.assert_array_equal(
        loaded.log_prob(outputs, pixels), likelihood.log_prob(outputs, pixels)
    )


def test_weights_stay_float32_under_mixed_precision():
    likelihood = likelihoods.Normal(scale="learned", dtype="mixed_bfloat16")
    likelihood.build([None, 3])
    assert likelihood.log_scale.dtype == "float32"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: likelihoods.Normal(scale="both"), "scale must be"),
        (lambda: likelihoods.Normal(variance=0.0), "variance must be positive"),
        (lambda: likelihoods.LogisticMixture(components=0), "components must be"),
        (lambda: likelihoods.LogisticMixture(2).mean(tf.zeros([1, 7])), "received 7"),
        (lambda: likelihoods.Categorical().mean(tf.zeros([1, 100])), "received 100"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
