"""Codes by the decoder's error: against exhaustive search, and never worse than the nearest."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small import AUTOENCODER, PRIOR, picture
from vqvae_tf.errors import UserError
from vqvae_tf.models import CodeSearch, ImageVQVAE, PixelCNNPrior, QuantizerConfig


def trained(**changes):
    keras.utils.set_random_seed(0)  # whatever ran before: a few steps may also train nothing
    model = ImageVQVAE(dataclasses.replace(AUTOENCODER, **changes))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    images = np.stack([picture(16, 16, seed) for seed in range(8)])
    model.fit(tf.data.Dataset.from_tensors(images).repeat(), steps_per_epoch=60, verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return trained()


def squared_error(model, image, codes):
    decoded = np.float64(model.decode(codes))[:, : image.shape[1], : image.shape[2]]
    return np.square(image - decoded).sum()


def test_without_passes_codes_are_the_nearest(model):
    images = np.stack([picture(21, 30, seed) for seed in range(2)])
    search = CodeSearch(model, passes=0)
    np.testing.assert_array_equal(search.encode(images), model.encode(images))


@pytest.mark.parametrize("seed", range(3))
def test_one_place_gets_the_best_of_all_codes(model, seed):
    image = picture(4, 3, seed)[None]  # one code, and a column that is only padding
    errors = [squared_error(model, image, [[[code]]]) for code in range(16)]
    code = int(CodeSearch(model, passes=1, candidates=16).encode(image)[0, 0, 0])
    assert errors[code] == min(errors)


def test_two_places_end_where_neither_can_be_bettered_alone(model):
    image = picture(4, 8, seed=5)[None]
    errors = {
        pair: squared_error(model, image, [[pair]])
        for pair in itertools.product(range(16), repeat=2)
    }
    left, right = map(int, CodeSearch(model, passes=6, candidates=16).encode(image)[0, 0])
    found = errors[left, right]
    assert found <= min(errors[code, right] for code in range(16))
    assert found <= min(errors[left, code] for code in range(16))


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (21, 30)])
def test_the_picture_comes_nearer_and_codes_keep_their_shape(model, size):
    images = np.stack([picture(*size, seed) for seed in range(3)])
    nearest, searched = model.encode(images), CodeSearch(model).encode(images)
    assert searched.shape == nearest.shape and searched.dtype == tf.int32
    assert squared_error(model, images, searched) <= squared_error(model, images, nearest)
    if size != (1, 1):
        assert squared_error(model, images, searched) < squared_error(model, images, nearest)
    alone = CodeSearch(model).encode(images[1:2])
    np.testing.assert_array_equal(alone[0], searched[1])


def test_more_candidates_and_passes_do_better(model):
    images = np.stack([picture(24, 24, seed) for seed in range(4)])
    few = CodeSearch(model, passes=1, candidates=2).encode(images)
    many = CodeSearch(model, passes=3, candidates=12).encode(images)
    assert squared_error(model, images, many) < squared_error(model, images, few)


def test_several_codes_a_place():
    model = trained(
        embedding_dim=4,
        quantizer=QuantizerConfig(num_embeddings=(16,), groups=2, shared_codebook=True),
    )
    images = np.stack([picture(17, 16, seed) for seed in range(2)])
    searched = CodeSearch(model, passes=1).encode(images)
    assert searched.shape == (2, 5, 4, 2)
    nearest = model.encode(images)
    assert squared_error(model, images, searched) < squared_error(model, images, nearest)


def test_a_weight_trades_error_for_bits(model):
    keras.utils.set_random_seed(0)
    prior = PixelCNNPrior(dataclasses.replace(PRIOR, code_sizes=(16,), num_classes=3))
    counts = np.linspace(0, 9, 16)  # some codes are cheap, and logits are not flat
    prior.network.set_output_bias(counts)
    images = np.stack([picture(24, 24, seed) for seed in range(4)])
    label = np.array([0, 1, 2, -1])

    def measured(weight):
        search = CodeSearch(model, prior=prior, rate_weight=weight)
        codes = search.encode(images, {"label": label})
        return squared_error(model, images, codes), -float(sum(prior.log_prob(codes, label=label)))

    free, some, much = measured(0.0), measured(3e4), measured(1e7)
    assert free[0] < some[0] < much[0] and free[1] > some[1] > much[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"passes": -1}, "search passes must be at least 0; received -1"),
        ({"candidates": 17}, "candidates must be at most 16; received 17"),
        ({"passes": 10**9}, "search passes must be at most 1000"),
        ({"passes": True}, "search passes must be a whole number; received True"),
        ({"rate_weight": 1.0}, "needs a prior"),
        ({"prior": "prior"}, r"needs a prior over the model's codes, of the sizes \(16,\); .* str"),
        ({"rate_weight": -1.0}, "must not be negative"),
    ],
)
def test_mistakes(model, arguments, message):
    with pytest.raises(UserError, match=message):
        CodeSearch(model, **arguments)
