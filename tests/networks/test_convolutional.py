"""Encoder and Decoder: shapes at every rank, refused sizes, precision, configuration."""

import keras
import numpy as np
import pytest
from keras import ops

from vqvae_tf.errors import UserError
from vqvae_tf.networks import Decoder, Encoder, ResidualStack

SIZES = {1: (24,), 2: (8, 12), 3: (4, 8, 12)}


def small_encoder(rank=2, **changes):
    arguments = {"widths": (4, 6), "residual_width": 3, "embedding_dim": 5} | changes
    return Encoder(rank=rank, **arguments)


def small_decoder(rank=2, **changes):
    arguments = {"widths": (6, 4), "residual_width": 3, "channels": 3} | changes
    return Decoder(rank=rank, **arguments)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("strides", [2, (2, 1), (1, 4)])
def test_decoder_undoes_the_encoders_shape(rank, strides):
    encoder = small_encoder(rank, strides=strides)
    decoder = small_decoder(rank, strides=strides if isinstance(strides, int) else strides[::-1])
    shape = (2, *SIZES[rank], 3)
    codes_shape = encoder.compute_output_shape(shape)
    z = encoder(random(*shape))
    assert z.shape == codes_shape
    x = decoder(z)
    assert tuple(x.shape) == shape == decoder.compute_output_shape(codes_shape)


def test_open_sizes_are_known_by_their_channels():
    assert small_encoder().compute_output_shape((None, None, 8, 3)) == (None, None, 2, 5)
    assert small_decoder().compute_output_shape((None, None, 2, 5)) == (None, None, 8, 3)
    z = small_encoder()(keras.Input((None, None, 3)))
    assert z.shape == (None, None, None, 5)


def count(layer, shape):
    layer.build(shape)
    return sum(int(np.prod(w.shape)) for w in layer.trainable_weights)


def test_defaults_are_sonnets_example_network():
    block = 128 * 32 * 9 + 32 + 32 * 128 + 128
    down = (3 * 64 * 16 + 64) + (64 * 128 * 16 + 128) + (128 * 128 * 9 + 128)
    assert count(Encoder(), (None, 32, 32, 3)) == down + 2 * block + 128 * 64 + 64
    up = (64 * 128 * 9 + 128) + (128 * 64 * 16 + 64) + (64 * 3 * 16 + 3)
    assert count(Decoder(), (None, 8, 8, 64)) == up + 2 * block


def test_the_papers_cifar10_network_is_one_call():
    encoder = Encoder(widths=(256, 256), residual_width=256, final_convolution=False)
    block = 256 * 256 * 9 + 256 + 256 * 256 + 256
    down = (3 * 256 * 16 + 256) + (256 * 256 * 16 + 256)
    assert count(encoder, (None, 32, 32, 3)) == down + 2 * block + 256 * 64 + 64
    assert encoder.compute_output_shape((1, 32, 32, 3)) == (1, 8, 8, 64)


def test_without_projection_the_last_width_comes_out():
    z = small_encoder(embedding_dim=None)(random(1, 8, 8, 3))
    assert z.shape == (1, 2, 2, 6)
    assert np.min(z) >= 0  # the stack's final ReLU


def test_residual_stack_is_the_sum_of_its_branches():
    stack = ResidualStack(rank=1, width=4, blocks=2, residual_width=3)
    x = random(2, 7, 4)
    result = ops.convert_to_numpy(stack(x))
    h = x.astype("float64")
    for wide, narrow in zip(stack.wide, stack.narrow, strict=True):
        kernel, bias = (ops.convert_to_numpy(w).astype("float64") for w in wide.weights)
        padded = np.pad(np.maximum(h, 0), ((0, 0), (1, 1), (0, 0)))
        inner = sum(padded[:, k : k + 7] @ kernel[k] for k in range(3)) + bias
        kernel, bias = (ops.convert_to_numpy(w).astype("float64") for w in narrow.weights)
        h = h + np.maximum(inner, 0) @ kernel + bias
    # Sums of 12 float32 products of order one.
    np.testing.assert_allclose(result, np.maximum(h, 0), atol=1e-5)


def test_no_blocks_leave_the_final_relu():
    x = random(1, 3, 3, 4)
    stack = ResidualStack(rank=2, width=4, blocks=0, residual_width=3)
    np.testing.assert_array_equal(stack(x), np.maximum(x, 0))


