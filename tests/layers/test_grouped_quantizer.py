"""Groups and heads: parts of a vector, each with a quantizer, or all with one."""

import numpy as np
import pytest
from keras.ops import convert_to_numpy as array

from vqvae_tf import layers


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_groups_are_their_quantizers_side_by_side():
    parts = [layers.VectorQuantizerEMA(16), layers.VectorQuantizerEMA(8, seed=1)]
    alone = [layers.VectorQuantizerEMA(16), layers.VectorQuantizerEMA(8, seed=1)]
    layer = layers.GroupedQuantizer(parts)
    for step in range(3):
        x = data(40, 6, seed=step)
        output = layer.quantize(x, training=True)
        first, second = (
            each.quantize(x[:, 3 * i : 3 * i + 3], training=True) for i, each in enumerate(alone)
        )
        np.testing.assert_array_equal(output.codes, np.stack([first.codes, second.codes], 1))
        np.testing.assert_array_equal(
            output.vectors, np.concatenate([first.vectors, second.vectors], 1)
        )
        total = first.losses["commitment"] + second.losses["commitment"]
        np.testing.assert_allclose(output.losses["commitment"], total, rtol=1e-6)
    assert layer.code_sizes == (16, 8) and layer.bits_per_vector == 7.0
    for mine, theirs in zip(parts, alone, strict=True):
        np.testing.assert_array_equal(mine.codebook, theirs.codebook)


def test_heads_share_one_codebook():
    inner, alone = layers.VectorQuantizerEMA(16), layers.VectorQuantizerEMA(16)
    layer = layers.GroupedQuantizer(inner, num_groups=3)
    x = data(2, 10, 6)
    codes = layer.quantize(x, training=True).codes
    expected = alone.quantize(x.reshape(2, 30, 2), training=True).codes
    np.testing.assert_array_equal(array(codes).reshape(2, 30), expected)
    np.testing.assert_array_equal(inner.codebook, alone.codebook)
    assert layer.codebook.shape == (16, 2) and layer.code_sizes == (16, 16, 16)
    np.testing.assert_array_equal(layer.decode(layer.encode(x)), layer(x))
    again = type(layer).from_config(layer.get_config())
    assert again.num_groups == 3 and again.shared


def test_masks_cover_all_parts():
    x, mask = data(4, 5, 6), np.random.default_rng(1).random((4, 5)) < 0.5
    for make in (
        lambda: layers.GroupedQuantizer(layers.VectorQuantizerEMA(8), num_groups=2),
        lambda: layers.GroupedQuantizer([layers.VectorQuantizerEMA(8) for _ in range(2)]),
    ):
        masked, bare = make(), make()
        a = masked.quantize(x, training=True, mask=mask)
        b = bare.quantize(x[mask], training=True)
        np.testing.assert_array_equal(array(a.codes)[mask], b.codes)
        np.testing.assert_array_equal(array(a.codes)[~mask], 0)
        np.testing.assert_array_equal(masked.quantizers[0].codebook, bare.quantizers[0].codebook)


@pytest.mark.parametrize(
    "mistake, message",
    [
        (lambda: layers.GroupedQuantizer(layers.SimVQ(4)), "num_groups must be at least 1"),
        (lambda: layers.GroupedQuantizer([layers.SimVQ(4)], 2), "must be left out or 1"),
        (
            lambda: layers.GroupedQuantizer(layers.SimVQ(4), 4)(data(3, 6)),
            "must be a multiple of the 4 groups",
        ),
    ],
)
def test_mistakes(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
