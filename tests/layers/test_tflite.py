"""Quantizers in a Keras model convert to TFLite with an open batch, by built-in operators alone."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import DIM, QUANTIZERS
from vqvae_tf import layers

pytestmark = pytest.mark.skipif(
    "VQVAE_TF_FLOOR" in os.environ, reason="TensorFlow 2.17 converts no Keras 3"
)
# The search takes codes in blocks from 65 on, in tiles from 8,193 on.
SEARCHES = {f"{codes} codes": codes for codes in (512, 9000)}


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, DIM)).astype("float32")


@pytest.fixture(scope="module")
def model():
    """All quantizers side by side, so that one conversion tells of them all."""
    made = {name: case.make(return_codes=True) for name, case in QUANTIZERS.items()}
    for name, codes in SEARCHES.items():
        made[name] = layers.VectorQuantizer(codes, return_codes=True)
        made[name].load_codebook(data(codes, seed=codes))
    inputs, outputs = keras.Input((8, DIM)), {}
    for name, layer in made.items():
        layer(data(64), training=name not in SEARCHES)  # codes from data, no longer all alike
        outputs[f"{name}/vectors"], outputs[f"{name}/codes"] = layer(inputs)
    return keras.Model(inputs, outputs)


def by_tensorflow(model, path):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path.write_bytes(converter.convert())


def by_keras(model, path):
    try:
        model.export(path, format="litert", verbose=False)
    except ValueError as error:
        if "Unrecognized format" not in str(error):
            raise
        pytest.skip(f"Keras {keras.__version__} has no litert among its formats")


@pytest.mark.parametrize("convert", [by_tensorflow, by_keras])
def test_any_batch_is_quantized_as_by_keras(convert, model, tmp_path):
    path = tmp_path / "model.tflite"
    convert(model, path)
    runner = tf.lite.Interpreter(model_path=str(path))
    index = runner.get_input_details()[0]["index"]
    (signature,) = runner.get_signature_list().values()
    for batch in (1, 3, 70):
        x = data(batch, 8, seed=batch)
        runner.resize_tensor_input(index, x.shape)
        found = runner.get_signature_runner()(**{signature["inputs"][0]: x})
        expected = model(x)
        assert found.keys() == expected.keys()
        for name, value in found.items():
            if name.endswith("codes"):
                np.testing.assert_array_equal(value, expected[name], err_msg=name)
            else:  # sums of stages and products of matrices in another order
                np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)
