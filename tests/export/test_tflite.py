"""A TFLite file against the models that were exported to it."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from tests.export.test_prior_endpoints import GRID, sharpened
from tests.small import AUTOENCODER, GROUPED, PRIOR, picture
from vqvae_tf import export, models, workflows
from vqvae_tf.errors import UserError
from vqvae_tf.export import elsewhere

SIZE = (21, 30)


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    """An autoencoder, its prior, and the file that both were exported to."""
    prior, model = workflows.load_pair(runs.prior)
    sharpened(prior)
    path = str(tmp_path_factory.mktemp("export") / "new" / "model.tflite")
    export.export_tflite(model, path, SIZE, prior=prior, grid=GRID)
    return model, prior, path


def test_another_process_without_the_library_gives_the_same(exported):
    model, prior, path = exported
    pictures = [picture(*SIZE, seed) for seed in range(3)]
    check = export.check_tflite(model, path, pictures, prior=prior, grid=GRID)
    assert check["codes"] == 3 * 6 * 8 and check["codes_differing"] == 0
    assert check["sampled_codes"] == 2 * 15 and check["sampled_codes_differing"] == 0
    assert check["largest_pixel_difference"] <= 1
    # The logits' own: codes may agree while a cache holds what it should not.
    assert check["largest_log_prob_difference"] < 1e-4


def test_another_prior_is_found_out(exported):
    model, prior, path = exported
    other = models.PixelCNNPrior(prior.config)
    check = export.check_tflite(model, path, [picture(*SIZE)], prior=other, grid=GRID)
    assert check["codes_differing"] == 0
    assert check["largest_log_prob_difference"] > 0.1


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_noise_of_a_seed_gives_the_codes_of_the_prior(exported, temperature):
    _, prior, path = exported
    calls = [
        (
            "sample",
            {
                "noise": export.noise_of(prior, GRID, seed=-3, sample=number)["noise"]
                * np.float32(temperature),
                "label": np.array([number % 2 - 1], np.int32),
            },
        )
        for number in range(4)
    ]
    served, _ = elsewhere.call(path, calls)
    codes = np.concatenate([each["codes"] for each in served])
    label = np.array([-1, 0, -1, 0])
    expected = prior.sample(4, grid=GRID, seed=-3, temperature=temperature, label=label)
    np.testing.assert_array_equal(codes, expected)
    log_prob = np.concatenate([each["log_prob"] for each in served])
    assert log_prob.shape == codes.shape
    # Fifteen differences of 1e-5 or so each.
    np.testing.assert_allclose(
        log_prob.sum((1, 2)), prior.log_prob(codes, label.astype(np.int32)), atol=1e-3
    )


def test_a_code_that_the_noise_lifts_stays(exported):
    _, prior, path = exported
    noise = export.noise_of(prior, GRID)["noise"]
    noise[1, 2, 0, 5] += 1e9
    served, _ = elsewhere.call(path, [("sample", {"noise": noise, "label": np.int32([0])})])
    prefix = np.full((1, *GRID), -1)
    prefix[0, 1, 2] = 5
    expected = prior.sample(1, grid=GRID, seed=0, prefix=prefix, label=0)
    assert expected[0, 1, 2] == 5
    np.testing.assert_array_equal(served[0]["codes"], expected)


def test_all_operations_are_the_formats_own(exported):
    _, _, path = exported
    interpreter = tf.lite.Interpreter(path)
    assert set(interpreter.get_signature_list()) == {"decode", "encode", "sample"}
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert names and not {name for name in names if "Flex" in name or name == "CUSTOM"}


@pytest.mark.parametrize(
    ("autoencoder", "prior"),
    [
        (GROUPED, {"code_sizes": (16,) * 3, "num_classes": 0}),
        ({"likelihood": "logistic_mixture", "quantizer": "loss"}, {"code_dim": 2}),
        (
            {
                "likelihood": "categorical",
                "quantizer": models.QuantizerConfig(num_embeddings=(130,)),
            },
            {"code_sizes": (130,)},
        ),
    ],
)
def test_other_models(tmp_path, autoencoder, prior):
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, **autoencoder))
    prior = models.PixelCNNPrior(dataclasses.replace(PRIOR, **{"code_sizes": (16,)} | prior))
    path = str(tmp_path / "model.tflite")
    export.export_tflite(model, path, (8, 12), prior=prior, grid=(2, 3))
    check = export.check_tflite(model, path, [picture(8, 12)], prior=prior, grid=(2, 3))
    assert check["codes_differing"] == check["sampled_codes_differing"] == 0
    assert check["largest_pixel_difference"] <= 1
    assert check["largest_log_prob_difference"] < 1e-4


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path):
    model = models.ImageVQVAE(AUTOENCODER)
    path = tmp_path / "model.tflite"
    export.export_tflite(model, str(path), (4, 4))
    small = path.stat().st_size
    (tmp_path / "model.tflite.part").write_text("left by an export that was killed")
    export.export_tflite(model, str(path), (8, 8))
    assert path.read_bytes()[4:8] == b"TFL3" and path.stat().st_size != small
    assert os.listdir(tmp_path) == ["model.tflite"]
    path.write_text("years of work")
    with pytest.raises(UserError, match="exists and is no TFLite file; give another --output"):
        export.export_tflite(model, str(path), (8, 8))
    assert path.read_text() == "years of work"


@pytest.mark.parametrize(
    ("name", "size", "wanted"),
    [
        ("model.lite", (8, 8), "must end in .tflite; received .*model.lite"),
        ("model.tflite", (8, 0), "size must be \\(height, width\\), both at least 1"),
        ("model.tflite", (8,), "size must be \\(height, width\\), both at least 1"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, size, wanted):
    with pytest.raises(UserError, match=wanted):
        export.export_tflite(models.ImageVQVAE(AUTOENCODER), str(tmp_path / name), size)
    assert not os.listdir(tmp_path)


def test_mixed_precision_is_refused_but_for_the_prior(tmp_path):
    mixed = dataclasses.replace(AUTOENCODER.training, precision="mixed_bfloat16")
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, training=mixed))
    path = str(tmp_path / "model.tflite")
    with pytest.raises(UserError, match="float32 and the model computes in mixed_bfloat16; train"):
        export.export_tflite(model, path, (8, 8))
    assert not os.listdir(tmp_path)
    model = models.ImageVQVAE(AUTOENCODER)
    prior = models.PixelCNNPrior(dataclasses.replace(PRIOR, code_sizes=(16,), training=mixed))
    export.export_tflite(model, path, (8, 8), prior=prior, grid=(2, 3))
    check = export.check_tflite(model, path, [picture(8, 8)], prior=prior, grid=(2, 3))
    assert check["sampled_codes_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4


def test_what_cannot_be_run_ends_in_one_line(exported, tmp_path):
    model, _, _ = exported
    (tmp_path / "model.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    with pytest.raises(UserError, match="cannot be served by another process: ") as error:
        export.check_tflite(model, str(tmp_path / "model.tflite"), [picture(*SIZE)])
    assert "\n" not in str(error.value)
