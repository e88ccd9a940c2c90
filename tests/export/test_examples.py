"""Every example runs, and answers wrong input in one line."""

import pathlib
import runpy
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.small import picture
from vqvae_tf import data
from vqvae_tf.errors import UserError

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    """`run("serve.py", ...)` -> what it prints, or the one line with which it exits."""

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        except SystemExit as exited:
            assert isinstance(exited.code, str) and "\n" not in exited.code
            return exited.code
        return capsys.readouterr().out

    return run


def test_all_of_them_are_here():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == ["compose.py", "serve.py"]


def test_compose_trains(run, monkeypatch):
    said = run("compose.py", "1", "2")
    assert "of 512 codes in use on 256 tiles" in said
    for arguments in (("0",), ("-1",), ("1.5",), ("many",), ("1", "2", "3"), ("9" * 5000,), ("",)):
        assert run("compose.py", *arguments).startswith("EPOCHS and STEPS_PER_EPOCH must be")

    def absent(uri):
        raise UserError(f"{uri} needs scikit-image")

    monkeypatch.setattr(data, "open_source", absent)
    assert run("compose.py", "1", "1") == "embedded:photos needs scikit-image"


def test_serve_reconstructs_without_the_library(run, saved_model, tmp_path, monkeypatch):
    model, _, path = saved_model
    image = picture(21, 30)
    Image.fromarray(image).save(tmp_path / "in.png")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "vqvae_tf", None)  # an import of it fails
        said = run("serve.py", path, tmp_path / "in.png", tmp_path / "out.png")
    assert said == "30x21 pixels, 48 codes\n"
    wanted = np.asarray(model.reconstruct(image[None]))[0]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), wanted)
    Image.fromarray(image[::-1].copy()).save(tmp_path / "in.png")  # its own picture is replaced
    assert run("serve.py", path, tmp_path / "in.png", tmp_path / "out.png") == said
    assert not np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), wanted)


def test_serve_answers_wrong_input_in_one_line(run, saved_model, tmp_path):
    path = saved_model[2]
    Image.fromarray(picture(9, 9)).save(tmp_path / "in.png")
    (tmp_path / "text.png").write_text("years of work")
    (tmp_path / "program.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop"
    )
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    sound = tf.Module()  # with the signatures of a model of sound

    @tf.function(input_signature=[tf.TensorSpec([None, None], name="audio")])
    def encode(audio):
        return {"codes": tf.cast(audio, tf.int32)}

    sound.encode = encode
    signatures = {"encode": encode, "decode": encode}
    tf.saved_model.save(sound, str(tmp_path / "sound"), signatures)
    (tmp_path / "folder.png").mkdir()
    before = sorted(file.name for file in tmp_path.iterdir())
    for arguments, wanted in (
        ((), "0 arguments; expected SAVED_MODEL PICTURE"),
        ((path, "in.png"), "2 arguments; expected"),
        ((path, "in.png", "in.png"), "in.png exists, and this program did not write it"),
        (("absent", "in.png", "out.png"), "SavedModel file does not exist"),
        (("in.png", "in.png", "out.png"), "SavedModel file does not exist"),
        (("other", "in.png", "out.png"), "has no signatures encode and decode"),
        (("sound", "in.png", "out.png"), "encodes audio, not image; run it as docs/serving.md"),
        ((path, "absent.png", "out.png"), "No such file"),
        ((path, "text.png", "out.png"), "cannot identify image file"),
        ((path, "program.png", "out.png"), "cannot identify image file"),
        ((path, "other", "out.png"), "Is a directory"),
        ((path, "in.png", "other"), "must end in .png; give such a name"),
        ((path, "in.png", "folder.png"), "folder.png exists, and this program did not"),
        ((path, "in.png", "out.unknown"), "must end in .png"),
        ((path, "in.png", "absent/out.png"), "No such file"),
    ):
        said = run("serve.py", *(tmp_path / each for each in arguments))
        assert wanted in said, (arguments, said)
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    assert (tmp_path / "text.png").read_text() == "years of work"
