import ast
import dataclasses
import inspect
import re

import numpy as np
import pytest

from tests.small import AUTOENCODER
from vqvae_tf import layers, models
from vqvae_tf.config.meanings import meanings
from vqvae_tf.config.quantizer import DEFAULT_NUM_EMBEDDINGS, KINDS
from vqvae_tf.errors import UserError
from vqvae_tf.models import QuantizerConfig
from vqvae_tf.models.make_quantizer import LAYERS, make_quantizer

DIM = 12

# configuration -> (code_sizes, class of the leaf)
CASES = [
    (QuantizerConfig(), (512,), layers.VectorQuantizerEMA),
    (QuantizerConfig(kind="loss", orthogonality_cost=1.0), (512,), layers.VectorQuantizer),
    (QuantizerConfig(kind="sim_vq", num_embeddings=(16,)), (16,), layers.SimVQ),
    (
        QuantizerConfig(kind="finite_scalar", levels=(8, 5, 5), code_dim=3),
        (200,),
        layers.FiniteScalarQuantizer,
    ),
    (
        QuantizerConfig(kind="lookup_free", bits=9, spherical=True, code_dim=9),
        (512,),
        layers.LookupFreeQuantizer,
    ),
    (QuantizerConfig(num_embeddings=(8,), stages=3), (8, 8, 8), layers.VectorQuantizerEMA),
    (
        QuantizerConfig(
            kind="finite_scalar", levels=(8, 5, 5), stages=3, stage_dropout=True, code_dim=3
        ),
        (200, 200, 200),
        layers.FiniteScalarQuantizer,
    ),
    (
        QuantizerConfig(kind="lookup_free", bits=3, stages=2, groups=2, code_dim=6),
        (8,) * 4,
        layers.LookupFreeQuantizer,
    ),
    (QuantizerConfig(num_embeddings=(32, 16), groups=2), (32, 16), layers.VectorQuantizerEMA),
    (
        QuantizerConfig(num_embeddings=(8,), groups=3, shared_codebook=True),
        (8, 8, 8),
        layers.VectorQuantizerEMA,
    ),
    (
        QuantizerConfig(num_embeddings=(8,), stages=2, groups=2, code_dim=4, estimator="rotation"),
        (8,) * 4,
        layers.VectorQuantizerEMA,
    ),
    (
        QuantizerConfig(estimator="gumbel_softmax", temperature=0.1, num_embeddings=(16,)),
        (16,),
        layers.VectorQuantizerEMA,
    ),
]


@pytest.mark.parametrize(("config", "code_sizes", "leaf"), CASES)
def test_the_layer_is_what_the_configuration_says(config, code_sizes, leaf):
    config.check_dim(DIM)
    layer = make_quantizer(config, "quantizer", seed=3)
    x = np.random.default_rng(0).normal(size=(2, 4, DIM)).astype("float32")
    out = layer.quantize(x, training=True)
    slots = () if len(code_sizes) == 1 else (len(code_sizes),)
    assert layer.code_sizes == config.code_sizes == code_sizes
    assert out.codes.shape == (2, 4, *slots) and out.vectors.shape == x.shape
    assert {type(each) for each in _leaves(layer)} == {leaf}
    paths = [variable.path for variable in layer.variables]
    assert len(set(paths)) == len(paths) and all(path.startswith("quantizer") for path in paths)
    again = make_quantizer(config, "quantizer")
    again.build(x.shape)
    assert [variable.path for variable in again.variables] == paths  # no automatic numbers


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_sets_each_argument_of_a_layer(kind):
    """Except for those that the model sets: names, seeds, precision, what a call returns."""
    layer, fields = LAYERS[kind], KINDS[kind]
    arguments = {
        name
        for each in layer.__mro__
        if issubclass(each, layers.Quantizer)
        for name in inspect.signature(each.__init__).parameters
    }
    of_the_model = {"self", "args", "kwargs", "seed", "return_codes"}
    not_of_the_layer = {"bits"}
    if "estimator" in fields:
        not_of_the_layer |= {"temperature", "final_temperature", "anneal_steps"}
    assert arguments - of_the_model == set(fields) - not_of_the_layer


def test_stages_start_from_different_codebooks():
    first, second = _leaves(
        make_quantizer(QuantizerConfig(num_embeddings=(8,), stages=2), "quantizer")
    )
    assert first.seed != second.seed


