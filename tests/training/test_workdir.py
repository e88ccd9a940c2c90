import json
import os

import pytest
import tensorflow as tf

from vqvae_tf import files
from vqvae_tf.config import SCHEMA_VERSION
from vqvae_tf.errors import UserError
from vqvae_tf.training import workdir


def record(steps=100, widths=(4, 8), data="embedded:photos"):
    return {
        "family": "image",
        "config": {"widths": widths, "training": {"steps": steps, "learning_rate": 0.1}},
        "data": data,
    }


def test_absent_folder_is_made_and_described(tmp_path):
    path = str(tmp_path / "a" / "b")
    assert workdir.prepare(path, record()) is False
    with open(os.path.join(path, "config.json")) as file:
        stored = json.load(file)
    assert stored == {"schema": SCHEMA_VERSION, **json.loads(json.dumps(record()))}
    assert workdir.read(path)["config"]["widths"] == [4, 8]
    assert os.listdir(path) == ["config.json"]


def test_same_record_goes_on(tmp_path):
    workdir.prepare(str(tmp_path), record())
    (tmp_path / "metrics.csv").write_text("step\n")
    assert workdir.prepare(str(tmp_path), record()) is True


def test_steps_may_be_raised_and_not_lowered(tmp_path):
    workdir.prepare(str(tmp_path), record(steps=100))
    assert workdir.prepare(str(tmp_path), record(steps=200)) is True
    assert workdir.read(str(tmp_path))["config"]["training"]["steps"] == 200
    with pytest.raises(UserError, match="config.training.steps=200.*not lowered to 150"):
        workdir.prepare(str(tmp_path), record(steps=150))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (record(widths=(4, 16)), r"config.widths=\[4, 8\], now it is \[4, 16\]"),
        (record(data="folder:x"), 'data="embedded:photos", now it is "folder:x"'),
        ({"family": "image", "data": "embedded:photos"}, "config.training.learning_rate=0.1"),
        ({**record(), "extra": 1}, "extra=null, now it is 1"),
    ],
)
def test_any_other_difference_is_refused_by_name(tmp_path, changed, message):
    workdir.prepare(str(tmp_path), record())
    with pytest.raises(UserError, match=message) as error:
        workdir.prepare(str(tmp_path), changed)
    assert "\n" not in str(error.value)
    assert workdir.read(str(tmp_path)) == json.loads(json.dumps(record()))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / ".hidden").touch()
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds thesis.tex but no config.json"):
        workdir.prepare(str(tmp_path), record())
    assert not (tmp_path / "config.json").exists()


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        workdir.prepare(str(tmp_path / "file"), record())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged or not ours"),
        ("[]", "is damaged or not ours"),
        ('{"compilerOptions": {}}', "is damaged or not ours"),
        (json.dumps({"schema": SCHEMA_VERSION + 1}), "update vqvae_tf"),
    ],
)
def test_a_config_that_is_not_ours_is_refused(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=message):
        workdir.prepare(str(tmp_path), record())


def test_reading_where_there_is_none(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        workdir.read(str(tmp_path))


def test_numbers_unknown_to_json_become_null(tmp_path):
    path = str(tmp_path / "x.json")
    files.write_json(path, {"a": [float("nan"), 1.0], "b": {"c": float("inf")}})
    with open(path) as file:
        assert json.load(file) == {"a": [None, 1.0], "b": {"c": None}}


def test_a_disk_without_room_is_one_line(tmp_path, monkeypatch):
    def full(*arguments, **keywords):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device\ndetails")

    monkeypatch.setattr(tf.io.gfile, "rename", full)
    with pytest.raises(UserError, match="cannot write .*config.json .No space left") as error:
        workdir.prepare(str(tmp_path), record())
    assert "\n" not in str(error.value)
