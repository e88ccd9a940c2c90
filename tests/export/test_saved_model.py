import dataclasses
import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.small import AUTOENCODER, GROUPED, picture
from vqvae_tf import export, models
from vqvae_tf.errors import UserError


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    """A model that has an optimizer with slots, and where it was exported to."""
    model = models.load(runs.model)
    model.compile(keras.optimizers.Adam())
    model.optimizer.build(model.trainable_variables)
    path = str(tmp_path_factory.mktemp("export") / "served")
    export.export_saved_model(model, path)
    return model, path


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported[1])


def test_another_process_without_the_library_gives_the_same(exported):
    model, path = exported
    pictures = [picture(*size) for size in ((16, 16), (21, 30), (1, 1), (40, 7))]
    check = export.check_saved_model(model, path, pictures)
    assert check["codes"] == 16 + 6 * 8 + 1 + 10 * 2
    assert check["codes_differing"] == 0
    # Sums in a graph may round otherwise in the last bit, which can tip a pixel's rounding.
    assert check["largest_difference"] <= 1
    assert min(check["load_seconds"], check["first_call_seconds"], check["process_seconds"]) > 0


@pytest.mark.parametrize(
    ("name", "input_name", "input_type", "output_name", "output_type"),
    [
        ("encode", "image", tf.uint8, "codes", tf.int32),
        ("decode", "codes", tf.int32, "image", tf.uint8),
        ("reconstruct", "image", tf.uint8, "reconstruction", tf.uint8),
    ],
)
def test_signatures_have_names_types_and_open_sizes(
    served, name, input_name, input_type, output_name, output_type
):
    signature = served.signatures[name]
    _, inputs = signature.structured_input_signature
    assert set(inputs) == {input_name}
    assert inputs[input_name].dtype == input_type
    assert inputs[input_name].shape[:3].as_list() == [None, None, None]
    assert set(signature.structured_outputs) == {output_name}
    assert signature.structured_outputs[output_name].dtype == output_type


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 9, 30), (2, 1, 5)])
def test_any_batch_and_any_size(exported, served, shape):
    model, _ = exported
    images = np.stack([picture(*shape[1:], seed) for seed in range(shape[0])])
    codes = served.signatures["encode"](image=tf.constant(images))["codes"]
    np.testing.assert_array_equal(codes, model.encode(images))
    decoded = served.signatures["decode"](codes=codes)["image"]
    assert decoded.shape == (shape[0], *(-(-side // 4) * 4 for side in shape[1:]), 3)
    reconstruction = served.signatures["reconstruct"](image=tf.constant(images))["reconstruction"]
    np.testing.assert_array_equal(reconstruction, decoded[:, : shape[1], : shape[2]])


def test_the_graphs_assign_nothing_and_no_slot_is_saved(exported, served):
    model, path = exported
    for signature in served.signatures.values():
        graph = signature.graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        operations = {node.op for node in nodes}
        assert "GatherV2" in operations  # the functions inside were looked at
        assert not {name for name in operations if "Assign" in name or "PyFunc" in name}
    saved = tf.train.list_variables(os.path.join(path, "variables", "variables"))
    sizes = sorted(int(np.prod(shape)) for name, shape in saved if "OBJECT_GRAPH" not in name)
    expected = sorted(int(np.prod(v.shape)) for v in model.variables)
    assert sizes == expected


def test_several_codes_a_place(tmp_path):
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, **GROUPED))
    path = str(tmp_path / "served")
    export.export_saved_model(model, path)
    images = picture(9, 16)[None]
    codes = tf.saved_model.load(path).signatures["encode"](image=tf.constant(images))["codes"]
    assert codes.shape == (1, 3, 4, 3)
    np.testing.assert_array_equal(codes, model.encode(images))


def test_an_earlier_export_is_replaced_and_a_foreign_one_refused(exported, tmp_path):
    model, path = exported
    before = os.path.getmtime(os.path.join(path, "saved_model.pb"))
    export.export_saved_model(model, path)
    assert os.path.getmtime(os.path.join(path, "saved_model.pb")) > before
    with open(os.path.join(path, "vqvae_export.json")) as file:
        listed = json.load(file)["exports"]["saved_model"]
    assert set(listed["files"]) <= set(export.SAVED_MODEL_FILES)
    assert listed["signatures"]["decode"] == {
        "inputs": {
            "codes": {"dtype": "int32", "shape": [None, None, None], "least": 0, "most": 15}
        },
        "outputs": {"image": {"dtype": "uint8", "shape": [None, None, None, 3]}},
    }
    tf.saved_model.save(tf.Module(), str(tmp_path))
    (tmp_path / "thesis.txt").write_text("years of work")
    theirs = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(UserError, match="exists and no export wrote it; give another --output"):
        export.export_saved_model(model, str(tmp_path))
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == theirs


def test_what_cannot_be_served_ends_in_one_line(exported, tmp_path):
    model, _ = exported
    with pytest.raises(UserError, match="cannot be served by another process: ") as error:
        export.check_saved_model(model, str(tmp_path), [picture(8, 8)])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("folder", ["served[1]", "a[b]/served", "back\\slash"])
def test_a_path_that_tensorflow_takes_for_a_pattern_is_refused(exported, tmp_path, folder):
    with pytest.raises(UserError, match="cannot load a SavedModel from") as error:
        export.export_saved_model(exported[0], str(tmp_path / folder))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
