"""The contract of `Quantizer`: what every quantizer must do, whatever is inside it."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.ops import convert_to_numpy as array

from tests.layers.cases import CODEBOOKS, DIM, QUANTIZERS
from vqvae_tf import layers


@pytest.fixture(params=QUANTIZERS)
def case(request):
    return QUANTIZERS[request.param]


@pytest.fixture
def make(case):
    return case.make


@pytest.fixture(params=CODEBOOKS)
def make_codebook(request):
    return QUANTIZERS[request.param].make


@functools.cache
def trained(make):
    """A trained layer, one for all tests: they read it and write nothing."""
    layer = make()
    for step in range(5):
        layer(data(32, seed=step), training=True)
    return layer


def copy_of_trained(make):
    """A layer of one's own in the state of `trained`."""
    layer = built(make)
    layer.set_weights(trained(make).get_weights())
    return layer


def built(make):
    layer = make()
    layer.build((None, DIM))
    return layer


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, DIM)).astype("float32")


def state(layer):
    return {variable.path: array(variable) for variable in layer.variables}


def assert_same_state(a, b):
    for x, y in zip(a.variables, b.variables, strict=True):
        np.testing.assert_array_equal(array(x), array(y), err_msg=x.path)


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4), (2, 3, 4, 2)])
def test_any_rank_and_decode_of_encode_is_call_bit_for_bit(make, shape):
    layer, x = trained(make), data(*shape, seed=9)
    codes = layer.encode(x)
    assert codes.shape[: len(shape)] == shape and codes.dtype == tf.int32
    assert (array(codes) >= 0).all() and (array(codes) < layer.code_sizes).all()
    np.testing.assert_array_equal(layer.decode(codes), layer(x))
    flat = layer.encode(x.reshape(-1, DIM))
    np.testing.assert_array_equal(np.ravel(codes), np.ravel(flat))


def test_outputs_are_rows_of_the_codebook(make_codebook):
    layer, x = trained(make_codebook), data(20)
    codebook = array(layer.codebook)
    np.testing.assert_array_equal(layer(x), codebook[array(layer.encode(x))])
    assert codebook.dtype == np.float32 and codebook.shape == (16, DIM)


@pytest.mark.parametrize("training", [False, True])
def test_the_decoder_s_gradient_comes_to_the_input(case, training):
    layer, x = copy_of_trained(case.make), tf.constant(data(8))
    weights = tf.constant(data(8, seed=5))
    with tf.GradientTape() as tape:
        tape.watch(x)
        vectors = layer.quantize(x, training=training).vectors
        loss = tf.reduce_sum(vectors * weights)
    gradients = tape.gradient(loss, [x, *layer.trainable_variables])
    assert np.isfinite(gradients[0]).all() and (array(gradients[0]) != 0).all()
    if case.identity:
        np.testing.assert_array_equal(gradients[0], weights)
        assert all(gradient is None for gradient in gradients[1:])  # none from reconstruction


def test_inference_writes_nothing_and_its_graph_assigns_nothing(make):
    layer = trained(make)
    before = state(layer)
    layer(data(9), training=False), layer.encode(data(9)), layer.quantize(data(9))
    for path, value in state(layer).items():
        np.testing.assert_array_equal(value, before[path])
    graph = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec([None, DIM])).graph
    assert not [op.name for op in graph.get_operations() if "Assign" in op.type]


