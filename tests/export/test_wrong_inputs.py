"""A wrong input is an error for its client; the process lives, and answers what comes after."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tests.export.conftest import GRID, SIZE
from tests.small import AUTOENCODER
from vqvae_tf import export, models
from vqvae_tf.export import other_process, signature_runner


def pixels(*shape):
    return {"image": np.full(shape, 7, np.uint8)}


def codes(*shape, value=0):
    return {"codes": np.full(shape, value, np.int32)}


def label(*shape, value=0):
    return {"label": np.full(shape, value, np.int32)}


def request(count=1, temperature=1.0, seed=0):
    return {
        "seed": np.int64(seed),
        "count": np.int32(count),
        "temperature": np.float32(temperature),
    }


def shown(inputs):
    """Type, shape and first value of each input."""
    return {key: (x.dtype, x.shape, x.ravel()[:1]) for key, x in inputs.items()}


SHAPE = "is not compatible with expected shape"
EMPTY = "must hold at least one value; received shape"
RANGE = "codes must be at least 0 and at most 15; received"
TYPE = ("expected to be a", "Type mismatch", "expect")

PICTURES = [
    (pixels(16, 16, 3), SHAPE),  # no batch axis: TensorFlow itself ends the process
    (pixels(16, 3), SHAPE),
    (pixels(), SHAPE),
    (pixels(1, 1, 16, 16, 3), SHAPE),
    (pixels(1, 16, 16, 1), SHAPE),
    (pixels(1, 16, 16, 4), SHAPE),
    (pixels(0, 16, 16, 3), EMPTY),
    (pixels(1, 0, 16, 3), EMPTY),
    (pixels(1, 16, 0, 3), EMPTY),
    ({"image": np.zeros((1, 16, 16, 3), np.float32)}, TYPE),
    ({"image": np.zeros((1, 16, 16, 3), np.int32)}, TYPE),
]
CODES = [
    (codes(4, 4), SHAPE),
    (codes(4), SHAPE),
    (codes(), SHAPE),
    (codes(1, 1, 4, 4), SHAPE),
    (codes(0, 4, 4), EMPTY),
    (codes(1, 4, 0), EMPTY),
    (codes(1, 4, 4, value=-1), RANGE),
    (codes(1, 4, 4, value=16), RANGE),
    (codes(1, 4, 4, value=2**31 - 1), RANGE),
    ({"codes": np.zeros((1, 4, 4), np.int64)}, TYPE),
    ({"codes": np.zeros((1, 4, 4), np.float32)}, TYPE),
]
WRONG = [
    *((name, given, wanted) for name in ("encode", "reconstruct") for given, wanted in PICTURES),
    *(("decode", given, wanted) for given, wanted in CODES),
    *(("log_prob", given | label(), wanted) for given, wanted in CODES),
    ("log_prob", codes(2, 4, 4) | label(value=2), "label must be at least -1 and at most 1"),
    ("log_prob", codes(2, 4, 4) | label(value=-2), "label must be at least -1 and at most 1"),
    ("log_prob", codes(2, 4, 4) | label(3), "one number for all examples or one for each"),
    ("log_prob", codes(2, 4, 4) | label(0), EMPTY),
    ("log_prob", codes(2, 4, 4) | label(1, 2), "one number for all examples or one for each"),
    *(
        ("sample", request(count) | label(), "count must be at least 1 and at most 256; received")
        for count in (0, -1, -(2**31), 257, 2**31 - 1)
    ),
    *(
        ("sample", request(1, temperature) | label(), "temperature must be at least 0")
        for temperature in (-1e-3, -np.inf, np.inf, np.nan)
    ),
    ("sample", request(1) | label(value=2), "label must be at least -1 and at most 1"),
    ("sample", request(1) | label(value=-2), "label must be at least -1 and at most 1"),
    ("sample", request(2) | label(3), "one number for all examples or one for each"),
    ("sample", request(2) | label(1, 2), "one number for all examples or one for each"),
    *(
        ("sample", request(1) | {name: value} | label(), SHAPE)
        for name, value in (
            ("seed", np.zeros(2, np.int64)),
            ("count", np.ones(1, np.int32)),
            ("temperature", np.ones((1, 1), np.float32)),
        )
    ),
    ("sample", request(1) | {"seed": np.int32(0)} | label(), TYPE),
    ("sample", request(1) | {"temperature": np.float64(1)} | label(), TYPE),
]
RIGHT = [
    ("encode", pixels(2, 9, 30, 3)),
    ("decode", codes(2, 3, 8, value=15)),
    ("reconstruct", pixels(1, 1, 1, 3)),
    ("log_prob", codes(2, 4, 4) | label(1)),
    ("sample", request(2) | label(2)),
    ("sample", request(1, 0.0, seed=-1) | label(value=-1)),
    ("serving_default", pixels(1, 16, 16, 3)),
]


def answered(path, right, wrong):
    """The answers to `right` before all else and after each part of `wrong`, and to `wrong`."""
    asked, parts = list(right), [wrong[place : place + 16] for place in range(0, len(wrong), 16)]
    for part in parts:
        asked += [(name, inputs) for name, inputs, _ in part] + right
    answers, _ = other_process.answers(path, asked)
    assert len(answers) == len(right) * (1 + len(parts)) + len(wrong)
    first, left = answers[: len(right)], iter(answers[len(right) :])
    refused = []
    for part in parts:
        refused += [next(left) for _ in part]
        for before in first:
            after = next(left)
            assert not (before.error or after.error), (before.error, after.error)
            for name, value in before.outputs.items():
                np.testing.assert_array_equal(value, after.outputs[name])
    return refused


@pytest.mark.parametrize("runner", [None, "session_runner.py"])
def test_of_a_saved_model(saved_model, monkeypatch, runner):
    """Loaded by TensorFlow's function, and by a session as TensorFlow Serving has it."""
    if runner is not None:
        program = str(pathlib.Path(__file__).with_name(runner))
        monkeypatch.setattr(signature_runner, "__file__", program)
    for (name, inputs, wanted), answer in zip(
        WRONG, answered(saved_model[2], RIGHT, WRONG), strict=True
    ):
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        assert any(words in answer.error for words in wanted), (name, shown(inputs), answer.error)


