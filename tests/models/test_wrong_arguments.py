"""What no model can take besides wrong batches: refused in one line, in every family."""

import dataclasses
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.cases import FAMILIES, build
from tests.models.test_conformance import ready
from vqvae_tf import models
from vqvae_tf.errors import UserError

PRIORS = [name for name in FAMILIES if name.endswith("prior")]


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


def refuses(function, words, *args, **kwargs):
    with pytest.raises(UserError, match=words) as raised:
        function(*args, **kwargs)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model", "model.KERAS", "weights.h5"])
def test_a_model_is_saved_to_a_keras_file(family, name, tmp_path):
    words = "a model must be saved to a name that ends in .keras, which can be loaded again; rec"
    for path in (tmp_path / name, str(tmp_path / name)):
        refuses(ready(family).save, words, path)
    for method in (ready(family).save, ready(family).save_weights, ready(family).export):
        refuses(method, "filepath must be a path in UTF-8, and not empty; received None", None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model.keras", "model"])
def test_weights_are_saved_to_a_weights_file(family, name, tmp_path):
    refuses(ready(family).save_weights, "ends in .weights.h5, which can", tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_may_be_saved_is_loaded_again(family, tmp_path):
    model, other = ready(family), build(family)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    model.save(tmp_path / "folder", zipped=False)
    model.save_weights(tmp_path / "one.weights.h5")
    model.save_weights(tmp_path / "many.weights.json", max_shard_size=1)
    other.load_weights(tmp_path / "one.weights.h5")
    for again in (other, keras.models.load_model(tmp_path / "folder")):
        for mine, its in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(mine, its)
    assert pathlib.Path(tmp_path / "many.weights.json").exists()


def test_a_configuration_belongs_to_its_model(family):
    model_class = models.FAMILIES[family]
    other = next(case.config for name, case in FAMILIES.items() if name != family)
    config_class = model_class.config_class.__name__
    words = f"{model_class.__name__} takes a configuration of the class {config_class}, or"
    refuses(model_class, words, other)
    refuses(model_class, "must hold fields by name; received", None)
    refuses(model_class, "must hold fields by name; received", model_class.config_class)


def test_keras_s_methods_need_data(family):
    model = ready(family)
    for method in (model.fit, model.evaluate, model.predict):
        refuses(method, f"{method.__name__} needs data: .* received None", None)
        refuses(method, "received", "text")
        refuses(method, "received", 5)
        refuses(method, "received", {1, 2})
        empty = tf.data.Dataset.from_tensors(FAMILIES[family].batch()).take(0)
        refuses(method, f"{method.__name__} needs data: .* received an empty data set", empty)
        refuses(method, "batch_size must be at least 1; received -1", None, batch_size=-1)
    for method in (model.train_on_batch, model.test_on_batch, model.predict_on_batch):
        refuses(method, f"{method.__name__} needs data", None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1; received 0"),
        ({"batch_size": 1.5}, "batch_size must be a whole number; received 1.5"),
        ({"epochs": -1}, "epochs must be at least 0; received -1"),
        ({"epochs": None}, "epochs must be a whole number; received None"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1; received 0"),
        ({"validation_batch_size": -1}, "validation_batch_size must be at least 1; received -1"),
        ({"validation_freq": 0}, "validation_freq must be at least 1; received 0"),
        ({"verbose": "loud"}, "verbose must be 'auto', 0, 1 or 2; received 'loud'"),
        ({"validation_split": 2}, r"validation_split must lie in \[0, 1\); received 2"),
    ],
)
def test_fit_s_numbers_are_in_range(family, arguments, words):
    refuses(ready(family).fit, words, FAMILIES[family].batch(), **arguments)


def test_a_model_is_compiled_with_an_optimizer(family):
    refuses(build(family).compile, 'compile needs an optimizer, such as "adam"', optimizer=None)


def symbolic(family):
    """Symbolic inputs in the shape of the family's batches."""
    return {
        name: keras.Input(batch_shape=taken.spec.shape, dtype=taken.spec.dtype.name)
        for name, taken in ready(family).takes.items()
    }


def test_symbolic_inputs_are_for_calls_only(family):
    model, inputs, batch = ready(family), symbolic(family), FAMILIES[family].batch()
    methods = [model.compute_losses, model.bits, model.summaries]
    methods += [model.fit, model.evaluate, model.predict, model.predict_on_batch]
    for method in methods:
        refuses(method, "must have values here; received a symbolic input", inputs)
        refuses(method, "must have values here; received a symbolic input", inputs[model.data_key])
    if hasattr(model, "latents"):
        refuses(model.latents, "must have values here", inputs["image"])
    if hasattr(model, "encode"):
        codes = keras.Input(batch_shape=model.codes_spec.shape, dtype="int32")
        refuses(model.bits, "codes must have values here", batch, codes)


def test_training_is_true_or_false(family):
    model, batch = ready(family), FAMILIES[family].batch()
    for method in (model, model.compute_losses):
        refuses(method, "training must be True or False; received 'yes'", batch, training="yes")


NO_ARRAYS = [
    (None, "must be an array of numbers; received None"),
    ([[1], [1, 2]], "must have rows of one length"),
    (tf.ragged.constant([[1, 2], [1]]), "must have rows of one length; received a ragged tensor"),
    (tf.sparse.from_dense([[1, 0]]), "must be dense; received a sparse tensor"),
    (np.ma.array([[1, 2]], mask=[[0, 1]]), "received 1 masked of 2"),
    ("text", "received <U4"),
]


@pytest.mark.parametrize(("value", "words"), NO_ARRAYS)
def test_what_is_no_array_is_refused(family, value, words):
    model, batch = ready(family), FAMILIES[family].batch()
    names = ["encode", "decode", "reconstruct", "latents", "log_prob"]
    for name in names:
        if hasattr(model, name):
            refuses(getattr(model, name), words, value)
    if value is None:
        return
    for method in (model.compute_losses, model.bits, model.summaries, model, model.predict):
        for name in model.takes:
            if name != "speaker" or not isinstance(value, str):  # a name of a speaker
                refuses(method, words, {**batch, name: value})


GRIDS = {
    "pixelcnn_prior": (2, 3),
    "wavenet_prior": (4,),
    "two_level_prior": (1, 2),
    "video_prior": (2, 2, 3),
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "count must be at least 1; received 0"),
        ({"count": -1}, "count must be at least 1; received -1"),
        ({"count": 10**9}, "count must be at most 100000; received 1000000000"),
        ({"count": 10**30}, "count must be at most 100000"),
        ({"count": True}, "count must be a whole number; received True"),
        ({"count": None}, "count must be a whole number; received None"),
        ({"count": 2.0}, "count must be a whole number; received 2.0"),
        ({"best_of": 0}, "best_of must be at least 1; received 0"),
        ({"best_of": 10**9}, "best_of must be at most 1000; received 1000000000"),
        ({"best_of": True}, "best_of must be a whole number; received True"),
        (
            {"count": 1000, "best_of": 1000},
            "count times best_of must be at most 100000; .* continue with first_sample=1000",
        ),
        ({"grid": "33"}, "grid must be .*each at least 1; received '33'"),
        ({"grid": None}, "grid must be .*each at least 1; received None"),
        ({"grid": 3}, "grid must be .*each at least 1; received 3"),
        ({"grid": (0, 0)}, r"grid must be .*each at least 1; received \(0, 0\)"),
        ({"grid": (2,) * 4}, r"grid must be .*each at least 1; received \(2, 2, 2, 2\)"),
        ({"grid": (1.5,)}, r"grid must be .*each at least 1; received \(1.5,\)"),
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"seed": 2**64}, "seed must be at most 18446744073709551615"),
        ({"seed": True}, "seed must be a whole number; received True"),
        ({"first_sample": -1}, "first_sample must be at least 0; received -1"),
        ({"first_sample": 2**64}, "first_sample must be at most 1000000000"),
        ({"first_sample": 10**9, "best_of": 10}, "first_sample must be at most 100000000"),
        ({"block": -1}, "block must be at least 1; received -1"),
        ({"temperature": "hot"}, "temperature must be a number; received 'hot'"),
        ({"jit_compile": "yes"}, "jit_compile must be True or False"),
        ({"prefix": "text"}, "prefix must hold real numbers"),
        ({"prefix": [[1], [1, 2]]}, "prefix must have rows of one length"),
        ({"label": "none"}, "label must be .*integers"),
        ({"label": np.ma.array([0], mask=[1])}, "received 1 masked of 1"),
        ({"label": keras.Input(())}, "label must be"),
    ],
)
def test_sampling_is_bounded(name, arguments, words):
    condition = ready(name).config.condition
    named = {condition if key == "label" else key: value for key, value in arguments.items()}
    given = {"count": 1, "grid": GRIDS[name]} | named
    words = words.replace("label", condition)
    refuses(ready(name).sample, words, **given)


