"""Arguments of quantizers: NumPy numbers, seeds, the names of peers; codes of a wrong kind."""

import json
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers
from vqvae_tf.errors import UserError


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_numpy_numbers():
    """Every quantizer with every number as one of NumPy's."""
    integer, real, true = np.int64, np.float64, np.bool_(True)
    codebook = {
        "commitment_cost": np.float32(0.25),
        "diversity_cost": real(0.1),
        "diversity_temperature": np.float16(1.0),
        "seed": integer(3),
        "decay": real(0.9),
        "revival_threshold": np.float32(0.2),
        "revival_count": real(0.5),
        "accumulation_steps": np.int32(2),
    }
    drawing = layers.GumbelSoftmax(real(1.0), np.float32(0.5), integer(10))
    return layers.GroupedQuantizer(
        [
            layers.VectorQuantizer(
                np.uint8(8), orthogonality_cost=real(0.1), estimator=drawing, **codebook
            ),
            layers.ResidualQuantizer(
                [layers.VectorQuantizerEMA(integer(8), **codebook), layers.SimVQ(np.array(4))],
                dropout=true,
                seed=np.uint32(7),
            ),
            layers.ProjectedQuantizer(
                layers.FiniteScalarQuantizer(np.array([3, 5])), integer(2), seed=integer(1)
            ),
            layers.LookupFreeQuantizer(
                spherical=true,
                entropy_cost=real(0.1),
                temperature=np.float32(0.5),
                group_bits=np.int16(2),
            ),
        ],
        num_groups=integer(4),
        return_codes=true,
    )


def test_numpy_s_numbers_are_taken_trained_with_and_saved(tmp_path):
    layer = with_numpy_numbers()
    json.dumps(layer.get_config())  # which knows Python's numbers alone
    inputs = keras.Input((5, 16))
    vectors, codes = layer(inputs, freeze_codebook=np.bool_(False))
    model = keras.Model(inputs, [vectors, codes])
    model.compile("sgd", ["mse", None])
    x = data(32, 5, 16)
    model.fit(x, [x, np.zeros(32)], batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for mine, theirs in zip(model(x), loaded(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert loaded.layers[-1].code_sizes == layer.code_sizes


def test_numpy_s_numbers_at_call_mean_the_same_while_traced():
    layer = layers.ResidualQuantizer([layers.SimVQ(8) for _ in range(3)], return_codes=True)
    x = tf.constant(data(6, 4))
    step = tf.function(lambda x: layer(x, training=np.bool_(True), num_stages=np.int64(2)))
    assert step(x)[1].shape == (6, 2)
    assert layer.encode(x, num_stages=np.int32(1)).shape == (6, 1)


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1, np.int64(7)])
def test_a_seed_has_32_bits(seed):
    layer = layers.ResidualQuantizer(
        [layers.VectorQuantizerEMA(8, seed=seed, estimator="stochastic"), layers.SimVQ(4)],
        dropout=True,
        seed=seed,
    )
    layer = layers.ProjectedQuantizer(layer, 3, seed=seed)
    layer(data(16, 4), training=True)
    layer.quantizer.quantizers[0].initialize(data(64, 3), iterations=1)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30, 1.5, True, "3"])
@pytest.mark.parametrize(
    "make",
    [
        lambda seed: layers.VectorQuantizerEMA(8, seed=seed),
        lambda seed: layers.VectorQuantizer(8, seed=seed),
        lambda seed: layers.SimVQ(8, seed=seed),
        lambda seed: layers.ResidualQuantizer([layers.SimVQ(8)], seed=seed),
        lambda seed: layers.ProjectedQuantizer(layers.SimVQ(8), 2, seed=seed),
    ],
)
def test_another_seed_is_refused(make, seed):
    with pytest.raises(UserError, match="seed must be (a whole number|at (least|most))"):
        make(seed)


def test_a_seed_of_none_is_drawn_once_and_kept():
    keras.utils.set_random_seed(5)
    first, second = (layers.VectorQuantizerEMA(8, seed=None) for _ in range(2))
    assert isinstance(first.seed, int) and first.seed != second.seed
    again = layers.VectorQuantizerEMA.from_config(first.get_config())
    for layer in (first, again):
        layer(data(32, 4), training=True)
    np.testing.assert_array_equal(first.codebook, again.codebook)
    keras.utils.set_random_seed(5)
    assert layers.VectorQuantizerEMA(8, seed=None).seed == first.seed
    assert layers.ProjectedQuantizer(layers.SimVQ(4), 2, seed=None).seed is not None
    assert layers.ResidualQuantizer([layers.SimVQ(4)], seed=None).seed is not None


CODEBOOKS = [layers.VectorQuantizer, layers.VectorQuantizerEMA, layers.SimVQ]


