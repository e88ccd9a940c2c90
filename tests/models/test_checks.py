"""What models take: values that are read rightly, and the words for those that are not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.cases import FAMILIES, build
from vqvae_tf.errors import UserError
from vqvae_tf.models import CodeSearch, checks

CODES = checks.codes(2, (4, 3))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_integers_of_all_widths_are_read(dtype):
    codes = np.array([[[[3, 2]]]], dtype)
    for given in (codes, tf.constant(codes), codes.tolist()):
        found = CODES.check(given)
        assert found.dtype == tf.int32 and found.numpy().tolist() == codes.tolist()


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ([[[[1.7, 0.0]]]], "codes must be integers of the shape .* received float64"),
        ([[[[True, False]]]], "received bool"),
        ([[[[2**70, 0]]]], r"received \[\[\[\[11805"),
        ([[[[1, 2]], [[1, 2], [1, 2]]]], "received rows of different lengths"),
        ([[[["a", "b"]]]], "codes must be integers"),
        ([[[[4, 0]]]], "between 0 and 3 in slot 0; received 4 to 4"),
        ([[[[0, 3]]]], "between 0 and 2 in slot 1; received 3 to 3"),
        ([[[[0, -1]]]], "between 0 and 2 in slot 1; received -1 to -1"),
        ([[[[2**40 + 1, 0]]]], f"between 0 and 3 in slot 0; received {2**40 + 1}"),
        ([[[1, 2]]], r"shape \[batch, height, width, 2\]; received int64 of shape \(1, 1, 2\)"),
        ([[[[1]]]], r"shape \[batch, height, width, 2\]; received int64 of shape \(1, 1, 1, 1\)"),
        (np.zeros([0, 1, 1, 2], int), "codes must not be empty"),
        (None, "received None"),
    ],
)
def test_codes_that_are_none_are_refused_in_a_line(codes, words):
    with pytest.raises(UserError, match=words) as raised:
        CODES.check(codes)
    assert "\n" not in str(raised.value)


def test_samples_of_eight_bits_are_told_how_to_be_converted():
    with pytest.raises(UserError, match=r"received uint8 .*: convert 8-bit samples by \(audio - 1"):
        checks.waveforms().check(np.full([1, 8], 128, np.uint8))


def test_a_graph_keeps_codes_out_of_range_out_of_range():
    check = tf.function(CODES.check, input_signature=[tf.TensorSpec(None, tf.int64)])
    for far in (2**40 + 1, 2**32, -(2**32) + 1):
        assert not 0 <= check(tf.fill([1, 1, 1, 2], tf.constant(far, tf.int64)))[0, 0, 0, 0] < 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        check(tf.zeros([1, 2], tf.int64))


def test_names_stand_for_their_numbers():
    speaker = checks.classes("speaker", 2, ("anna", "bert"))
    assert speaker.check(["bert", "anna"]).numpy().tolist() == [1, 0]
    assert int(speaker.check("bert")) == 1 and int(speaker.check(-1)) == -1
    with pytest.raises(UserError, match='unknown speaker "berta"; nearest: bert'):
        speaker.check("berta")
    with pytest.raises(UserError, match="between 0 and 1, or be -1 for none; received 2 to 2"):
        speaker.check(2)


@pytest.mark.parametrize("family", ["image", "two_level"])
def test_decode_and_encode_are_layers_of_functional_models(family, tmp_path):
    model, images = build(family), FAMILIES[family].odd()["image"]
    codes = model.encode(images)
    symbols = keras.Input(batch_shape=model.codes_spec.shape, dtype="int32")
    decoder = keras.Model(symbols, model.decode(symbols))
    np.testing.assert_array_equal(decoder(codes), model.decode(codes))
    pictures = keras.Input((None, None, 3), dtype="uint8")
    both = keras.Model(pictures, model.decode(model.encode(pictures)))
    np.testing.assert_array_equal(both(images), model.decode(codes))
    both.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_array_equal(again(images), model.decode(codes))
    assert len(again.weights) == len(both.weights)  # one model, not one for each method


def test_a_sound_is_not_decoded_from_symbols():
    model = build("audio")
    symbols = keras.Input(batch_shape=model.codes_spec.shape, dtype="int32")
    with pytest.raises(
        UserError, match="decode draws sample by sample and is no layer of a functional model"
    ):
        model.decode(symbols)


def test_given_codes_must_be_on_the_grid_of_the_data():
    for family in ("image", "two_level", "audio"):
        model, batch = build(family), FAMILIES[family].batch()
        codes = model.encode(batch[model.data_key])
        with pytest.raises(UserError, match="codes must be on the grid of this batch"):
            model.bits(batch, codes[:, 1:])


def test_a_search_looks_at_pictures_and_labels():
    model, prior = build("image"), build("pixelcnn_prior", code_sizes=(16,))
    images = FAMILIES["image"].batch()["image"]
    for passes in (0, 1):
        with pytest.raises(UserError, match="pictures must be uint8"):
            CodeSearch(model, passes=passes).encode(images / 255.0)
    search = CodeSearch(model, passes=1, prior=prior, rate_weight=1.0)
    with pytest.raises(UserError, match="label must lie between 0 and 2, or be -1 for none"):
        search.encode(images, {"label": np.arange(4)})
    with pytest.raises(UserError, match="one for each of the 4 examples; received 3"):
        search.encode(images, {"label": np.zeros(3, int)})
