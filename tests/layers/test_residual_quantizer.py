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


def finite_scalars(*stages, **kwargs):
    layer = layers.ResidualQuantizer(
        [layers.FiniteScalarQuantizer(levels) for levels in stages], **kwargs
    )
    layer.build((None, len(stages[0])))
    return layer


def signs(stages, **kwargs):
    layer = layers.ResidualQuantizer([layers.LookupFreeQuantizer(**kwargs) for _ in range(stages)])
    layer.build((None, DIM))
    return layer


@pytest.mark.parametrize(
    "stages", [[(5, 4, 3, 2)] * 4, [(8, 5, 5, 5)] * 3, [(5, 8, 2, 7), (2, 3, 4, 5), (6, 6, 3, 3)]]
)
def test_finite_scalar_stages_are_digits_of_the_place_in_the_cell(stages):
    layer, x = finite_scalars(*stages), data(5000, seed=2)
    places, vectors, codes = oracle.residual_finite_scalar(x, stages)
    # float32 knows f to some 3e-7 of the first stage's cells, which are up to 5^3 of the last's.
    clear = (np.abs(places - np.round(places)) > 1e-4).all((1, 2))
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(array(layer.encode(x))[clear], codes[clear])
    np.testing.assert_allclose(array(layer(x))[clear], vectors[clear], rtol=1e-6, atol=3e-7)
    first = layers.FiniteScalarQuantizer(stages[0])
    np.testing.assert_array_equal(layer(x, num_stages=1), first(x))  # as it would be alone


