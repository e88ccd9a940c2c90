"""What no quantizer can take: it is refused in one line by every method that is given it."""

import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import CODEBOOKS, DIM, QUANTIZERS
from vqvae_tf import layers
from vqvae_tf.errors import UserError

VECTORS = np.random.default_rng(0).normal(size=(6, DIM)).astype("float32")
MASKED = np.ma.array(VECTORS, mask=VECTORS > 1)


@pytest.fixture(params=QUANTIZERS)
def layer(request):
    layer = QUANTIZERS[request.param].make()
    layer.build((None, DIM))
    return layer


def refuses(function, words, *args, **kwargs):
    with pytest.raises(UserError, match=words) as raised:
        function(*args, **kwargs)
    assert "\n" not in str(raised.value)


NO_ARRAYS = [
    (None, "must be an array of numbers; received None"),
    ({"x": VECTORS}, r"must be an array of numbers; received \{"),
    (VECTORS.astype(object), "must be an array of numbers; received array"),
    ([[1, 2, 3, 4], [1, 2]], "must have rows of one length; received rows of different lengths"),
    (tf.ragged.constant([[1, 2], [1]]), "must have rows of one length; received a ragged tensor"),
    (tf.sparse.from_dense([[1, 0]]), "must be dense; received a sparse tensor"),
    (np.ma.array([[0, 1, 2, 3]], mask=[[0, 1, 0, 1]]), "received 2 masked of 4: fill them"),
]
NO_VECTORS = [
    *NO_ARRAYS,
    (MASKED, "masked of 24"),
    ("vectors", "takes vectors of numbers; received str"),
    (np.array([["a"] * DIM]), "takes vectors of numbers; received str"),
    (VECTORS + 1j, "takes vectors of numbers; received complex64"),
    (VECTORS > 0, "takes vectors of numbers; received bool"),
    (VECTORS[:, :0], r"dim of at least 1; received shape \(6, 0\)"),
    (3.0, r"rank 2 to 5, .* received shape \(\)"),
]


@pytest.mark.parametrize(("value", "words"), NO_VECTORS)
def test_what_holds_no_vectors_is_refused(layer, value, words):
    for method in (layer, layer.quantize, layer.encode):
        refuses(method, words, value)


def test_a_masked_array_without_masked_entries_is_an_array(layer):
    np.testing.assert_array_equal(layer(np.ma.array(VECTORS)), layer(VECTORS))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *NO_ARRAYS,
        ("codes", "decodes codes, which are integers; received str"),
        (np.array([1j]), "decodes codes, which are integers; received complex128"),
        (keras.Input((len("abc"),)), "decodes codes, which are integers; received float32"),
    ],
)
def test_what_holds_no_codes_is_refused(layer, value, words):
    refuses(layer.decode, words, value)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("x", "mask must be boolean, false where excluded; received str"),
        (np.full(6, 0.5), "mask must be boolean, false where excluded; received float64"),
        ([[True], [True, False]], "mask must have rows of one length"),
        (np.ones(5, bool), r"the input's shape without the last axis, \(6,\); received \(5,\)"),
        (np.ones((6, 1), bool), r"\(6,\); received \(6, 1\)"),
        (True, r"\(6,\); received \(\)"),
    ],
)
def test_what_is_no_mask_is_refused(layer, mask, words):
    refuses(layer, words, VECTORS, mask=mask)
    refuses(layer.quantize, words, VECTORS, mask=mask)


@pytest.mark.parametrize("name", ["training", "freeze_codebook"])
def test_flags_are_true_or_false(layer, name):
    refuses(layer.quantize, f"{name} must be True or False; received 'no'", VECTORS, **{name: "no"})
    assert layer.quantize(VECTORS, training=None).vectors.shape == VECTORS.shape


@pytest.mark.parametrize("name", QUANTIZERS)
def test_vectors_without_numbers_build_nothing(name):
    refuses(QUANTIZERS[name].make().build, "at least 1|takes vectors|of 1 to 30", (None, 0))


@pytest.mark.parametrize("name", CODEBOOKS)
@pytest.mark.parametrize(
    ("codebook", "words"),
    [
        (None, "codebook must be an array of numbers; received None"),
        (np.ones((16, DIM)) * 1j, "codebook must hold real numbers; received complex128"),
        (np.full((16, DIM), "1"), "codebook must hold real numbers; received <U1"),
        (np.ma.array(np.ones((16, DIM)), mask=np.eye(16, DIM)), "received 4 masked of 64"),
        ([[1.0], [1.0, 2.0]], "codebook must have rows of one length"),
        (np.full((16, DIM), 1e39), "the codebook to load holds NaN or infinite values"),
        (np.ones((16, 0)), "at least 1|holds codes of"),
    ],
)
def test_what_is_no_codebook_is_not_loaded(name, codebook, words):
    refuses(QUANTIZERS[name].make().load_codebook, words, codebook)


def batches(*shapes):
    return (np.ones(shape) for shape in shapes)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (None, "an array .* or an iterable of them; received None"),
        (5, "received 5"),
        ("vectors", "received 'vectors'"),
        ({"x": VECTORS}, "received {"),
        ([None], "the vectors must be an array of numbers; received None"),
        (MASKED, "the vectors must have a value at every place"),
        ([MASKED], "the vectors must have a value at every place"),
        (np.ones((32, DIM)) * 1j, "the vectors must hold real numbers; received complex128"),
        ([np.array(["a"])], "the vectors must hold real numbers"),
        ([(VECTORS, VECTORS)], "each batch must be an array .* received a tuple: .*dataset.map"),
        (tf.data.Dataset.from_tensors({"x": VECTORS}), "received a dict: keep the vectors alone"),
        ([3.0], r"the shape \[..., dim, at least 1\]; received shape \(\)"),
        (np.ones((32, 0)), r"the shape \[..., dim, at least 1\]; received shape \(32, 0\)"),
        (batches((8, DIM), (8, 3)), r"the shape \[..., 4\]; received shape \(8, 3\)"),
        ([], "the dataset holds no vectors"),
    ],
)
def test_what_holds_no_vectors_initializes_nothing(dataset, words):
    refuses(layers.VectorQuantizerEMA(16).initialize, words, dataset)


def test_k_means_ends():
    layer = layers.VectorQuantizerEMA(4)
    refuses(layer.initialize, "iterations must be at most 1000", VECTORS, iterations=10**9)
    refuses(layer.initialize, "max_vectors must be a whole number", VECTORS, max_vectors="all")


@pytest.mark.parametrize("name", QUANTIZERS)
def test_what_build_makes_is_refused_by_name_before(name):
    layer = QUANTIZERS[name].make()
    way_out = r"; call it once on data, or build it with .build\(\(None, dim\)\)"
    refuses(layer.decode, "has no codebook yet" + way_out, np.zeros((2, 2), "int32"))
    layer_built = QUANTIZERS[name].make()
    layer_built.build((None, DIM))
    sections = [
        (inspect.getdoc(cls) or "").partition("Attributes:")[2] for cls in type(layer).__mro__
    ]
    documented = {each for text in sections for each in re.findall(r"^ +(\w+): ", text, re.M)}
    read = [each for each in documented - {"codebook"} if hasattr(layer_built, each)]
    assert "code_sizes" in read
    for each in ("codebook", *read):
        try:
            getattr(layer, each)
        except UserError as error:
            assert re.search(way_out, str(error)), each
    with pytest.raises(AttributeError, match="has no attribute 'codebok'"):
        layer.codebok  # noqa: B018
