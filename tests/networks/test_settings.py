"""Networks under what users set for all of Keras, from NumPy numbers, and called with mistakes."""

import json

import keras
import numpy as np
import pytest

from vqvae_tf import networks
from vqvae_tf.errors import UserError


@pytest.fixture(params=["float64", "float16", "bfloat16"])
def floatx(request):
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)  # Keras's own default
    keras.config.set_image_data_format("channels_first")
    yield request.param
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")


def data(*shape):
    return np.random.default_rng(0).normal(size=shape)


def codes(*shape):
    return np.random.default_rng(0).integers(0, 8, shape)


def convolutional(rank, size):
    encoder = networks.Encoder(rank=rank, widths=(4, 6), residual_width=3, embedding_dim=5)
    decoder = networks.Decoder(rank=rank, widths=(6, 4), residual_width=3, channels=2)
    inputs = keras.Input((*[size] * rank, 2))
    outputs = decoder(encoder(inputs))
    assert outputs.shape == (None, *[size] * rank, 2)
    return keras.Model(inputs, outputs), data(2, *[size] * rank, 2)


def over_codes(network, *shape):
    inputs = keras.Input(shape, dtype="int32")
    return keras.Model(inputs, network(inputs)), codes(2, *shape)


MODELS = {
    "sound": lambda: convolutional(1, 8),
    "picture": lambda: convolutional(2, 8),
    "video": lambda: convolutional(3, 4),
    "pixelcnn": lambda: over_codes(networks.PixelCNN(8, channels=4, layers=2), 3, 4),
    "code vectors": lambda: over_codes(
        networks.PixelCNN(8, channels=4, layers=2, code_dim=3, slots=2), 3, 4, 2
    ),
    "wavenet": lambda: over_codes(networks.WaveNet(8, 4, 4, dilations=(1, 2)), 9),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_fit(name, floatx):
    model, x = MODELS[name]()
    loss = "mse" if x.dtype.kind == "f" else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(1e-3), loss, run_eagerly=True)
    (loss,) = model.fit(x, x, verbose=0).history["loss"]
    assert np.isfinite(float(keras.ops.cast(loss, "float32")))
    # What comes last computes in float32 where the others have less.
    assert {variable.dtype for variable in model.trainable_variables} <= {floatx, "float32"}


def test_conditions_and_samples(floatx):
    network = networks.PixelCNN(8, channels=4, layers=1, num_classes=3, spatial_channels=2)
    spatial = data(2, 3, 4, 2)
    assert network(codes(2, 3, 4), label=np.array([0, -1]), spatial=spatial).shape == (2, 3, 4, 8)
    network.sample(2, (3, 4), label=1, spatial=spatial)
    network = networks.WaveNet(8, 4, 4, (1, 2), num_classes=3, local_channels=2, upsampling=4)
    local = data(2, 3, 2)
    assert network(codes(2, 9), label=np.array([0, -1]), local=local).shape == (2, 9, 8)
    network.sample(2, 9, label=1, local=local)


def test_numpy_numbers_are_taken_and_saved(tmp_path):
    integer, real = np.int64, np.float64
    made = [
        networks.Encoder(
            rank=integer(2),
            widths=np.array([4, 6]),
            strides=integer(2),
            residual_blocks=np.int8(1),
            residual_width=integer(3),
            embedding_dim=np.uint8(5),
            final_convolution=np.bool_(False),
        ),
        networks.Decoder(widths=np.array([6, 4]), strides=np.array([2, 2]), channels=integer(3)),
        networks.PixelCNN(
            integer(8),
            channels=integer(4),
            layers=integer(2),
            kernel_size=np.array([2, 3]),
            first_kernel=(integer(3), integer(5)),
            head_width=integer(4),
            dropout=np.float32(0.5),
            num_classes=integer(3),
            spatial_channels=integer(2),
            slots=integer(2),
        ),
        networks.WaveNet(
            integer(8),
            channels=integer(4),
            skip_channels=integer(4),
            dilations=np.array([1, 2]),
            kernel_size=integer(2),
            num_classes=integer(3),
            local_channels=integer(2),
            upsampling=integer(4),
        ),
    ]
    for layer in made:
        json.dumps(layer.get_config())
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    *_, pixelcnn, wavenet = made
    numbers = {
        "seed": np.int64(3),
        "temperature": np.float32(0.9),
        "top_k": integer(4),
        "top_p": real(0.5),
        "label": integer(1),
        "first_sample": integer(0),
    }
    assert pixelcnn.sample(integer(2), np.array([3, 4]), **numbers).shape == (2, 3, 4, 2)
    assert wavenet.sample(integer(2), integer(9), block=integer(1), **numbers).shape == (2, 9)
    for block in wavenet.stream(integer(1), integer(9), steps=integer(8), **numbers):
        assert block.shape[0] == 1


def pixelcnn(**changes):
    return networks.PixelCNN(8, **{"channels": 4, "layers": 1} | changes)


def wavenet(**changes):
    return networks.WaveNet(8, 4, 4, dilations=(1,), **changes)


