"""Quantizers in a Keras model convert to TFLite with an open batch, by built-in operators alone."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import DIM, QUANTIZERS


@pytest.mark.skipif("VQVAE_TF_FLOOR" in os.environ, reason="TensorFlow 2.17 converts no Keras 3")
@pytest.mark.parametrize("name", ["VectorQuantizer", "VectorQuantizerEMA", "ResidualQuantizer"])
def test_any_batch_is_quantized_as_by_keras(name):
    layer = QUANTIZERS[name].make(return_codes=True)
    inputs = keras.Input((8, DIM))
    model = keras.Model(inputs, layer(inputs))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    runner = tf.lite.Interpreter(model_content=converter.convert())
    index = runner.get_input_details()[0]["index"]
    for batch in (1, 3, 70):
        x = np.random.default_rng(batch).normal(size=(batch, 8, DIM)).astype(np.float32)
        runner.resize_tensor_input(index, x.shape)
        runner.allocate_tensors()
        runner.set_tensor(index, x)
        runner.invoke()
        found = [runner.get_tensor(each["index"]) for each in runner.get_output_details()]
        vectors, codes = model(x)
        (of_codes,) = [each for each in found if each.dtype == np.int32]
        (of_vectors,) = [each for each in found if each.dtype == np.float32]
        np.testing.assert_array_equal(of_codes, codes)
        np.testing.assert_allclose(
            of_vectors, vectors, atol=1e-6
        )  # sums of stages in another order
