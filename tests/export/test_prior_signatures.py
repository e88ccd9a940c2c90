"""`sample` and `log_prob` of a SavedModel against the prior that was exported."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from tests.export.conftest import GRID, sharpened
from tests.small import AUTOENCODER, GROUPED, PRIOR, picture
from vqvae_tf import export, models
from vqvae_tf.errors import UserError


@pytest.fixture(scope="module")
def signatures(saved_model):
    return tf.saved_model.load(saved_model[2]).signatures


def sample(signatures, seed, count, temperature, **label):
    return signatures["sample"](
        seed=tf.bitcast(tf.constant(seed, tf.uint64), tf.int64),
        count=tf.constant(count),
        temperature=tf.constant(temperature),
        **{name: tf.constant(value, tf.int32) for name, value in label.items()},
    )


def test_another_process_without_the_library_gives_the_same(saved_model):
    model, prior, path = saved_model
    check = export.check_saved_model(model, path, [picture(9, 30)], prior=prior, grid=GRID)
    assert check["codes"] == 3 * 8 and check["codes_differing"] == 0
    assert check["sampled_codes"] == (2 + 3) * 15 and check["sampled_codes_differing"] == 0
    assert check["largest_log_prob_difference"] < 1e-4
    assert check["largest_difference"] <= 1


def test_another_prior_is_found_out(saved_model):
    model, prior, path = saved_model
    other = models.PixelCNNPrior(prior.config)
    check = export.check_saved_model(model, path, [picture(8, 8)], prior=other, grid=GRID)
    assert check["codes_differing"] == 0
    assert check["sampled_codes_differing"] > 0
    assert check["largest_log_prob_difference"] > 0.1


@pytest.mark.parametrize(
    ("seed", "count", "temperature", "label"),
    [
        (0, 1, 1.0, -1),
        (3, 4, 1.0, 0),
        (2**40 + 1, 2, 0.5, [0]),
        (2**64 - 1, 3, 1.0, [0, -1, 0]),
        (7, 70, 1.0, -1),  # more than the prior draws at once
        (1, 2, 0.0, 0),
    ],
)
def test_a_seed_gives_the_codes_of_the_prior(
    saved_model, signatures, seed, count, temperature, label
):
    model, prior, _ = saved_model
    served = sample(signatures, seed, count, temperature, label=label)
    expected = prior.sample(count, grid=GRID, seed=seed, temperature=temperature, label=label)
    np.testing.assert_array_equal(served["codes"], expected)
    np.testing.assert_array_equal(served["image"], model.decode(expected))
    assert served["image"].dtype == tf.uint8 and served["image"].shape == (count, 12, 20, 3)


@pytest.mark.parametrize(("grid", "label"), [((1, 1), -1), ((7, 4), 0), (GRID, [0, -1])])
def test_log_prob_of_grids_of_any_size(saved_model, signatures, grid, label):
    _, prior, _ = saved_model
    codes = np.random.default_rng(0).integers(0, 16, (2, *grid), np.int32)
    served = signatures["log_prob"](codes=tf.constant(codes), label=tf.constant(label))["log_prob"]
    logits = np.asarray(prior(codes, {"label": np.broadcast_to(label, 2)}), np.float64)
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = np.take_along_axis(logits, codes[..., None], -1).sum((1, 2, 3))
    # Float32 sums of up to 28 logarithms of 50 or so.
    np.testing.assert_allclose(served, expected, atol=1e-3)
    np.testing.assert_allclose(
        served, prior.log_prob(codes, label=np.broadcast_to(label, 2)), atol=1e-4
    )


def test_signatures_have_names_and_types(saved_model, signatures):
    _, inputs = signatures["sample"].structured_input_signature
    assert {name: spec.dtype for name, spec in inputs.items()} == {
        "seed": tf.int64,
        "count": tf.int32,
        "temperature": tf.float32,
        "label": tf.int32,
    }
    assert set(signatures["sample"].structured_outputs) == {"codes", "image"}
    _, inputs = signatures["log_prob"].structured_input_signature
    assert set(inputs) == {"codes", "label"}
    assert signatures["log_prob"].structured_outputs["log_prob"].dtype == tf.float32
    assert {"encode", "decode", "reconstruct"} < set(signatures)


def test_the_graphs_assign_nothing_and_weights_are_saved_once(saved_model, signatures):
    model, prior, path = saved_model
    for name in ("sample", "log_prob"):
        graph = signatures[name].graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        operations = {node.op for node in nodes}
        assert "MatMul" in operations or "Conv2D" in operations
        assert not {name for name in operations if "Assign" in name or "PyFunc" in name}
    saved = tf.train.list_variables(os.path.join(path, "variables", "variables"))
    sizes = sorted(int(np.prod(shape)) for name, shape in saved if "OBJECT_GRAPH" not in name)
    expected = [*model.variables, *prior.variables]
    assert sizes == sorted(int(np.prod(variable.shape)) for variable in expected)


def test_without_classes_and_with_several_codes_a_place(tmp_path):
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, **GROUPED))
    config = dataclasses.replace(PRIOR, code_sizes=(16,) * 3, num_classes=0, grid=2)
    prior = sharpened(models.PixelCNNPrior(config))
    path = str(tmp_path / "served")
    export.export_saved_model(model, path, prior=prior)
    signatures = tf.saved_model.load(path).signatures
    codes = sample(signatures, 5, 2, 1.0)["codes"]
    np.testing.assert_array_equal(codes, prior.sample(2, grid=(2, 2), seed=5))
    log_prob = signatures["log_prob"](codes=codes)["log_prob"]
    np.testing.assert_allclose(log_prob, prior.log_prob(codes), atol=1e-4)


def test_a_prior_over_other_codes_is_refused(saved_model, tmp_path):
    model, prior, _ = saved_model
    other = models.PixelCNNPrior(dataclasses.replace(prior.config, code_sizes=(17,)))
    wanted = r"code_sizes \(17,\), and the model has rank 2 and \(16,\); give a prior that was"
    with pytest.raises(UserError, match=wanted):
        export.export_saved_model(model, str(tmp_path / "x"), prior=other)
    with pytest.raises(UserError, match="sides of at least 1; received \\(0, 4\\)"):
        export.export_saved_model(model, str(tmp_path / "x"), prior=prior, grid=(0, 4))
    with pytest.raises(UserError, match="received \\(2, 4\\) and no prior: give the prior"):
        export.export_saved_model(model, str(tmp_path / "x"), grid=(2, 4))
    for grid in (5, (2, 2.5), (), "4"):
        with pytest.raises(UserError, match="grid must hold 2 sides of at least 1; received"):
            export.export_saved_model(model, str(tmp_path / "x"), prior=prior, grid=grid)
    for wrong in ((prior, None), (model, model), (None, prior)):
        with pytest.raises(UserError, match="must be one of the library's, of the class"):
            export.export_saved_model(wrong[0], str(tmp_path / "x"), prior=wrong[1])
        with pytest.raises(UserError, match="must be one of the library's, of the class"):
            export.export_tflite(wrong[0], str(tmp_path / "x.tflite"), (8, 8), prior=wrong[1])
    assert not os.listdir(tmp_path)