CONDITIONED = {"num_classes": 3, "spatial_channels": 2}
HEARING = {"num_classes": 3, "local_channels": 2, "upsampling": 4}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pixelcnn()(data(2, 3, 4)), "codes must be integers; received float64"),
        (lambda: pixelcnn()(keras.Input((3, 4))), "codes must be integers; received float32"),
        (lambda: pixelcnn()(codes(2, 3)), r"\[batch, height, width\]; received \(2, 3\)"),
        (lambda: pixelcnn(slots=2)(codes(2, 3, 4)), r"\[batch, height, width, 2\]; received"),
        (lambda: pixelcnn(slots=2)(codes(2, 3, 4, 3)), r"width, 2\]; received \(2, 3, 4, 3\)"),
        (lambda: pixelcnn()(codes(2, 3, 4) + 1), "between 0 and 7; received 1 to 8"),
        (lambda: pixelcnn()(codes(2, 3, 4) + 2**40), "between 0 and 7; received 10995"),
        (lambda: pixelcnn()(keras.ops.convert_to_tensor(codes(2, 3, 4) - 1)), "received -1 to 6"),
        (
            lambda: pixelcnn(**CONDITIONED)(codes(2, 3, 4), label=np.array([0, 3])),
            "label must lie between 0 and 2, or be -1 for none; received 0 to 3",
        ),
        (
            lambda: pixelcnn(**CONDITIONED)(codes(2, 3, 4), label=np.array([0.0, 1.0])),
            "label must be integers; received float64",
        ),
        (
            lambda: pixelcnn(**CONDITIONED)(codes(2, 3, 4), label=np.array([[0], [1]])),
            r"label must have the shape \[batch\], .* 2 examples; received \(2, 1\)",
        ),
        (
            lambda: pixelcnn(**CONDITIONED)(codes(2, 3, 4), spatial=data(2, 3, 5, 2)),
            r"spatial must have the shape \[2, 3, 4, 2\]; received \(2, 3, 5, 2\)",
        ),
        (
            lambda: pixelcnn(**CONDITIONED)(keras.Input((None, 4), dtype="int32"), None, data(3)),
            r"spatial must have the shape \[any, any, 4, 2\]; received \(3,\)",
        ),
        (lambda: wavenet()(data(2, 9)), "codes must be integers; received float64"),
        (lambda: wavenet()(keras.ops.convert_to_tensor(codes(2, 9) + 1)), "received 1 to 8"),
        (
            lambda: wavenet(**HEARING)(codes(2, 9), label=np.array([-2, 0])),
            "label must lie between 0 and 2, or be -1 for none; received -2 to 0",
        ),
        (
            lambda: wavenet(**HEARING)(codes(2, 9), label=np.array([0, 1, 2])),
            r"2 examples; received \(3,\)",
        ),
        (
            lambda: wavenet(**HEARING)(codes(2, 9), local=data(3, 3, 2)),
            r"local must have the shape \[2, 3, 2\]: a frame for every .* received \(3, 3, 2\)",
        ),
        (lambda: networks.ResidualStack(2, 4, 1, 2)(data(1, 8, 8, 3)), r"width, 4\]; received"),
        (lambda: networks.mu_law_encode(np.array([1, 2])), "floats in .* received int64"),
        (lambda: networks.mu_law_decode([0.5]), "codes must be integers; received float64"),
        (lambda: networks.mu_law_decode([256]), "between 0 and 255; received 256 to 256"),
        (lambda: pixelcnn().sample(2.5, (3, 4)), "count must be a whole number; received 2.5"),
        (lambda: pixelcnn().sample(2, (3.5, 4)), r"grid must be \(height, width\)"),
        (
            lambda: pixelcnn().sample(2, (3, 4), seed=None),
            "seed must be a whole number",
        ),
        (lambda: pixelcnn().sample(2, (3, 4), top_k=1.5), "top_k must be a whole number"),
        (lambda: wavenet().sample(2, 9.5), "length must be a whole number; received 9.5"),
    ],
)
def test_wrong_calls_end_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.Encoder(num_hiddens=128), "Encoder has no argument num_hiddens: write w"),
        (lambda: networks.Encoder(num_residual_layers=2), "write residual_blocks="),
        (lambda: networks.Decoder(out_channels=3), "channels= of a Decoder"),
        (lambda: networks.Decoder(data_format="channels_first"), "channels are always last"),
        (lambda: networks.PixelCNN(8, n_layers=3), "PixelCNN has no argument n_layers: write lay"),
        (lambda: networks.WaveNet(residual_channels=3), "WaveNet has no argument residual_channe"),
        (lambda: networks.Encoder(rank="2"), "rank must be 1, 2 or 3; received '2'"),
        (lambda: networks.Encoder(widths=8), "widths must hold one positive number per level"),
        (lambda: networks.Encoder(widths=(4.5,)), "widths must hold one positive number per level"),
        (lambda: networks.Encoder(residual_blocks=2**63), "residual_blocks must be at most 1000"),
        (lambda: networks.Encoder(embedding_dim=0), "embedding_dim must be at least 1"),
        (lambda: networks.Encoder(final_convolution="no"), "final_convolution must be True or F"),
        (lambda: networks.Decoder(channels=None), "channels must be a whole number; received None"),
        (lambda: networks.PixelCNN(8, layers=2**40), "layers must be at most 1000"),
        (lambda: networks.PixelCNN(8, dropout=1.0), r"dropout must lie in \[0, 1\); received 1"),
        (lambda: networks.PixelCNN(8, kernel_size=3), r"kernel_size must be \(rows, columns\)"),
        (lambda: networks.PixelCNN(8, num_classes=0), "num_classes must be at least 1; received 0"),
        (lambda: networks.WaveNet(dilations=3), "dilations must name one step or more"),
        (lambda: networks.WaveNet(local_channels="2"), "local_channels must be a whole number"),
    ],
)
def test_wrong_arguments_end_in_one_line(make, message):
    with pytest.raises(UserError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
