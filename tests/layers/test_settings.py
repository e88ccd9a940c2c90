"""Quantizers under what users set for all of Keras: the default dtype and the image data format."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as array

from tests.layers.cases import DIM, QUANTIZERS


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, DIM)).astype("float32")


def set_keras(floatx, data_format):
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(floatx)  # Keras's own default, which tests/conftest.py has set
    keras.config.set_image_data_format(data_format)


@pytest.fixture(params=["float64", "float16", "bfloat16"])
def floatx(request):
    set_keras(request.param, "channels_first")
    yield request.param
    set_keras("float32", "channels_last")


def test_fit_trains_all_quantizers_and_statistics_stay_float32(floatx):
    inputs = keras.Input((5, DIM))
    hidden = keras.layers.Dense(DIM)(inputs)
    layers = [case.make() for case in QUANTIZERS.values()]
    outputs = [layer(hidden) for layer in layers]
    model = keras.Model(inputs, keras.layers.Dense(DIM)(keras.layers.average(outputs)))
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)  # a graph takes longer
    x = data(16, 5)
    losses = model.fit(x, x, batch_size=16, epochs=3, verbose=0).history["loss"]
    first, *_, last = (float(keras.ops.cast(loss, "float32")) for loss in losses)
    assert np.isfinite(last) and last < first
    for layer, output in zip(layers, outputs, strict=True):
        assert layer.compute_dtype == output.dtype == floatx
        types = {variable.path: variable.dtype for variable in layer.variables}
        assert set(types.values()) <= {"float32", "int32", "bool"}, types


def test_the_same_input_has_the_same_codes_and_leaves_the_same_state(floatx):
    for name, case in QUANTIZERS.items():
        other = case.make()
        set_keras("float32", "channels_last")
        plain = case.make()
        expected = plain.quantize(data(32), training=True)
        set_keras(floatx, "channels_first")
        output = other.quantize(data(32), training=True)
        np.testing.assert_array_equal(output.codes, expected.codes, err_msg=name)
        assert all(loss.dtype == "float32" for loss in output.losses.values())
        for a, b in zip(plain.variables, other.variables, strict=True):
            np.testing.assert_array_equal(array(a), array(b), err_msg=a.path)
