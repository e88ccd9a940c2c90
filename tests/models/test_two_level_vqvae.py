import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.test_prior import every_grid
from tests.small import AUTOENCODER, TRAINING, picture
from vqvae_tf import models
from vqvae_tf.config import DataConfig
from vqvae_tf.errors import UserError

CONFIG = models.TwoLevelConfig(
    widths=(4, 8),
    upper_width=8,
    residual_width=4,
    embedding_dim=2,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    data=DataConfig(image_size=16),
    training=TRAINING,
)
PRIOR = models.TwoLevelPriorConfig(
    code_sizes=(2,) * 5,
    channels=6,
    layers=2,
    head_width=6,
    upper_channels=6,
    upper_layers=2,
    condition_channels=4,
    condition_blocks=1,
)


def batch(count=4, height=16, width=16):
    return np.stack([picture(height, width, seed) for seed in range(count)])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = models.TwoLevelVQVAE(CONFIG)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    data = tf.data.Dataset.from_tensors({"image": batch()}).repeat()
    model.first, *_, model.last = model.fit(data, steps_per_epoch=20, epochs=3, verbose=0).history[
        "loss"
    ]
    return model


def prior(**changes):
    keras.utils.set_random_seed(0)
    built = models.TwoLevelPrior(dataclasses.replace(PRIOR, **changes))
    draws = np.random.default_rng(1)
    for variable in built.trainable_variables:  # zeros among them would hide what they do
        variable.assign(variable + draws.normal(0, 0.3, variable.shape))
    return built


def test_a_place_holds_its_code_and_the_four_below_in_reading_order():
    upper = tf.reshape(tf.range(6), [1, 2, 3])
    lower = 100 + tf.reshape(tf.range(24), [1, 4, 6])
    codes = models.join_levels(upper, lower)
    assert codes.shape == (1, 2, 3, 5)
    assert codes[0, 0, 0].numpy().tolist() == [0, 100, 101, 106, 107]
    assert codes[0, 1, 2].numpy().tolist() == [5, 116, 117, 122, 123]
    for level, again in zip((upper, lower), models.split_levels(codes), strict=True):
        np.testing.assert_array_equal(level, again)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (21, 30), (75, 9)])
def test_any_size_is_continued_by_reflection_and_cropped_back(model, height, width):
    images = batch(2, height, width)
    codes = model.encode(images)
    assert codes.shape == (2, -(-height // 8), -(-width // 8), 5) and codes.dtype == tf.int32
    reconstructed = model.reconstruct(images)
    assert reconstructed.shape == images.shape and reconstructed.dtype == tf.uint8
    np.testing.assert_array_equal(reconstructed, model.decode(codes)[:, :height, :width])


def test_the_terms_sum_to_the_loss_and_training_lowers_it(model):
    losses = {name: float(x) for name, x in model.compute_losses({"image": batch()}).items()}
    for level in ("upper", "lower"):
        assert 1.0 <= losses.pop(f"{level}_perplexity") <= 16.0
    assert losses.keys() == {"loss", "reconstruction", "upper_commitment", "lower_commitment"}
    # Three float32 numbers, each rounded to 1e-7 of itself.
    assert losses.pop("loss") == pytest.approx(sum(losses.values()), rel=1e-6)
    assert model.last < 0.7 * model.first


def test_what_training_sees_is_what_the_codes_say(model):
    """The way through the quantizers' vectors, and the one through codes."""
    images = batch()
    by_vectors = np.round((model(images).numpy() + 0.5) * 255)
    # Sums of another order, where a pixel lies on the edge between two values.
    assert np.abs(by_vectors - model.decode(model.encode(images))).max() <= 1


@pytest.mark.parametrize(("slot", "reach"), [(0, 44), (3, 16)])
def test_both_levels_reach_the_picture_and_the_lower_one_less_far(model, slot, reach):
    codes = model.encode(batch(1, 128, 128)).numpy()
    other = codes.copy()
    other[0, 8, 8, slot] = (other[0, 8, 8, slot] + 7) % 16
    changed = (model.decode(other).numpy() != model.decode(codes).numpy()).any((0, 3))
    # Of the upper code rows 64 to 71 and as many columns, of the lower one rows 68 to 71 and
    # columns 64 to 67; on each side three places of its grid and the transposed convolutions.
    top, left, side = (64, 64, 8) if slot == 0 else (68, 64, 4)
    rows, columns = np.nonzero(changed)
    for places, first in ((rows, top), (columns, left)):
        assert len(places) and places.min() >= first - reach
        assert places.max() < first + side + reach


def test_it_trains_in_mixed_precision():
    training = dataclasses.replace(TRAINING, precision="mixed_bfloat16")
    model = models.TwoLevelVQVAE(dataclasses.replace(CONFIG, training=training))
    losses = model.compute_losses({"image": batch()}, training=True)
    assert np.isfinite(losses["loss"]) and losses["loss"].dtype == tf.float32


def test_bits_count_five_codes_a_place(model):
    bits = model.bits({"image": batch(2, 9, 14)})
    assert bits["latent"].numpy().tolist() == [2 * 2 * 5 * 4.0] * 2
    assert int(bits["dimensions"]) == 9 * 14 * 3


def test_saved_and_loaded_as_keras_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.encode(batch()), model.encode(batch()))


@pytest.mark.parametrize(
    ("changes", "shape", "label"),
    [({}, (1, 1), None), ({}, (1, 2), None), ({"num_classes": 2, "code_dim": 2}, (2, 1), 1)],
)
def test_the_probabilities_of_all_grids_sum_to_one(changes, shape, label):
    grids = every_grid(2, (*shape, 5))
    labels = None if label is None else np.full(len(grids), label, np.int32)
    log_probs = prior(**changes).log_prob(grids, label=labels).numpy().astype(float)
    # Each log-probability sums at most 10 float32 terms of size 1, right to 1e-7 each.
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=3e-6)