def noise(*shape, value=0.0):
    return {"noise": np.full(shape or (*GRID, 1, 16), value, np.float32)}


def test_of_a_tflite_file(tflite_file):
    """By operations of TFLite's own, which has no assertion: the words are the interpreter's."""
    image, grid = (1, *SIZE, 3), (1, 6, 8)
    right = [
        ("encode", pixels(*image)),
        ("decode", codes(*grid, value=15)),
        ("sample", noise() | label(1)),
        ("sample", noise(value=1e9) | label(1, value=-1)),
    ]
    wrong = [
        *(
            ("encode", pixels(*shape))
            for shape in (
                *(image[1:], (1, *image), (2, *SIZE, 3), (1, *SIZE, 1), (1, *SIZE[::-1], 3)),
                *((1, 20, 30, 3), (1, 24, 32, 3), (0, *SIZE, 3), (1, 0, 30, 3), (1,)),
            )
        ),
        *(
            ("decode", codes(*shape))
            for shape in (grid[1:], (1, *grid), (2, 6, 8), (1, 8, 6), (1, 5, 8), (0, 6, 8), (48,))
        ),
        *(("decode", codes(*grid, value=value)) for value in (-1, 16, 2**31 - 1, -(2**31))),
        *(
            ("sample", noise(*shape) | label(1))
            for shape in (
                *((3, 5, 16), (1, 3, 5, 1, 16), (5, 3, 1, 16), (4, 5, 1, 16), (2, 5, 1, 16)),
                *((3, 6, 1, 16), (3, 5, 2, 16), (3, 5, 1, 17), (3, 5, 1, 1), (0, 5, 1, 16)),
            )
        ),
        *(("sample", noise(value=value) | label(1)) for value in (np.nan, np.inf, -np.inf)),
        *(("sample", noise() | label(1, value=value)) for value in (2, -2, 2**31 - 1)),
        *(("sample", noise() | label(*shape)) for shape in ((2,), (0,), (1, 1), ())),
        ("encode", {"image": np.zeros(image, np.float32)}),
        ("decode", {"codes": np.zeros(grid, np.int64)}),
        ("sample", noise()),
    ]
    wrong = [(*each, "") for each in wrong]
    for (name, inputs, _), answer in zip(
        wrong, answered(tflite_file[2], right, wrong), strict=True
    ):
        assert answer.error, (name, shown(inputs))


def test_codes_of_slots_with_codebooks_of_several_sizes(tmp_path):
    quantizer = models.QuantizerConfig(num_embeddings=(16, 8), stages=2)
    model = models.ImageVQVAE(dataclasses.replace(AUTOENCODER, quantizer=quantizer))
    export.export_saved_model(model, str(tmp_path / "served"))
    export.export_tflite(model, str(tmp_path / "served" / "model.tflite"), (4, 8))
    given = np.array([[[[15, 7], [0, 0]]], [[[7, 8], [0, 0]]]], np.int32)
    for name in ("served", "served/model.tflite"):
        calls = [("decode", {"codes": codes[None]}) for codes in given]
        (right, wrong), _ = other_process.answers(str(tmp_path / name), calls)
        assert not right.error and wrong.error
        np.testing.assert_array_equal(right.outputs["image"], model.decode(given[:1]))
