"""Residual quantization: sums of codes, one straight-through, every stage's commitment."""

import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers import oracle
from vqvae_tf import layers, metrics

DIM = 4


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, DIM)).astype("float32")


def make(stages=3, inner=layers.VectorQuantizerEMA, **kwargs):
    layer = layers.ResidualQuantizer([inner(16) for _ in range(stages)], **kwargs)
    for step in range(4):
        layer(data(64, seed=step), training=True)
    return layer


@pytest.fixture(scope="module")
def trained():
    return make()


def test_codes_are_the_nearest_of_each_residual(trained):
    x = data(50, seed=9)
    residual, codes, total = np.float64(x), [], 0.0
    for inner in trained.quantizers:
        codebook = array(inner.codebook)
        codes.append(oracle.nearest(residual, codebook))
        residual = residual - codebook[codes[-1]]
        total = total + codebook[codes[-1]]
    np.testing.assert_array_equal(trained.encode(x), np.stack(codes, 1))
    np.testing.assert_array_equal(trained(x), total)
    assert trained.codebook.shape == (3, 16, DIM)
    assert trained.code_sizes == (16, 16, 16) and trained.bits_per_vector == 12.0


def test_fewer_stages_at_call(trained):
    x = data(2, 7, seed=9)
    all_codes, errors = array(trained.encode(x)), []
    for number in (1, 2, 3):
        codes = trained.encode(x, num_stages=number)
        np.testing.assert_array_equal(codes, all_codes[..., :number])
        output = trained.quantize(x, num_stages=number)
        np.testing.assert_array_equal(output.codes, codes)
        np.testing.assert_array_equal(output.vectors, trained.decode(codes))
        np.testing.assert_array_equal(trained(x, num_stages=number), output.vectors)
        errors.append(float(np.square(array(output.vectors) - x).mean()))
    assert errors[0] > errors[1] > errors[2]
    with pytest.raises(ValueError, match="num_stages must lie in 1 to 3; received 4"):
        trained.encode(x, num_stages=4)


@pytest.mark.parametrize("inner", [layers.VectorQuantizer, layers.VectorQuantizerEMA])
def test_the_decoder_s_gradient_comes_once_and_every_stage_commits(inner):
    layer, x = make(inner=inner), tf.constant(data(20, seed=5))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        output = layer.quantize(x)
        reconstruction = tf.reduce_sum(output.vectors * 3.0)
        # The losses of each stage alone, by quantizing with what is left for it.
        residual, commitments = x, []
        for stage in layer.quantizers:
            part = stage.quantize(residual)
            commitments.append(part.losses["commitment"])
            residual = residual - tf.stop_gradient(part.vectors)
    np.testing.assert_array_equal(tape.gradient(reconstruction, x), np.full((20, DIM), 3.0))
    for commitment in commitments:
        assert np.abs(tape.gradient(commitment, x)).max() > 0
    np.testing.assert_allclose(output.losses["commitment"], sum(commitments), rtol=1e-6)


def test_dropout_is_by_example_and_by_seed():
    def drop(x, seed=0):
        layer = layers.ResidualQuantizer(
            [layers.VectorQuantizerEMA(16, revival_threshold=0) for _ in range(4)],
            dropout=True,
            seed=seed,
        )
        layer.build(x.shape)
        for number, stage in enumerate(layer.quantizers):
            stage.load_codebook(1.0 + data(16, seed=number))  # no code is the zero vector
        return layer, layer.quantize(x, training=True, freeze_codebook=True)

    x = data(200, 3)
    layer, output = drop(x)
    vectors, codes = array(output.vectors), array(output.codes)
    partial = np.stack([array(layer.decode(codes[..., :n])) for n in range(1, 5)])
    used = np.array(
        [
            [(partial[:, b, i] == vectors[b, i]).all(-1).argmax() for i in range(3)]
            for b in range(200)
        ]
    )
    assert (used == used[:, :1]).all()  # one number an example
    assert all(40 * 0.5 < count < 200 / 4 * 1.6 for count in np.bincount(used[:, 0], minlength=4))
    for b in range(200):  # the code of a stage that an example leaves out is none
        assert (codes[b, :, : used[b, 0] + 1] >= 0).all()
        assert (codes[b, :, used[b, 0] + 1 :] == -1).all()
    np.testing.assert_array_equal(layer.decode(codes), vectors)
    in_graph = tf.function(layer.decode, input_signature=[tf.TensorSpec([None, 3, 4], tf.int32)])
    np.testing.assert_array_equal(in_graph(codes), vectors)
    dead = metrics.DeadCodes(layer.code_sizes)
    dead.update_state(codes)
    seen = sum(len(np.unique(codes[..., n][codes[..., n] >= 0])) for n in range(4))
    assert float(dead.result()) == 64 - seen
    np.testing.assert_array_equal(drop(x)[1].codes, codes)
    assert (array(drop(x, seed=1)[1].codes) != codes).any()
    np.testing.assert_array_equal(drop(x[:50])[1].codes, codes[:50])  # whatever the batch
    assert (array(layer.encode(x)) != codes).any()  # at inference all stages


def test_a_dropped_stage_learns_from_those_that_use_it():
    layer = layers.ResidualQuantizer(
        [layers.VectorQuantizerEMA(4, revival_threshold=0, decay=0.5) for _ in range(2)],
        dropout=True,
    )
    layer.build((None, DIM))
    before = float(np.sum(layer.quantizers[1].counts))
    output = layer.quantize(data(100), training=True)
    full = (array(output.codes)[:, 1] > 0).sum()
    hits = float(np.sum(layer.quantizers[1].counts)) * 2 - before
    assert 20 < hits < 80 and hits >= full


def test_composites_inside_and_other_kinds():
    layer = layers.ResidualQuantizer(
        [
            layers.GroupedQuantizer([layers.VectorQuantizerEMA(8), layers.VectorQuantizerEMA(4)]),
            layers.SimVQ(16),
        ]
    )
    x = data(2, 9)
    assert layer.encode(x).shape == (2, 9, 3) and layer.code_sizes == (8, 4, 16)
    np.testing.assert_array_equal(layer.decode(layer.encode(x)), layer(x))
    assert layer.encode(x, num_stages=1).shape == (2, 9, 2)
    assert layer.loss_names == ("commitment", "codebook")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"quantizers": []}, "needs at least one quantizer"),
        ({"quantizers": [3]}, "takes quantizers; received 3"),
        ({"quantizers": [layers.SimVQ(4)] * 2}, "was given one quantizer twice"),
        ({"quantizers": [layers.SimVQ(4)], "estimator": "stochastic"}, "give it to them"),
        (
            {"quantizers": [layers.ProjectedQuantizer(layers.SimVQ(4), 2)]},
            "put it around the ResidualQuantizer",
        ),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.ResidualQuantizer(**arguments)
