import dataclasses
import json
import random
import typing

import numpy as np
import pytest

from vqvae_tf import models, presets
from vqvae_tf.config import DataConfig, TrainingConfig, from_dict, to_dict
from vqvae_tf.errors import UserError, nearest


@pytest.mark.parametrize("name", presets.PRESETS)
def test_json_and_back_is_the_same(name):
    preset = presets.preset(name)
    assert from_dict(type(preset), json.loads(json.dumps(to_dict(preset)))) == preset


def test_configurations_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().steps = 3


def test_what_is_left_out_keeps_its_default():
    config = from_dict(models.ImageConfig, {"data": {"flip": False}})
    assert config == models.ImageConfig(data=DataConfig(flip=False))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"wdths": [4]}, 'unknown field "wdths"; nearest: widths.*'),
        ({"training": {"step": 5}}, r'unknown field "training.step"; nearest: steps.*'),
        ({"training": 5}, 'field "training" holds fields of its own; set "training.FIELD".*'),
        ({"training": {"steps": "5"}}, "field \"training.steps\" must be int; received '5'"),
        ({"training": {"steps": 5.5}}, 'field "training.steps" must be int; received 5.5'),
        ({"training": {"steps": True}}, 'field "training.steps" must be int; received True'),
        ({"training": {"learning_rate": "x"}}, ".*learning_rate.* must be float; received 'x'"),
        ({"data": {"flip": 1}}, 'field "data.flip" must be bool; received 1'),
        ({"widths": "64"}, "field \"widths\" must be tuple; received '64'"),
        ({"widths": [4, "8"]}, "field \"widths\" must be int; received '8'"),
        ({"quantizer": {"decay": "fast"}}, ".*quantizer.decay.* must be float; received 'fast'"),
        ({"embedding_dim": None}, 'field "embedding_dim" must be int; received None'),
    ],
)
def test_unknown_fields_and_other_types_are_refused(values, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        from_dict(models.ImageConfig, values)


def test_whole_numbers_do_for_floats_lists_for_tuples_and_none_where_it_is_allowed():
    values = {"quantizer": {"decay": None}, "widths": [4, 8], "training": {"learning_rate": 1}}
    config = from_dict(models.ImageConfig, values)
    assert config.quantizer.decay is None
    assert config.widths == (4, 8)
    assert isinstance(config.training.learning_rate, float)
    assert from_dict(models.QuantizerConfig, {"decay": 0.5}).decay == 0.5
    assert from_dict(models.QuantizerConfig, {"num_embeddings": 8}).num_embeddings == (8,)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("steps", [0, -1]),
        ("batch_size", [0]),
        ("log_every", [0]),
        ("checkpoint_every", [0]),
        ("evaluate_every", [-1]),
        ("warmup_steps", [-1]),
        ("learning_rate", [-1e-3, float("nan")]),
        ("clip_norm", [-1.0]),
        ("final_learning_rate", [-0.1]),
        ("beta_2", [1.0, -0.1]),
        ("weight_averaging", [1.0, -0.1]),
        ("schedule", ["step"]),
        ("precision", ["float64"]),
        ("seed", [-1, 2**32]),
    ],
)
def test_training_refuses_what_is_out_of_range(field, values):
    for value in values:
        with pytest.raises(UserError, match=rf"training\.{field} must .*; received"):
            TrainingConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("widths", [(), (0, 8)]),
        ("residual_blocks", [-1]),
        ("residual_width", [0]),
        ("embedding_dim", [0]),
        ("mixture_components", [0]),
        ("data_variance", [0.0]),
        ("likelihood", ["gaussian"]),
    ],
)
def test_image_models_refuse_what_is_out_of_range(field, values):
    for value in values:
        with pytest.raises(UserError, match=field) as error:
            models.ImageConfig(**{field: value})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("size", "nearest_sizes"), [(30, "28 and 32"), (2, "4 and 8"), (0, "4 and 8"), (-4, "4 and 8")]
)
def test_tiles_that_the_strides_do_not_divide_are_refused(size, nearest_sizes):
    with pytest.raises(UserError, match=f"multiple of 4; .* nearest are {nearest_sizes}"):
        models.ImageConfig(data=DataConfig(image_size=size))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code_sizes", ()),
        ("code_sizes", (8, 0)),
        ("channels", 0),
        ("layers", 0),
        ("head_width", 0),
        ("num_classes", -1),
        ("grid", 0),
        ("condition_dropout", 1.5),
        ("dropout", 1.0),
        ("kernel_size", (3,)),
        ("first_kernel", (2, 3, 3)),
    ],
)
def test_priors_refuse_what_is_out_of_range(field, value):
    with pytest.raises(UserError, match=rf"^{field} must .*; received"):
        models.PixelCNNPriorConfig(**{field: value})