@pytest.mark.parametrize("kind", CODEBOOKS)
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({"num_embeddings": 8, "embedding_dim": 4}, "leave it out, the dimension is taken from"),
        ({"num_embeddings": 8, "beta": 0.25}, "write commitment_cost="),
        ({"num_embeddings": 8, "commitment_weight": 0.25}, "write commitment_cost="),
        ({"n_embed": 8}, "write num_embeddings="),
        ({"codebook_size": 8, "dim": 4}, "write num_embeddings="),
        ({"num_embeddings": 8, "decay_rate": 0.9}, "write decay="),
        ({"num_embeddings": 8, "use_cosine_sim": True}, 'write distance="cosine"'),
        ({"num_embeddings": 8, "kmeans_init": True}, "initialize"),
        ({"num_embeddings": 8, "threshold_ema_dead_code": 2}, "write revival_threshold="),
    ],
)
def test_other_libraries_names_are_answered_with_the_right_ones(kind, arguments, answer):
    with pytest.raises(UserError, match=answer) as error:
        kind(**arguments)
    assert "\n" not in str(error.value) and kind.__name__ in str(error.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.VectorQuantizer(8.5), "num_embeddings must be a whole number; received 8"),
        (lambda: layers.VectorQuantizer("8"), "num_embeddings must be a whole .* received '8'"),
        (lambda: layers.VectorQuantizer(True), "num_embeddings must be a whole .* received True"),
        (lambda: layers.VectorQuantizer(2**40), "num_embeddings must be at most 2147483647"),
        (lambda: layers.VectorQuantizer(8, commitment_cost=np.nan), "must be a finite number"),
        (lambda: layers.VectorQuantizer(8, commitment_cost=None), "must be a number; received N"),
        (lambda: layers.VectorQuantizer(8, seed=1.5), "seed must be a whole number; received 1.5"),
        (lambda: layers.VectorQuantizer(8, return_codes="no"), "must be True or False"),
        (lambda: layers.VectorQuantizer(8, estimator=3), "estimator must be an Estimator or one"),
        (lambda: layers.VectorQuantizerEMA(8, decay="0.9"), "decay must be a number; received"),
        (lambda: layers.VectorQuantizerEMA(8, decay=np.inf), "decay must be a finite number"),
        (lambda: layers.GroupedQuantizer(3), "must be a list of quantizers; received 3"),
        (lambda: layers.ResidualQuantizer("ab"), "must be a list of quantizers; received 'ab'"),
        (lambda: layers.ProjectedQuantizer(3, 2), "takes quantizers; received 3"),
        (lambda: layers.ResidualQuantizer([3], num_quantizers=2), "give a list of quantizers"),
        (lambda: layers.FiniteScalarQuantizer(5), "levels must be a sequence"),
        (lambda: layers.FiniteScalarQuantizer((5, 1)), "each of levels must be at least 2"),
        (lambda: layers.FiniteScalarQuantizer((5, 2.5)), "each of levels must be a whole number"),
        (lambda: layers.LookupFreeQuantizer(group_bits=21), "group_bits must be at most 20"),
        (lambda: layers.LookupFreeQuantizer(entropy_loss_weight=1), "write entropy_cost="),
        (lambda: layers.GumbelSoftmax(anneal_steps=0.5), "anneal_steps must be a whole number"),
        (lambda: layers.GumbelSoftmax(1.0, 0.1, 10**30), "anneal_steps must be at most 10000000"),
        (lambda: layers.VectorQuantizer(8, commitment_cost=True), "be a number; received True"),
        (lambda: layers.VectorQuantizer(8, commitment_cost=1e39), "a finite number of float32"),
        (lambda: layers.GumbelSoftmax(1e-40), "temperature must be above 0; received 1e-40"),
        (lambda: layers.VectorQuantizer(8, accumulation_steps=10**30), "must be at most 10000"),
        (lambda: layers.ProjectedQuantizer(layers.SimVQ(8), 2**40), "code_dim must be at most"),
        (lambda: layers.GroupedQuantizer(layers.SimVQ(8), 2**40), "num_groups must be at most"),
        (lambda: layers.VectorQuantizer(2**30).build((None, 4)), "a table of .* must hold at most"),
        (lambda: layers.SimVQ(8).build((None, 2**15)), "a table of .* must hold at most"),
        (lambda: built(layers.LookupFreeQuantizer(), 30).codebook, "a table of .* must hold at"),
        (lambda: layers.FiniteScalarQuantizer([8] * 10).codebook, "a table of .* must hold at"),
        (lambda: composite().codebook, r"different shapes, \[\(4, 4\), \(8, 4\)\]"),
        # What has no effect:
        (lambda: layers.GumbelSoftmax(anneal_steps=5), "no effect without final_temperature"),
        (lambda: layers.Stochastic(anneal_steps=5), "no effect without final_temperature"),
        (lambda: layers.SimVQ(8, diversity_temperature=2), "no effect without diversity_cost"),
        (
            lambda: layers.VectorQuantizerEMA(8, revival_threshold=0, revival_count=1),
            "revival_count=1.0 has no effect without revival_threshold: set that, or leave",
        ),
        (
            lambda: layers.VectorQuantizer(8, revival_threshold=0, decay=0.9),
            "decay=0.9 has no effect without revival_threshold",
        ),
        (
            lambda: layers.VectorQuantizer(8, revival_threshold=0, accumulation_steps=2),
            "accumulation_steps=2 has no effect without revival_threshold",
        ),
        (
            lambda: layers.LookupFreeQuantizer(diversity_cost=0, group_bits=3),
            "group_bits=3 has no effect without diversity_cost",
        ),
        (
            lambda: layers.LookupFreeQuantizer(diversity_cost=0, entropy_cost=0, temperature=1),
            "temperature=1.0 has no effect without entropy_cost or diversity_cost",
        ),
    ],
)
def test_arguments_out_of_range_end_in_one_line(make, message):
    with pytest.raises(UserError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def built(layer, dim):
    layer.build((None, dim))
    return layer


def composite():
    layer = layers.ResidualQuantizer([layers.VectorQuantizerEMA(8), layers.VectorQuantizerEMA(4)])
    layer.build((None, 4))
    return layer


def single():
    layer = layers.ProjectedQuantizer(layers.VectorQuantizer(8), 2)
    layer.build((None, 4))
    return layer


@pytest.mark.parametrize(
    ("make", "codes", "message"),
    [
        (single, [1.7], "decodes codes, which are integers; received float64"),
        (single, np.array([1.0], "float32"), "which are integers; received float32"),
        (single, [True], "which are integers; received bool"),
        (single, [2**40 + 1], "knows the codes 0 to 7; received 1099511627777"),
        (single, np.array([2**32], "uint64"), "knows the codes 0 to 7; received 4294967296"),
        (single, [-1], "knows the codes 0 to 7; received -1"),
        (composite, [[0, 4]], "knows the codes 0 to 3; received 4"),
        (composite, [[0, -1]], "knows the codes 0 to 3; received -1"),  # without dropout
        (composite, [0, 1, 1], r"takes 1 or 2 codes per position, .* received shape \(3,\)"),
        (composite, 3, r"takes 1 or 2 codes per position, .* received shape \(\)"),
    ],
)
def test_what_is_no_code_is_refused_eagerly_and_by_type_when_traced(make, codes, message):
    layer = make()
    with pytest.raises(UserError, match=message) as error:
        layer.decode(codes)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=message):
        layer.decode(tf.constant(np.array(codes)))
    if "integers" in message:
        with pytest.raises(UserError, match=message):
            tf.function(layer.decode).get_concrete_function(tf.constant(np.array(codes)))