def test_the_lower_level_sees_all_upper_codes_and_its_own_past():
    network = prior()
    codes = np.random.default_rng(0).integers(0, 2, (1, 3, 3, 5), np.int32)

    def levels(codes):
        logits = network(codes).numpy()
        lower = logits[:, :, :, 1:].reshape(1, 3, 3, 2, 2, 2)
        return logits[:, :, :, 0], lower.transpose(0, 1, 3, 2, 4, 5).reshape(1, 6, 6, 2)

    upper, lower = levels(codes)
    other = codes.copy()
    other[0, 2, 2, 0] ^= 1  # the last upper code
    upper_then, lower_then = levels(other)
    np.testing.assert_array_equal(upper, upper_then)
    assert (lower[0, 2:] != lower_then[0, 2:]).any(-1).sum() > 4  # before it, and not under it only
    other = codes.copy()
    other[0, 1, 1, 4] ^= 1  # row 3, column 3 of the lower grid
    upper_then, lower_then = levels(other)
    np.testing.assert_array_equal(upper, upper_then)
    changed = (lower[0] != lower_then[0]).any(-1).ravel()
    assert not changed[: 3 * 6 + 4].any() and changed[3 * 6 + 4]


def test_samples_come_as_often_as_their_probability_says():
    network, count = prior(), 4000
    drawn = network.sample(count=count, grid=(1, 1), seed=1, block=count).numpy().reshape(count, 5)
    seen = np.bincount(drawn @ [16, 8, 4, 2, 1], minlength=32)
    expected = np.exp(network.log_prob(every_grid(2, (1, 1, 5))).numpy()) * count
    # A binomial count lies within 4.5 of its standard deviations but for one case in 10^5.
    assert (np.abs(seen - expected) < 4.5 * np.sqrt(expected)).all()


def test_samples_hang_on_the_seed_and_their_number_and_keep_what_is_given():
    network = prior(code_sizes=(16,) * 5)
    four = network.sample(count=4, grid=(2, 3), seed=5).numpy()
    np.testing.assert_array_equal(four, network.sample(count=9, grid=(2, 3), seed=5)[:4])
    assert (four != network.sample(count=4, grid=(2, 3), seed=6).numpy()).any()
    upper, lower = models.split_levels(network.sample(count=64, grid=(4, 4), seed=0))
    # Were both levels to draw from one stream, their corners would be drawn by the same noise.
    assert (upper[:, 0, 0] == lower[:, 0, 0]).numpy().mean() < 0.5
    given = np.full([1, 2, 3, 5], -1)
    given[0, 0, 1] = 7
    drawn = network.sample(count=2, grid=(2, 3), seed=5, prefix=given).numpy()
    assert (drawn[:, 0, 1] == 7).all() and (drawn != 7).any()


def test_what_is_known_before_training_is_where_it_starts():
    network = models.TwoLevelPrior(dataclasses.replace(PRIOR, code_sizes=(3,) * 5, code_dim=2))
    draws = np.random.default_rng(0)
    codebook, frequencies = draws.normal(size=(2, 3, 2)), draws.dirichlet(np.ones(3), 5)
    network.initialize(codebook, np.log(frequencies))
    for part, vectors, known in zip(
        (network.upper, network.lower),
        codebook,
        (frequencies[0], frequencies[1:].mean(0)),
        strict=True,
    ):
        bias = part.logits[0].bias.numpy()
        np.testing.assert_allclose(np.exp(bias), known, rtol=1e-5)  # float32
        np.testing.assert_allclose(
            part.code_vectors, (vectors - vectors.mean(0)) / vectors.std(0), rtol=1e-5
        )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dataclasses.replace(CONFIG, upper_width=0), "upper_width must be at least 1"),
        (
            lambda: dataclasses.replace(CONFIG, data=DataConfig(image_size=20)),
            "must be a multiple of 8; received 20, the nearest are 16 and 24",
        ),
        (
            lambda: dataclasses.replace(PRIOR, code_sizes=(2,) * 4),
            "4 equal lower codes",
        ),
        (
            lambda: prior().sample(count=1, grid=(2, 2), prefix=np.zeros((1, 2, 2), int)),
            r"of shape \(1, 2, 2, 5\).*received int64 of shape \(1, 2, 2\)",
        ),
        (
            lambda: models.CodeSearch(models.TwoLevelVQVAE(CONFIG)),
            "one grid of codes of one codebook; received TwoLevelVQVAE",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_a_config_belongs_to_one_family():
    assert models.family_of(CONFIG) == "two_level"
    assert models.family_of(AUTOENCODER) == "image"
    assert models.family_of(PRIOR) == "two_level_prior"