def _leaves(layer):
    inner = getattr(layer, "quantizers", None) or [getattr(layer, "quantizer", None)]
    if inner == [None]:
        return [layer]
    return [leaf for each in inner for leaf in _leaves(each)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "emma"}, 'unknown quantizer.kind "emma"; nearest: ema'),
        ({"levels": (3,)}, r'kind "ema" has no levels; received \(3,\)'),
        ({"kind": "sim_vq", "decay": 0.9}, 'kind "sim_vq" has no decay'),
        ({"estimator": "rotate"}, "nearest: rotation"),
        ({"temperature": 1.0}, "belongs to an estimator that draws codes"),
        (
            {"estimator": "stochastic", "anneal_steps": 5},
            "quantizer.anneal_steps=5 has no effect without quantizer.final_temperature: set that",
        ),
        ({"diversity_temperature": 1.0}, "no effect without quantizer.diversity_cost"),
        ({"diversity_cost": 0, "diversity_temperature": 2.0}, "without quantizer.diversity_cost"),
        ({"revival_threshold": 0, "revival_count": 0.5}, "without quantizer.revival_threshold"),
        ({"kind": "loss", "revival_threshold": 0, "decay": 0.9}, "without quantizer.revival_thr"),
        (
            {"kind": "loss", "revival_threshold": 0, "accumulation_steps": 2},
            "quantizer.accumulation_steps=2 has no effect without quantizer.revival_threshold",
        ),
        (
            {"kind": "lookup_free", "bits": 4, "diversity_cost": 0, "group_bits": 4},
            "quantizer.group_bits=4 has no effect without quantizer.diversity_cost",
        ),
        (
            {
                "kind": "lookup_free",
                "bits": 4,
                "diversity_cost": 0,
                "entropy_cost": 0,
                "temperature": 1,
            },
            "quantizer.temperature=1.0 has no effect without quantizer.entropy_cost",
        ),
        ({"stages": 1}, "stages must be None or at least 2"),
        ({"groups": 0}, "groups must be None or at least 2"),
        ({"stage_dropout": True}, "needs quantizer.stages"),
        ({"shared_codebook": True}, "needs quantizer.groups"),
        ({"kind": "finite_scalar"}, "needs quantizer.levels"),
        ({"kind": "lookup_free"}, "needs quantizer.bits"),
        ({"kind": "lookup_free", "bits": 64}, "between 1 and 30; received 64"),
        ({"num_embeddings": (8, 8)}, "one number, or one for each of the 1 codebooks"),
        ({"num_embeddings": (0,)}, "num_embeddings must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(fields, words):
    with pytest.raises(UserError, match=words) as error:
        QuantizerConfig(**fields)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"revival_threshold": 0, "decay": 0.9, "accumulation_steps": 2},
        {"kind": "loss", "decay": 0.9, "revival_count": 1.0},
        {"diversity_cost": 1.0, "diversity_temperature": 2.0},
        {"kind": "lookup_free", "bits": 4, "group_bits": 4, "temperature": 1.0},
        {"kind": "lookup_free", "bits": 4, "diversity_cost": 0, "temperature": 1.0},
    ],
)
def test_what_has_an_effect_is_taken(fields):
    QuantizerConfig(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decay": 2.0}, r"quantizer: decay must be None or lie in \[0, 1\)"),
        ({"commitment_cost": -0.25}, "quantizer: commitment_cost must not be negative"),
    ],
)
def test_what_the_layer_does_not_take_is_refused_by_the_model(fields, words):
    config = dataclasses.replace(AUTOENCODER, quantizer=QuantizerConfig(**fields))
    with pytest.raises(UserError, match=words):
        models.ImageVQVAE(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (QuantizerConfig(groups=5), "embedding_dim must be a multiple of the 5 groups"),
        (QuantizerConfig(kind="finite_scalar", levels=(3, 3)), "set quantizer.code_dim=2"),
        (QuantizerConfig(kind="lookup_free", bits=4, code_dim=8), "takes vectors of 4 numbers"),
    ],
)
def test_vectors_that_it_cannot_take_are_refused_by_the_model_s_configuration(config, words):
    with pytest.raises(UserError, match=words):
        dataclasses.replace(AUTOENCODER, embedding_dim=DIM, quantizer=config)


def test_a_composite_quantizer_through_model_and_prior():
    quantizer = QuantizerConfig(num_embeddings=(8, 4), groups=2)
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, quantizer=quantizer))
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 16, 3), np.uint8)
    codes = model.encode(images)
    assert codes.shape == (2, 3, 4, 2) and model.decode(codes).shape == (2, 12, 16, 3)
    np.testing.assert_allclose(model.bits({"image": images})["latent"], 3 * 4 * (3 + 2))
    prior = models.PixelCNNPrior(
        models.PixelCNNPriorConfig(code_sizes=model.code_sizes, channels=4, layers=1, head_width=4)
    )
    drawn = prior.sample(count=8, grid=(2, 2), seed=1)
    assert model.decode(drawn).shape == (8, 8, 8, 3)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(QuantizerConfig)])
def test_the_stated_defaults_are_those_of_the_layers(name):
    stated = re.search(r"\(([^ ;]+) by default", meanings(QuantizerConfig)[name])
    classes = [*LAYERS.values(), layers.GumbelSoftmax]
    defaults = {
        parameter.default
        for cls in classes
        for base in cls.__mro__
        if "__init__" in vars(base)
        for parameter in [inspect.signature(base.__init__).parameters.get(name)]
        if parameter is not None and parameter.default is not parameter.empty
    } | ({DEFAULT_NUM_EMBEDDINGS} if name == "num_embeddings" else set())
    if stated is not None:
        assert ast.literal_eval(stated[1].replace(",", "")) in defaults
    assert stated is not None or not defaults - {
        None,
        False,
        "straight_through",
        "euclidean",
        (8, 5, 5, 5),
    }