def test_an_empty_list_has_no_codes():
    assert single().decode([]).shape == (0, 4)


@pytest.mark.parametrize("make", [single, composite])
def test_codes_are_decoded_in_a_functional_model(make, tmp_path):
    quantizer = make()
    codes = quantizer.encode(data(6, 5, 4))
    inputs = keras.Input(tuple(codes.shape[1:]), dtype="int32")
    vectors = quantizer.decode(inputs)
    assert vectors.shape == (None, 5, 4)
    model = keras.Model(inputs, keras.layers.Dense(3)(vectors))
    assert {variable.path for variable in quantizer.trainable_variables} <= {
        variable.path for variable in model.trainable_variables
    }
    model.save(tmp_path / "decoder.keras")
    loaded = keras.saving.load_model(tmp_path / "decoder.keras")
    np.testing.assert_array_equal(model(codes), loaded(codes))
    np.testing.assert_array_equal(array(quantizer.decode(codes)), model.layers[1](codes))
    with pytest.raises(UserError, match="with return_codes=True"):
        quantizer.encode(keras.Input((5, 4)))


@pytest.mark.parametrize("kind", [layers.VectorQuantizer, layers.VectorQuantizerEMA])
def test_setting_trainable_without_compile_is_said_aloud(kind, caplog):
    layer, x = kind(8), data(32, 4)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse")

    def moves():
        before = array(layer.codebook)
        model.fit(x, x, verbose=0)
        return not np.array_equal(before, array(layer.codebook))

    layer.trainable = False
    layer.trainable = True
    assert not caplog.text and moves()
    with caplog.at_level(logging.WARNING, logger="absl"):
        layer.trainable = False
    assert "call compile() before the next fit" in caplog.text
    assert moves()  # as with every Keras layer, the compiled step continues
    model.compile("sgd", "mse")
    assert not moves()
    before = array(layer.codebook)
    layer(x, training=True)  # and eagerly at once
    np.testing.assert_array_equal(layer.codebook, before)


def test_errors_inside_a_model_s_call_stay_one_line():
    layer = layers.VectorQuantizer(8)
    layer.build((None, 4))
    for x in (data(3, 5), data(3, 4)[None, None, None, None], data(3, 4) > 0):
        with pytest.raises(UserError, match="received") as error:
            layer(x)
        assert "\n" not in str(error.value)
