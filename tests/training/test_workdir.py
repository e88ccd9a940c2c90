import errno
import fcntl
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import files
from vqvae_tf.errors import UserError
from vqvae_tf.training import workdir
from vqvae_tf.training.workdir import SCHEMA_VERSION


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
    assert sorted(os.listdir(path)) == [".lock", "config.json"]


def test_same_record_goes_on(tmp_path):
    workdir.prepare(str(tmp_path), record())
    (tmp_path / "metrics.csv").write_text("step\n")
    assert workdir.prepare(str(tmp_path), record()) is True


def test_a_worker_that_was_started_otherwise_than_its_chief_is_refused(tmp_path):
    path = str(tmp_path / "run")
    with pytest.raises(UserError, match="give a workdir that all workers can see"):
        workdir.agree(path, record())
    workdir.prepare(path, record())
    workdir.agree(path, record())
    words = (
        "the chief was started with --config.training.steps=100 --data=embedded:photos, this "
        "worker with --config.training.steps=200 --data=folder:x; give all workers the same command"
    )
    with pytest.raises(UserError, match=words):
        workdir.agree(path, record(steps=200, data="folder:x"))
    with pytest.raises(UserError, match="with no more, this worker with more=1"):
        workdir.agree(path, record() | {"more": 1})


def test_steps_may_be_raised_and_not_lowered(tmp_path):
    workdir.prepare(str(tmp_path), record(steps=100))
    assert workdir.prepare(str(tmp_path), record(steps=200)) is True
    assert workdir.read(str(tmp_path))["config"]["training"]["steps"] == 200
    with pytest.raises(UserError, match="steps=200, this.*steps=150; steps may be raised but"):
        workdir.prepare(str(tmp_path), record(steps=150))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            record(widths=(4, 16)),
            "started with --config.widths=4,8, this command with --config.widths=4,16; give the",
        ),
        (
            record(data="folder:my pictures"),
            "with --data=embedded:photos, this command with --data='folder:my pictures'; give",
        ),
        (
            record(data="folder:x", widths=(4,)),
            "with --config.widths=4,8 --data=embedded:photos, this command with "
            "--config.widths=4 --data=folder:x; give the earlier values or another workdir",
        ),
        (record(data="folder:x", steps=200), "with --data=embedded:photos, this command with --d"),
        (
            record(data="folder:x", steps=50),
            "with --config.training.steps=100 --data=embedded:photos, this command with",
        ),
        (
            {"family": "image", "data": "embedded:photos"},
            "learning_rate=0.1 --config.training.steps=100 --config.widths=4,8, this command with "
            "no config.training.learning_rate no config.training.steps no config.widths; give",
        ),
        ({**record(), "extra": None}, "with no extra, this command with extra=None; give"),
        (
            {**record(), **{f"extra_{n}": n for n in range(9)}},
            "extra_4=4 extra_5=5 ... (9 in all); give",
        ),
    ],
)
def test_any_other_difference_is_refused_by_name(tmp_path, changed, message):
    workdir.prepare(str(tmp_path), record())
    with pytest.raises(UserError, match=re.escape(message)) as error:
        workdir.prepare(str(tmp_path), changed)
    assert "\n" not in str(error.value)
    assert workdir.read(str(tmp_path)) == json.loads(json.dumps(record()))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / ".hidden").touch()
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds thesis.tex but no config.json"):
        workdir.prepare(str(tmp_path), record())
    assert not (tmp_path / "config.json").exists()


def test_names_that_are_not_utf8_are_names(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"\xff\n.txt"), "w"):
        pass
    with pytest.raises(UserError, match=r"holds .*udcff.n.txt but no config.json") as error:
        workdir.prepare(str(tmp_path), record())
    assert "\n" not in str(error.value)
    str(error.value).encode()
    (tmp_path / "config.json").write_text(json.dumps({"schema": SCHEMA_VERSION, **record()}))
    assert workdir.prepare(str(tmp_path), record()) is True


@pytest.mark.parametrize("path", ["unknown://a/b", "/etc/passwd/run", "/dev/null"])
def test_where_no_folder_can_be_is_one_line(path):
    for call in (lambda: workdir.prepare(path, record()), lambda: workdir.read(path)):
        with pytest.raises(UserError) as error:
            call()
        assert "\n" not in str(error.value) and path in str(error.value)


def test_other_file_systems_have_folders_too(tmp_path):
    path = f"file://{tmp_path}/run"
    assert workdir.prepare(path, record()) is False
    assert workdir.prepare(path, record()) is True
    assert os.listdir(tmp_path / "run") == ["config.json"]


def test_a_record_that_could_not_be_read_again_is_not_written(tmp_path):
    many = record() | {"class_names": [f"speaker {number:06}" for number in range(100_000)]}
    assert not workdir.prepare(str(tmp_path / "many"), many)
    assert workdir.read(str(tmp_path / "many")) == json.loads(json.dumps(many))
    with pytest.raises(UserError, match="more than 16,777,216; give fewer or shorter names"):
        workdir.prepare(str(tmp_path / "more"), record() | {"class_names": ["x" * 2**24]})
    assert not os.path.exists(tmp_path / "more")


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        workdir.prepare(str(tmp_path / "file"), record())


