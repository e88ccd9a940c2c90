import dataclasses
import json

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
    assert nearest("zzz", ["b", "a"]) == "(all: a, b)"