@pytest.mark.parametrize("number", [3, 5, 8])
def test_each_finite_scalar_stage_divides_the_error_by_its_levels(number):
    layer, x = finite_scalars(*[(number,) * DIM] * 4), data(5000, seed=3)
    bounded = oracle.finite_scalar(x, (number,) * DIM)[0] / (number // 2)
    errors = [np.abs(array(layer(x, num_stages=stages)) - bounded) for stages in (1, 2, 3, 4)]
    cells = 1 / (number // 2) / number ** np.arange(4)
    # What the margin of 0.001 lets pass beside the outermost levels is lost.
    bounds = zip(errors, cells, strict=True)
    assert all(error.max() < cell * (0.5 + 0.004) + 3e-7 for error, cell in bounds)
    spread = np.array([np.sqrt(np.square(error).mean()) for error in errors])
    # Across the first stage's cells the density is not flat.
    np.testing.assert_allclose(spread[:-1] / spread[1:], number, rtol=0.1)


def test_compiled_vectors_have_the_bits_of_decode():
    layer = finite_scalars((9, 11, 7, 13), (3, 5, 9, 7), (11, 6, 14, 9))
    codes = np.random.default_rng(0).integers(0, layer.code_sizes, (2000, 3), np.int32)
    expected = layer.decode(codes)
    x = data(2000)
    for compilation in ({}, {"jit_compile": True}):
        decode = tf.function(layer.decode, **compilation)
        np.testing.assert_array_equal(decode(codes), expected)
        output = tf.function(lambda x: layer.quantize(x), **compilation)(x)
        np.testing.assert_array_equal(output.vectors, layer.decode(output.codes))


def test_finite_scalar_stages_have_the_gradient_of_the_bound_once():
    layer, x = finite_scalars(*[(8, 5, 2, 3)] * 3), tf.constant(data(50))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        of_all = tf.reduce_sum(layer(x) * data(50, seed=1))
        of_one = tf.reduce_sum(layer(x, num_stages=1) * data(50, seed=1))
        alone = tf.reduce_sum(layers.FiniteScalarQuantizer((8, 5, 2, 3))(x) * data(50, seed=1))
    expected = tape.gradient(alone, x)
    for target in (of_all, of_one):
        np.testing.assert_array_equal(tape.gradient(target, x), expected)


@pytest.mark.parametrize("spherical", [False, True])
def test_stages_of_signs_are_the_bits_of_a_number(spherical):
    layer = signs(5, spherical=spherical)
    x = np.random.default_rng(0).uniform(-2, 2, (2000, DIM)).astype("float32")
    size = DIM**-0.5 if spherical else 1.0
    bounded = np.float64(x) / np.linalg.norm(x, axis=1, keepdims=True) if spherical else x
    whole = np.floor((bounded / size + 2) * 8)  # 0 to 31: five bits, the first the highest
    bits = np.int64(whole)[:, None] >> np.arange(5)[::-1, None] & 1
    np.testing.assert_array_equal(layer.encode(x), bits @ (1 << np.arange(DIM)))
    np.testing.assert_allclose(layer(x), ((whole + 0.5) / 8 - 2) * size, rtol=1e-6)
    errors = [np.abs(array(layer(x, num_stages=n)) - bounded) for n in range(1, 6)]
    for number, error in enumerate(errors):
        assert error.max() <= size / 2**number * (1 + 1e-5)
    spread = np.array([error.mean() for error in errors])[1:]  # a sphere is not flat in its cells
    np.testing.assert_allclose(spread[:-1] / spread[1:], 2, rtol=0.1)


def test_losses_of_stages_of_signs_are_of_the_residual_and_of_it_in_the_stage_s_scale():
    costs = {"commitment_cost": 1.0, "entropy_cost": 1.0, "diversity_cost": 1.0}
    x = data(64)
    losses = signs(3, temperature=0.7, **costs).quantize(x).losses
    expected, residual = dict.fromkeys(losses, 0.0), x
    for scale in (1.0, 0.5, 0.25):
        alone = layers.LookupFreeQuantizer(temperature=0.7, **costs).quantize(residual / scale)
        for name, loss in alone.losses.items():
            expected[name] += float(loss) * (scale**2 if name == "commitment" else 1.0)
        residual = residual - array(alone.vectors) * scale
    for name, loss in losses.items():  # float32
        np.testing.assert_allclose(loss, expected[name], rtol=1e-5, err_msg=name)


def test_fixed_codes_of_both_kinds_and_then_a_codebook():
    layer = layers.ResidualQuantizer(
        [
            layers.FiniteScalarQuantizer((5, 4, 3, 8)),
            layers.LookupFreeQuantizer(),
            layers.FiniteScalarQuantizer((3, 3, 3, 3)),
            layers.VectorQuantizerEMA(64),
        ]
    )
    for step in range(20):
        layer(data(512, seed=step), training=True)
    x = data(1000, seed=50)
    bounded = oracle.finite_scalar(x, (5, 4, 3, 8))[0] / (2, 2, 1, 4)
    errors = [np.square(array(layer(x, num_stages=n)) - bounded).mean() for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(errors[0] / errors[1], 2**2, rtol=0.1)
    np.testing.assert_allclose(errors[1] / errors[2], 3**2, rtol=0.1)
    assert errors[3] < errors[2]
    np.testing.assert_array_equal(layer.decode(layer.encode(x)), layer(x))


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
        (
            {"quantizers": [layers.SimVQ(4), layers.LookupFreeQuantizer()]},
            "stage 2 of .* residuals of SimVQ .* no known scale; put LookupFreeQuantizer first",
        ),
        (
            {"quantizers": [layers.FiniteScalarQuantizer((9, 2**12)) for _ in range(3)]},
            "into 68719476736 cells, more than the 16777216 .* use fewer stages",
        ),
        (
            {"quantizers": [layers.GroupedQuantizer(layers.FiniteScalarQuantizer((3, 3)), 2)]},
            "stage 1 of .* put the GroupedQuantizer around a ResidualQuantizer",
        ),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.ResidualQuantizer(**arguments)


def test_a_stage_of_two_quantizers_is_refused_and_the_first_stays():
    shared = layers.FiniteScalarQuantizer((5,) * DIM)
    first = layers.ResidualQuantizer([layers.FiniteScalarQuantizer((5,) * DIM), shared])
    vectors = data(20)
    before = array(first(vectors))
    for stages in ([layers.FiniteScalarQuantizer((3,) * DIM), shared], [shared]):
        with pytest.raises(ValueError, match="is a stage of another ResidualQuantizer"):
            layers.ResidualQuantizer(stages)(vectors)
    np.testing.assert_array_equal(array(first(vectors)), before)