def schema_and(text="", schema=str(SCHEMA_VERSION)):
    return f'{{"schema": {schema}{text}}}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged or was not written by vqvae_tf"),
        ("{", "is damaged or was not written by vqvae_tf"),
        ("[]", "is damaged or was not written by vqvae_tf"),
        ("null", "is damaged or was not written by vqvae_tf"),
        ('"schema"', "is damaged or was not written by vqvae_tf"),
        ('{"compilerOptions": {}}', "is damaged or was not written by vqvae_tf"),
        ("[" * 100_000, "is damaged or was not written by vqvae_tf"),
        ("9" * 5000, "is damaged or was not written by vqvae_tf"),
        (schema_and(', "x": ' + "9" * 5000), "is damaged or was not written by vqvae_tf"),
        (
            schema_and(', "config": ' + '{"a": ' * 100 + "1" + "}" * 100),
            "is damaged or was not written by vqvae_tf",
        ),
        (
            schema_and(', "config": {"a": ' + "[" * 100 + "]" * 100 + "}"),
            "is damaged or was not written by vqvae_tf",
        ),
        (schema_and() + " " * 2**24, "is damaged or was not written by vqvae_tf"),
        *(
            (schema_and(schema=value), "is damaged or was not written by vqvae_tf")
            for value in (f'"{SCHEMA_VERSION}"', "null", "true", "2.0", "1e999", "NaN", "[2]", "{}")
        ),
        *(
            (schema_and(f', "{name}": {value}'), "is damaged or was not written by vqvae_tf")
            for name, value in (
                ("family", '["image"]'),
                ("family", "{}"),
                ("family", "1"),
                ("config", "[]"),
                ("config", "null"),
                ("data", "7"),
                ("codebook", "null"),
                ("class_names", '"ab"'),
                ("class_names", "[1, 2]"),
            )
        ),
        (schema_and(schema=SCHEMA_VERSION + 1), "update vqvae_tf"),
        (schema_and(schema="9" * 400), "update vqvae_tf"),
        (
            schema_and(schema=1),
            "checkpoints only earlier versions of vqvae_tf can read; train again",
        ),
        (schema_and(schema=-5), "only earlier versions"),
        # Ours, and another run: by the name of the field, in bounded length.
        (schema_and(', "family": "image", "data": "x"'), "with no config.training.learning_rate"),
        (schema_and(', "z\\nz": "' + "x" * 9000 + '"'), "with no config.training.learning_rate"),
    ],
)
def test_a_config_that_is_not_ours_is_refused(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        workdir.prepare(str(tmp_path), record())
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    assert (tmp_path / "config.json").read_text() == text


@pytest.mark.parametrize("steps", ["null", '"100"', "[100]", "{}", "true", "1e999", "100.5"])
def test_steps_of_another_type_are_refused_by_name(tmp_path, steps):
    workdir.prepare(str(tmp_path), record(steps=100))
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"steps": 100', f'"steps": {steps}'))
    with pytest.raises(UserError, match="config.training.steps=") as error:
        workdir.prepare(str(tmp_path), record(steps=200))
    assert "\n" not in str(error.value)


def test_bytes_mutated_at_random_give_a_record_or_one_line(tmp_path):
    path = tmp_path / "config.json"
    workdir.prepare(str(tmp_path), record())
    good = path.read_bytes()
    draws = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(good)
        for place in draws.integers(len(data), size=draws.integers(1, 4)):
            data[place] = draws.integers(256)
        path.write_bytes(data[: draws.integers(len(data) + 1)] if draws.integers(3) == 0 else data)
        for call in (lambda: workdir.read(str(tmp_path)), lambda: prepare_copy(tmp_path)):
            try:
                call()
            except UserError as error:
                assert "\n" not in str(error)


def prepare_copy(path):
    workdir.prepare(str(path), record(steps=101))


@pytest.mark.parametrize("left", [".config.json.part", ".lock"])
def test_a_start_that_was_killed_is_simply_repeated(tmp_path, left):
    (tmp_path / left).write_text('{"schema"')
    assert workdir.prepare(str(tmp_path), record()) is False
    assert workdir.prepare(str(tmp_path), record()) is True


@pytest.mark.parametrize("name", ["run[1]", "[", "a]b", "w*?", "back\\slash"])
def test_a_folder_is_no_pattern(tmp_path, name):
    path = str(tmp_path / name)
    assert workdir.prepare(path, record()) is False
    assert workdir.prepare(path, record()) is True
    assert workdir.read(path) == json.loads(json.dumps(record()))


def test_one_process_at_a_time(tmp_path):
    path = str(tmp_path / "run")
    holder = (
        "import fcntl, os, sys; os.makedirs(sys.argv[1]);"
        "file = open(sys.argv[1] + '/.lock', 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        for enter in (lambda: workdir.prepare(path, record()), workdir.locked(path).__enter__):
            with pytest.raises(UserError, match="another run is using workdir") as error:
                enter()
            assert "\n" not in str(error.value)
        with workdir.locked(path, active=False):  # a worker that is not the chief
            pass
        other.kill()  # and the lock is gone
    assert workdir.prepare(path, record()) is False
    with workdir.locked(path), pytest.raises(UserError), workdir.locked(path):
        pass
    with workdir.locked(path):
        assert workdir.read(path) == json.loads(json.dumps(record()))


def test_where_locks_are_unknown_a_warning_says_so(tmp_path, monkeypatch, caplog):
    def unknown(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    assert workdir.prepare(str(tmp_path), record()) is False
    assert "start no second run there" in caplog.text
    with workdir.locked("ram://run"):  # no local file
        pass


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