def test_fit_trains_what_stands_before_and_moves_the_codebook(case):
    layer = built(case.make)
    inputs = keras.Input((DIM,))
    before = keras.layers.Dense(DIM)
    model = keras.Model(inputs, layer(before(inputs)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    kernel, codebook = array(before.kernel), array(layer.codebook) if case.codebook else None
    model.fit(data(64), data(64, seed=1), epochs=2, verbose=0)
    assert np.isfinite(array(before.kernel)).all() and (array(before.kernel) != kernel).all()
    if case.codebook:
        assert not np.array_equal(codebook, array(layer.codebook))
        assert any(variable is layer.codebook for variable in model.variables)


def test_losses_reach_fit_and_are_those_of_quantize(make):
    layer, x = trained(make), data(12, seed=3)
    losses = layer.quantize(x).losses
    layer(x)
    assert set(losses) == set(layer.loss_names)
    np.testing.assert_allclose(
        sum(map(float, layer.losses)), sum(map(float, losses.values())), rtol=1e-6
    )
    layer(x)
    assert len(layer.losses) == len(losses)  # cleared by each call


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_codes_and_state_do_not_hang_on_the_policy(make, policy):
    plain, other = trained(make), make(dtype=policy)
    for step in range(5):
        other(data(32, seed=step), training=True)
    assert_same_state(plain, other)
    x = data(500, seed=7)
    np.testing.assert_array_equal(plain.encode(x), other.encode(x))
    assert other(x).dtype == tf.as_dtype(other.compute_dtype)
    assert all(array(v).dtype in (np.float32, np.int32, bool) for v in other.variables)


def test_a_masked_position_is_as_if_it_were_not_there(case):
    masked, bare = case.make(), case.make()
    for step in range(4):
        x = data(5, 6, seed=step)
        mask = np.random.default_rng(step).random((5, 6)) < 0.6
        x_spoilt = np.where(mask[..., None], x, np.nan).astype("float32")
        a = masked.quantize(x_spoilt, training=True, mask=mask)
        b = bare.quantize(x[mask], training=True)
        np.testing.assert_array_equal(array(a.codes)[mask], b.codes)
        np.testing.assert_array_equal(array(a.codes)[~mask], 0)
        # A product of matrices differs in the last bit where it has more rows.
        np.testing.assert_allclose(array(a.vectors)[mask], b.vectors, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(array(a.vectors)[~mask], 0)
        for name in a.losses:  # sums of float32 in another order
            np.testing.assert_allclose(a.losses[name], b.losses[name], rtol=1e-5)
    if case.codebook:
        assert_same_state(masked, bare)
    for x, y in zip(masked.variables, bare.variables, strict=True):
        np.testing.assert_allclose(array(x), array(y), rtol=1e-5, atol=1e-6, err_msg=x.path)


def test_keras_masks_reach_the_layer_and_go_on(make):
    layer = make()
    inputs = keras.Input((5, DIM))
    outputs = layer(keras.layers.Masking()(inputs))
    x = data(3, 5)
    x[1, 3:] = 0.0  # masked by Keras
    result = keras.Model(inputs, outputs)(x)
    np.testing.assert_array_equal(array(result)[1, 3:], 0)
    assert outputs._keras_mask is not None


def test_masks_of_another_shape_are_refused(make):
    with pytest.raises(ValueError, match=r"mask must have the input's shape without the last axis"):
        make().quantize(data(3, 5), mask=np.ones((3, 5, 1), bool))
    with pytest.raises(ValueError, match=r"mask must have the input's shape without the last axis"):
        make().quantize(data(3, 5), mask=np.ones((3, 4), bool))


BAD_VALUES = np.nan, np.inf, -np.inf, 3e38


def with_bad(value):
    x = data(20)
    x[3, 1] = value
    x[4] = -value
    return x


def test_nan_and_infinity_get_codes(make):
    layer = trained(make)
    finite = np.delete(np.arange(20), [3, 4])
    expected = array(layer.encode(data(20)))[finite]
    for value in BAD_VALUES:
        codes = array(layer.encode(with_bad(value)))
        assert (codes >= 0).all() and (codes < layer.code_sizes).all()
        np.testing.assert_array_equal(codes[finite], expected)


def test_nan_and_infinity_leave_the_codebook(make_codebook):
    layer = copy_of_trained(make_codebook)
    statistics = [v for v in layer.variables if v.name in ("codebook", "counts", "sums")]
    before = [array(v) for v in statistics]
    for value in BAD_VALUES:
        layer.quantize(with_bad(value), training=True)
    for variable, value in zip(statistics, before, strict=True):
        np.testing.assert_array_equal(array(variable), value, err_msg=variable.path)


def test_saved_and_loaded_it_goes_on_as_it_would_have(make, tmp_path):
    inputs = keras.Input((DIM,))
    layer = make()
    model = keras.Model(inputs, layer(inputs))
    for step in range(3):
        model(data(32, seed=step), training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for step in range(3, 6):
        model(data(32, seed=step), training=True)
        loaded(data(32, seed=step), training=True)
    assert_same_state(model, loaded)


def test_config_round_trip_and_clone(make):
    layer = make(name="q", return_codes=True, dtype="mixed_bfloat16")
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config
    inputs = keras.Input((3, DIM))
    model = keras.Model(inputs, layer(inputs))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for a, b in zip(model(data(2, 3)), clone(data(2, 3)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_functional_shapes_and_types(make):
    inputs = keras.Input((None, 7, DIM), dtype="float32")
    vectors, codes = make(return_codes=True, dtype="mixed_bfloat16")(inputs)
    assert vectors.shape == (None, None, 7, DIM) and vectors.dtype == "bfloat16"
    assert codes.shape[:3] == (None, None, 7) and codes.dtype == "int32"
    assert make().compute_output_shape((2, 5, DIM)) == (2, 5, DIM)
    layer = make(return_codes=True)
    shapes = layer.compute_output_shape((2, 5, DIM))
    assert shapes == tuple(tuple(output.shape) for output in layer(data(2, 5)))


def test_graph_and_xla_take_the_steps_that_eager_takes(make):
    def steps(layer, **compilation):
        step = tf.function(lambda x: layer.quantize(x, training=True).codes, **compilation)
        return layer, step

    eager = built(make)
    compiled = [steps(built(make)), steps(built(make), jit_compile=True)]
    for seed in range(4):
        x = data(40, seed=seed)
        codes = eager.quantize(x, training=True).codes
        for _, step in compiled:
            np.testing.assert_array_equal(codes, step(x))
    # XLA sums in another order; float64 partial sums keep it to the last bits of float32.
    for layer, _ in compiled:
        for a, b in zip(layer.variables, eager.variables, strict=True):
            np.testing.assert_allclose(array(a), array(b), rtol=1e-6, atol=1e-7, err_msg=a.path)


def test_an_empty_batch_is_defined(make):
    layer = copy_of_trained(make)
    output = layer.quantize(data(0), training=True)
    assert output.vectors.shape == (0, DIM) and output.codes.shape[0] == 0
    assert all(float(loss) == 0.0 for loss in output.losses.values())


def test_an_empty_batch_leaves_the_codebook(make_codebook):
    layer = copy_of_trained(make_codebook)
    before = array(layer.codebook)
    layer(data(0), training=True)
    np.testing.assert_array_equal(layer.codebook, before)


def test_frozen_it_keeps_its_state(case):
    layer = copy_of_trained(case.make)
    layer.trainable = False
    before = state(layer)
    layer(data(32), training=True)
    for path, value in state(layer).items():
        drawn_once_more = case.draws and path.endswith("/step")
        np.testing.assert_array_equal(value, before[path] + drawn_once_more)


def decode_changed(make, change):
    """Hands `change` the codes of a position and decodes them."""
    layer = built(make)
    codes = array(layer.encode(data(3))).copy()
    codes[1:2] = change(np.array(layer.code_sizes))
    layer.decode(codes)


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda make: make()(data()), "takes inputs of rank 2 to 5"),
        (lambda make: make().decode([1]), "has no codebook yet"),
        (lambda make: decode_changed(make, lambda sizes: sizes), "knows the codes 0 to"),
        (
            lambda make: decode_changed(make, lambda sizes: -1),
            "knows the codes 0 to .* received -1",
        ),
        (lambda make: built(make).encode(data(3), num_stages=0), "has no stages|must lie in 1 to"),
    ],
)
def test_mistakes_end_in_one_clear_line(make, mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake(make)


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda make: make().load_codebook(np.zeros((3, DIM))), "holds 16 codes"),
        (lambda make: make().load_codebook(np.full((16, DIM), np.nan)), "NaN or infinite"),
        (lambda make: built(make).load_codebook(np.zeros((16, 2))), "codes of 4 numbers"),
        (lambda make: make(commitment_cost=-1), "commitment_cost must not be negative"),
        (lambda make: type(make())(0), "num_embeddings must be at least 1; received 0"),
        (lambda make: type(make())(8, decay=1.0), "decay must be None or lie in"),
        (lambda make: built(make).decode([3, 16]), "knows the codes 0 to 15; received 16"),
        (lambda make: make(estimator="rotate"), "estimator must be an Estimator or one of"),
        (lambda make: make(distance="l1"), "distance must be euclidean or cosine"),
        (lambda make: make().initialize(data(15)), "at least one vector per code, 16; received 15"),
        (lambda make: make().initialize([]), "holds no vectors"),
    ],
)
def test_mistakes_with_a_codebook_end_in_one_clear_line(make_codebook, mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake(make_codebook)


def test_loaded_codes_are_the_codes(make_codebook):
    codebook = data(16, seed=4)
    layer = make_codebook()
    layer.load_codebook(codebook)
    np.testing.assert_array_equal(layer.decode(np.arange(16)), codebook)
    np.testing.assert_array_equal(layer.encode(codebook), np.arange(16))
    np.testing.assert_array_equal(layer.counts, np.ones(16))


def test_keras_int8_quantization_passes_the_layer_by(make):
    inputs = keras.Input((DIM,))
    model = keras.Model(inputs, make()(inputs))
    with pytest.warns(UserWarning, match="has no form with weights of"):
        model.quantize("int8")


def test_it_serves_from_a_saved_model(make, tmp_path):
    layer = trained(make)

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, DIM])])
        def encode(self, x):
            return layer.encode(x)

    module = Module()
    module.tracked = [variable.value for variable in layer.variables]
    tf.saved_model.save(module, str(tmp_path))
    x = data(3, 5, seed=8)
    served = tf.saved_model.load(str(tmp_path))  # held: its variables go with it
    np.testing.assert_array_equal(served.encode(x), layer.encode(x))


def test_isinstance_of_the_contract(make):
    assert isinstance(make(), layers.Quantizer)
