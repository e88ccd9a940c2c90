"""The networks' forward passes under the JAX backend, and a training step through a quantizer."""

import jax
import keras
import numpy as np
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers, networks


def test_autoencoder_trains_a_step():
    inputs = keras.Input((16, 24, 3))
    encoder = networks.Encoder(widths=(8, 16), residual_width=4, embedding_dim=6)
    decoder = networks.Decoder(widths=(16, 8), residual_width=4, channels=3)
    outputs = decoder(layers.VectorQuantizerEMA(32)(encoder(inputs)))
    assert outputs.shape == (None, 16, 24, 3)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(16, 16, 24, 3)).astype("float32") * 0.2
    losses = model.fit(x, x, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_pixelcnn_is_causal():
    network = networks.PixelCNN(num_embeddings=8, channels=8, layers=4)
    codes = np.random.default_rng(0).integers(0, 8, (1, 4, 5)).astype("int32")
    assert network(codes).shape == (1, 4, 5, 8)
    embedded = network.embed(codes[..., None])

    def feature(embedded):
        return network.features(embedded)[0, 2, 2].sum()

    reach = np.abs(array(jax.grad(feature)(embedded))).sum(-1)[0] > 0
    here = 2 * 5 + 2
    assert not reach.reshape(-1)[here:].any()
    assert reach.reshape(-1)[:here].all()


def test_wavenet_is_causal():
    network = networks.WaveNet(
        8, 16, 32, dilations=(1, 2, 4), num_classes=3, local_channels=2, upsampling=3
    )
    codes = np.random.default_rng(0).integers(0, 8, (1, 12)).astype("int32")
    given = {"label": np.array([2]), "local": np.ones((1, 4, 2), "float32")}
    assert network(codes, **given).shape == (1, 12, 8)

    def output(embedded):
        return network.from_embedded(embedded, **given)[0, 10].sum()

    reach = np.abs(array(jax.grad(output)(network.embed(codes)))).sum(-1)[0] > 0
    np.testing.assert_array_equal(np.flatnonzero(reach), np.arange(2, 10))


def test_mu_law_codes_survive_the_way_there_and_back():
    codes = np.arange(256)
    np.testing.assert_array_equal(networks.mu_law_encode(networks.mu_law_decode(codes)), codes)