@pytest.mark.parametrize(
    ("sizes", "nearest"),
    [((451, 427), "(448, 424) or (452, 428)"), ((3, 8), "(4, 8)"), ((8, 0), "(8, 4)")],
)
def test_sizes_that_strides_do_not_divide_are_refused_with_the_nearest(sizes, nearest):
    encoder = small_encoder()
    encoder(random(1, 8, 8, 3))  # a built layer refuses them as well
    for refused in (
        lambda: encoder(np.zeros((1, *sizes, 3), "float32")),
        lambda: small_encoder()(np.zeros((1, *sizes, 3), "float32")),
        lambda: encoder(keras.Input((*sizes, 3))),
        lambda: encoder.compute_output_shape((None, *sizes, 3)),
    ):
        with pytest.raises(UserError) as error:
            refused()
        message = str(error.value)
        assert str(sizes) in message
        assert f"nearest that work are {nearest}: crop or pad" in message
        assert "\n" not in message


def test_only_the_known_size_is_checked():
    with pytest.raises(UserError, match=r"received \(None, 9\)"):
        small_encoder().compute_output_shape((None, None, 9, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": 4}, "rank must be 1, 2 or 3; received 4"),
        ({"widths": ()}, "widths must hold"),
        ({"widths": (4, 0)}, "widths must hold"),
        ({"strides": (2, 2, 2)}, "one for each of the 2 widths"),
        ({"strides": 0}, "one positive number"),
        ({"residual_blocks": -1}, "residual_blocks must be at least 0; received -1"),
    ],
)
@pytest.mark.parametrize("make", [small_encoder, small_decoder])
def test_bad_arguments(make, changes, message):
    with pytest.raises(UserError, match=message):
        make(**changes)


def test_wrong_rank_of_the_input_is_refused():
    message = r"\(rank=2\) takes the shape \[batch, height, width, channels\]; received \(1, 8, 3\)"
    for make in (small_encoder, small_decoder):
        with pytest.raises(UserError, match=message):
            make()(random(1, 8, 3))
        with pytest.raises(UserError, match="such as x / 255 - 0.5 of pixels; received uint8"):
            make()(np.zeros((1, 8, 8, 3), "uint8"))
        with pytest.raises(UserError, match=r"received \(None, 8, 8, None\)"):
            make()(keras.Input((8, 8, None)))
        layer = make()
        layer(random(1, 8, 8, 3))
        for x in (random(1, 8, 8, 4), keras.Input((8, 8, 4))):
            with pytest.raises(
                UserError, match=r"\[batch, height, width, 3\]; .* 8, 8, 4"
            ) as error:
                layer(x)
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_decoder_computes_its_last_convolution_in_float32(policy):
    encoder, decoder = small_encoder(dtype=policy), small_decoder(dtype=policy)
    z = encoder(random(1, 8, 8, 3))
    assert keras.backend.standardize_dtype(z.dtype) == encoder.compute_dtype
    x = decoder(z)
    assert keras.backend.standardize_dtype(x.dtype) == "float32"
    assert np.all(np.isfinite(x))
    symbolic = decoder(keras.Input((2, 2, 5)))
    assert symbolic.dtype == "float32"
    assert all(weight.dtype == "float32" for weight in decoder.stages[-1].weights)


def test_float64_stays_float64():
    x = small_decoder(dtype="float64")(np.ones((1, 2, 2, 5)))
    assert keras.backend.standardize_dtype(x.dtype) == "float64"


def test_precisions_agree():
    exact, mixed = small_decoder(), small_decoder(dtype="mixed_bfloat16")
    z = random(2, 3, 3, 5)
    expected = ops.convert_to_numpy(exact(z))
    mixed(z)
    mixed.set_weights(exact.get_weights())
    # bfloat16 keeps 8 bits, and the error passes through five layers.
    np.testing.assert_allclose(mixed(z), expected, atol=0.05 * np.abs(expected).max())


@pytest.mark.parametrize(
    "layer",
    [
        small_encoder(strides=(2, 1), final_convolution=False, name="e"),
        small_encoder(1, embedding_dim=None, dtype="mixed_bfloat16"),
        small_decoder(3, strides=(1, 2), residual_blocks=1),
        ResidualStack(rank=2, width=4, blocks=1, residual_width=2),
    ],
)
def test_configuration_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_saved_model_file_gives_the_same_output(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, small_decoder()(small_encoder()(inputs)))
    path = tmp_path / "model.keras"
    model.save(path)
    x = random(2, 8, 8, 3)
    np.testing.assert_array_equal(keras.models.load_model(path)(x), model(x))


def test_every_weight_has_a_gradient():
    import tensorflow as tf

    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, small_decoder()(small_encoder()(inputs)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(random(2, 8, 8, 3)) ** 2)
    for weight, gradient in zip(
        model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True
    ):
        assert np.any(gradient), weight.path