def test_the_nearest_names_come_first():
    assert nearest("sonet", ["cifar10", "sonnet"]) == "nearest: sonnet (all: cifar10, sonnet)"
    assert nearest("zzz", ["b", "a"]) == "all: a, b"


def leaves(config, at=()):
    """Path and declared type of every field, of nested configurations too."""
    for name, hint in typing.get_type_hints(type(config)).items():
        if dataclasses.is_dataclass(hint):
            yield from leaves(getattr(config, name), (*at, name))
        else:
            yield (*at, name), hint


def replaced(config, path, value):
    """The configuration as dictionaries, with another value at `path`."""
    values = to_dict(config)
    *parents, last = path
    inner = values
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return values


def refused(cls, values):
    with pytest.raises(UserError) as error:
        from_dict(cls, values)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1_200
    return str(error.value)


FAMILIES = ["photos", "photos_prior", "photos_two_level", "photos_two_level_prior"]
FAMILIES += ["speech", "speech_prior"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_number_has_bounds_and_every_tuple_a_length(name):
    preset = presets.preset(name)
    for path, hint in leaves(preset):
        field, declared = path[-1], str(hint)
        wrong = []
        if "tuple" in declared:
            wrong += [["a"] * 200_000]
        if "tuple[int" in declared:
            wrong += [[1] * 10_000, [2**63], [2**63] * 2, [10**5_000], [-1] * 4]
        elif "int" in declared or "float" in declared:
            wrong += [2**63, 10**5_000, -(2**63)]
        if "float" in declared:
            wrong += [float("nan"), float("inf"), -float("inf")]
        for value in wrong:
            assert field in refused(type(preset), replaced(preset, path, value))


ODD = [
    *(None, True, 0, -1, 1, 2, 7, 2**31, 2**64, 10**5_000, 0.5, -0.0, 1e-300, 1e300),
    *(float("nan"), float("inf"), "", "a", "ema", "loss", "a" * 5_000, "a\nb", "\x00", "\ud800"),
    *([], {}, [[]], [1, [2]], [None], ["a"], [1.5], [True], [4, 8], [1] * 10_000, {"a": 1}),
    *({"steps": {}}, {1: 2}, b"bytes", 1j, object(), {"training": {"training": {}}}),
]


@pytest.mark.parametrize("name", FAMILIES)
def test_values_of_any_kind_are_refused_or_make_a_configuration(name):
    preset = presets.preset(name)
    paths = [path for path, _ in leaves(preset)] + [("training",), ("of_no_name",), (7,)]
    paths += [(name,) for name in ("data", "quantizer") if hasattr(preset, name)]
    draws = random.Random(name)
    for _ in range(400):
        values = replaced(preset, draws.choice(paths), draws.choice(ODD))
        try:
            config = from_dict(type(preset), values)
        except UserError as error:
            assert str(error).isprintable() and len(str(error)) < 1_200
        else:
            text = json.dumps(to_dict(config), allow_nan=False)
            assert from_dict(type(preset), json.loads(text)) == config


@pytest.mark.parametrize("values", [None, [], 5, "config", [["widths", [4]]]])
def test_what_holds_no_fields_is_refused(values):
    assert "must hold fields by name" in refused(models.ImageConfig, values)


def test_a_configuration_built_in_python_is_checked_as_one_from_a_file():
    config = models.ImageConfig(widths=[np.int64(4), 8], data_variance=np.float32(0.5))
    assert config == models.ImageConfig(widths=(4, 8), data_variance=0.5)
    quantizer = models.QuantizerConfig(num_embeddings=np.int64(8), commitment_cost=1)
    assert quantizer == models.QuantizerConfig(num_embeddings=(8,), commitment_cost=1.0)
    assert json.loads(json.dumps(to_dict(config)))["widths"] == [4, 8]
    for wrong in (
        {"residual_width": "32"},
        {"residual_width": 32.0},
        {"widths": "64,128"},
        {"widths": (4, (8,))},
        {"data": {"image_size": "32"}},
        {"training": None},
        {"quantizer": 3},
        {"data_variance": "small"},
        {"embedding_dim": None},
    ):
        with pytest.raises(UserError, match=next(iter(wrong))):
            models.ImageConfig(**wrong)


def test_what_is_large_only_together_is_refused_too():
    codebook = models.QuantizerConfig(num_embeddings=2**20)
    with pytest.raises(UserError, match="the codebooks must hold at most"):
        models.ImageConfig(quantizer=codebook, embedding_dim=2**12)
    with pytest.raises(UserError, match="quantizer.stages times quantizer.groups must be at most"):
        models.QuantizerConfig(stages=2**8, groups=2**8)
    large = TrainingConfig(batch_size=2**16)
    with pytest.raises(UserError, match="a batch must hold at most"):
        models.ImageConfig(data=DataConfig(image_size=2**10), training=large)
    with pytest.raises(UserError, match="a batch must hold at most"):
        models.AudioConfig(window=2**20, training=large)
