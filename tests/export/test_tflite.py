"""A TFLite file against the models that were exported to it."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from tests.export.conftest import GRID, SIZE
from tests.small import AUTOENCODER, GROUPED, PRIOR, picture
from vqvae_tf import export, models
from vqvae_tf.errors import UserError
from vqvae_tf.export import other_process


def test_another_process_without_the_library_gives_the_same(tflite_file):
    model, prior, path = tflite_file
    pictures = [picture(*SIZE, seed) for seed in range(3)]
    check = export.check_tflite(model, path, pictures, prior=prior, grid=GRID)
    assert check["codes"] == 3 * 6 * 8 and check["codes_differing"] == 0
    assert check["sampled_codes"] == 2 * 15 and check["sampled_codes_differing"] == 0
    assert check["largest_difference"] <= 1
    # The logits' own: codes may agree while a cache holds what it should not.
    assert check["largest_log_prob_difference"] < 1e-4


def test_another_prior_is_found_out(tflite_file):
    model, prior, path = tflite_file
    other = models.PixelCNNPrior(prior.config)
    check = export.check_tflite(model, path, [picture(*SIZE)], prior=other, grid=GRID)
    assert check["codes_differing"] == 0
    assert check["largest_log_prob_difference"] > 0.1


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_noise_of_a_seed_gives_the_codes_of_the_prior(tflite_file, temperature):
    _, prior, path = tflite_file
    calls = [
        (
            "sample",
            {
                "noise": export.noise_of(prior, GRID, seed=2**64 - 3, sample=number)["noise"]
                * np.float32(temperature),
                "label": np.array([number % 2 - 1], np.int32),
            },
        )
        for number in range(4)
    ]
    served, _ = other_process.outputs(path, calls)
    codes = np.concatenate([each["codes"] for each in served])
    label = np.array([-1, 0, -1, 0])
    expected = prior.sample(4, grid=GRID, seed=2**64 - 3, temperature=temperature, label=label)
    np.testing.assert_array_equal(codes, expected)
    log_prob = np.concatenate([each["log_prob"] for each in served])
    assert log_prob.shape == codes.shape
    # Fifteen differences of 1e-5 or so each.
    np.testing.assert_allclose(
        log_prob.sum((1, 2)), prior.log_prob(codes, label=label.astype(np.int32)), atol=1e-3
    )


def test_a_code_that_the_noise_lifts_stays(tflite_file):
    _, prior, path = tflite_file
    noise = export.noise_of(prior, GRID)["noise"]
    noise[1, 2, 0, 5] += 1e9
    served, _ = other_process.outputs(path, [("sample", {"noise": noise, "label": np.int32([0])})])
    prefix = np.full((1, *GRID), -1)
    prefix[0, 1, 2] = 5
    expected = prior.sample(1, grid=GRID, seed=0, prefix=prefix, label=0)
    assert expected[0, 1, 2] == 5
    np.testing.assert_array_equal(served[0]["codes"], expected)


def test_all_operations_are_the_formats_own(tflite_file):
    _, _, path = tflite_file
    interpreter = tf.lite.Interpreter(path)
    assert set(interpreter.get_signature_list()) == {"decode", "encode", "sample"}
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert names and not {name for name in names if "Flex" in name or name == "CUSTOM"}


@pytest.mark.parametrize(
    ("autoencoder", "prior"),
    [
        (GROUPED, {"code_sizes": (16,) * 3, "num_classes": 0}),
        (
            {
                "likelihood": "logistic_mixture",
                "quantizer": models.QuantizerConfig(kind="loss", num_embeddings=(16,)),
            },
            {"code_dim": 2},
        ),
        (
            {"quantizer": models.QuantizerConfig(num_embeddings=(16, 8), stages=2)},
            {"code_sizes": (16, 8)},
        ),
        (
            {"quantizer": models.QuantizerConfig(kind="finite_scalar", levels=(5, 3))},
            {"code_sizes": (15,)},
        ),
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
    assert check["largest_difference"] <= 1
    assert check["largest_log_prob_difference"] < 1e-4


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path):
    model = models.ImageVQVAE(AUTOENCODER)
    path = tmp_path / "model.tflite"
    export.export_tflite(model, str(path), (4, 4))
    small = path.stat().st_size
    (tmp_path / "model.tflite.part").write_text("of somebody else")
    export.export_tflite(model, str(path), (8, 8))
    assert path.read_bytes()[4:8] == b"TFL3" and path.stat().st_size != small
    wanted = ["model.tflite", "model.tflite.part", "vqvae_export.json"]
    assert sorted(os.listdir(tmp_path)) == wanted
    path.write_bytes(b"\x1c\0\0\0TFL3 years of work")
    with pytest.raises(UserError, match="model.tflite has changed since it was exported; give"):
        export.export_tflite(model, str(path), (8, 8))
    (tmp_path / "vqvae_export.json").unlink()
    with pytest.raises(UserError, match="model.tflite exists and no export wrote it; give another"):
        export.export_tflite(model, str(path), (8, 8))
    assert path.read_bytes().endswith(b"years of work")


@pytest.mark.parametrize(
    ("name", "size", "wanted"),
    [
        ("model.lite", (8, 8), "must end in .tflite; received .*model.lite"),
        ("model.tflite", (8, 0), "size must hold 2 sides of at least 1"),
        ("model.tflite", (8,), "size must hold 2 sides of at least 1"),
        ("model.tflite", 8, "size must hold 2 sides of at least 1; received 8"),
        ("model.tflite", (8, 8.5), "size must hold 2 sides of at least 1"),
        ("model.tflite", (10**6, 10**6), "an example has at most 16,777,216 places; received"),
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


def test_what_cannot_be_run_ends_in_one_line(tflite_file, tmp_path):
    model, _, _ = tflite_file
    (tmp_path / "model.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    with pytest.raises(UserError, match="cannot be served by another process: ") as error:
        export.check_tflite(model, str(tmp_path / "model.tflite"), [picture(*SIZE)])
    assert "\n" not in str(error.value)