@pytest.mark.parametrize("name", PRIORS)
def test_a_grid_has_a_bounded_size(name):
    grid = tuple(2**20 for _ in GRIDS[name])
    grid = (2**21,) if len(grid) == 1 else grid
    refuses(ready(name).sample, "grid must hold at most 1048576 codes", 1, grid=grid)


@pytest.mark.parametrize("name", PRIORS)
def test_the_largest_seed_is_a_seed(name):
    prior = ready(name)
    first, largest = (prior.sample(4, grid=GRIDS[name], seed=seed) for seed in (0, 2**64 - 1))
    assert (first.numpy() != largest.numpy()).any()


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize(
    ("frequencies", "words"),
    [
        (None, "log_frequencies must be an array of numbers; received None"),
        ([[1.0], [1.0, 2.0]], "log_frequencies must have rows of one length"),
        (np.zeros(3), r"log_frequencies must be finite and of shape \(., 8\), \[slots, size\]"),
        (1j, "log_frequencies must hold real numbers"),
    ],
)
def test_a_prior_starts_from_log_frequencies(name, frequencies, words):
    refuses(ready(name).initialize, words, None, frequencies)


@pytest.mark.parametrize("name", ["pixelcnn_prior", "two_level_prior"])
@pytest.mark.parametrize(
    ("codebook", "words"),
    [
        (None, "must be an array of numbers; received None"),
        ("text", "must hold real numbers"),
        (np.ones((2, 8, 2)) * 1j, "must hold real numbers; received complex128"),
        (np.ones(3), "must have the shape"),
    ],
)
def test_a_prior_with_code_vectors_starts_from_a_codebook(name, codebook, words):
    prior = build(name, code_dim=2)
    slots = len(prior.config.code_sizes)
    refuses(prior.initialize, words, codebook, np.zeros((slots, 8)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed must be at least 0; received -1"),
        ({"seed": 2**64}, "seed must be at most 18446744073709551615"),
        ({"temperature": -1}, "temperature must be at least 0"),
        ({"temperature": None}, "temperature must be a number; received None"),
        ({"speaker": "berta"}, 'unknown speaker "berta"; nearest: bert'),
        ({"speaker": 2}, "speaker must lie between 0 and 1"),
        ({"jit_compile": "yes"}, "jit_compile must be True or False"),
    ],
)
def test_decoding_sounds_is_bounded(arguments, words):
    model = ready("audio")
    audio = FAMILIES["audio"].batch(2)["audio"]
    refuses(model.decode, words, model.encode(audio), **arguments)
    refuses(model.reconstruct, words, audio, **arguments)


def test_the_seeds_of_stages_stay_in_range():
    quantizer = models.QuantizerConfig(num_embeddings=(4,), stages=2, code_dim=2)
    config = FAMILIES["image"].config
    training = dataclasses.replace(config.training, seed=2**32 - 1)
    model = build("image", quantizer=quantizer, training=training)
    assert model.encode(FAMILIES["image"].batch()["image"]).shape == (4, 4, 4, 2)
