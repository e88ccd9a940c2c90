"""What an export may replace in its output folder, and what it leaves as it was."""

import errno
import fcntl
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.export import manifest

SAVED_MODEL = ("fingerprint.pb", "saved_model.pb", "variables/index", "variables/data")


def install(folder, version: str, export: str = "saved_model", names=SAVED_MODEL) -> None:
    """An export of small files that hold their own name and a version."""

    def write(new):
        for name in names:
            path = pathlib.Path(new, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{name} {version}")

    manifest.install(str(folder), export, write, {"encode": {}})


def contents(folder) -> dict[str, str]:
    """Text of every file under a folder, hidden ones included, by relative name."""
    files = (path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def of_version(version: str, names=SAVED_MODEL) -> dict[str, str]:
    return {name: f"{name} {version}" for name in names}


def without_list(folder) -> dict[str, str]:
    found = contents(folder)
    del found[manifest.NAME]
    return found


def test_an_export_replaces_its_own_files_and_nothing_else(tmp_path):
    folder = tmp_path / "served"
    theirs = {"thesis.txt": "years", "variables/notes.txt": "of", "saved_model.pb.part": "work"}
    for name, text in theirs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "served.part").mkdir()  # what an earlier version removed
    (tmp_path / "served.part" / "kept.txt").write_text("kept")
    install(folder, "1")
    assert without_list(folder) == theirs | of_version("1")
    install(folder, "2")
    assert without_list(folder) == theirs | of_version("2")
    assert contents(tmp_path / "served.part") == {"kept.txt": "kept"}


def test_exports_in_one_folder_do_not_touch_each_other(tmp_path):
    for version in ("1", "2"):
        install(tmp_path, version)
        install(tmp_path, version, "a.tflite", ("a.tflite",))
        install(tmp_path, version, "b.tflite", ("b.tflite",))
        names = (*SAVED_MODEL, "a.tflite", "b.tflite")
        assert without_list(tmp_path) == of_version(version, names)
    listed = json.loads((tmp_path / manifest.NAME).read_text())["exports"]
    assert set(listed) == {"saved_model", "a.tflite", "b.tflite"}
    assert set(listed["saved_model"]) == {"files", "signatures", "versions"}
    assert {len(digests) for digests in listed["saved_model"]["files"].values()} == {1}


@pytest.mark.parametrize("name", SAVED_MODEL)
def test_a_file_that_no_export_wrote_is_refused_and_stays(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("years of work")
    with pytest.raises(UserError, match=f"{name} exists and no export wrote it; give another"):
        install(tmp_path, "1")
    assert contents(tmp_path) == {name: "years of work"}


@pytest.mark.parametrize("name", SAVED_MODEL)
def test_a_file_that_has_changed_is_refused_and_stays(tmp_path, name):
    install(tmp_path, "1")
    (tmp_path / name).write_text("years of work")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=f"{name} has changed since it was exported; give another"):
        install(tmp_path, "2")
    assert contents(tmp_path) == before


def test_links_are_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    install(elsewhere, "1")
    before = contents(elsewhere)
    for place, name in enumerate(("saved_model.pb", "variables")):
        folder = tmp_path / str(place)
        install(folder, "1")
        (folder / name).rename(folder / "moved")
        (folder / name).symlink_to(elsewhere / name)
        with pytest.raises(UserError, match=f"{name} is a link, which no export wrote"):
            install(folder, "2")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "saved_model.pb").symlink_to(tmp_path / "absent")
    with pytest.raises(UserError, match="is a link"):
        install(tmp_path / "dangling", "2")
    assert contents(elsewhere) == before and not (tmp_path / "absent").exists()


def test_a_folder_by_any_of_its_names(tmp_path, monkeypatch):
    """Through a link, with `..`, with slashes behind it, and where the process itself stands."""
    folder = tmp_path / "served"
    folder.mkdir()
    (tmp_path / "link").symlink_to("served")
    monkeypatch.chdir(folder)
    names = (
        f"{tmp_path}/link",
        "../served",
        f"{folder}///",
        ".",
        "./",
        "",
        f"{tmp_path}/x/../served",
    )
    (tmp_path / "x").mkdir()
    for version, name in enumerate(names):
        install(name, str(version))
        assert without_list(folder) == of_version(str(version)), name
    assert (tmp_path / "link").is_symlink() and os.getcwd() == str(folder)
    assert sorted(os.listdir(tmp_path)) == ["link", "served", "x"]


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("years of work")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("absent")
    before = sorted(os.listdir(tmp_path))
    for name in ("file", "file/", "file/below", "loop", "dangling", "n" * 300, "a\0b"):
        with pytest.raises(UserError) as error:
            install(tmp_path / name if "/" not in name else f"{tmp_path}/{name}", "1")
        ending = repr(name)[1:-1]  # of a path so long that a message shows its two ends alone
        assert "\n" not in str(error.value)
        assert str(tmp_path) in str(error.value) or ending in str(error.value)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "file").read_text() == "years of work"
    (tmp_path / "taken" / "saved_model.pb").mkdir(parents=True)
    (tmp_path / "parent").mkdir()
    (tmp_path / "parent" / "variables").write_text("years of work")
    for name in ("taken", "parent"):
        with pytest.raises(UserError, match="exists and "):
            install(tmp_path / name, "1")


@pytest.mark.parametrize(
    "text",
    ["", "years of work", "[]", "{}", '{"exports": []}', '{"exports": {"a": 3}}', "[" * 100_000]
    + [
        '{"exports": {"a": {"files": ["saved_model.pb"]}}}',
        '{"exports": {"a": {"files": {"b": 1}}}}',
    ],
)
def test_a_list_that_is_none_of_ours_is_refused_and_stays(tmp_path, text):
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(UserError, match="is no list of exported files; give another --output"):
        install(tmp_path, "1")
    assert contents(tmp_path) == {manifest.NAME: text}


def test_a_list_that_is_no_text_is_refused_and_stays(tmp_path):
    (tmp_path / manifest.NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="cannot read"):
        install(tmp_path, "1")
    os.remove(tmp_path / manifest.NAME)
    os.mkfifo(tmp_path / manifest.NAME)
    with pytest.raises(UserError, match="is no list of exported files"):
        install(tmp_path, "1")
    assert os.listdir(tmp_path) == [manifest.NAME]


def test_a_list_that_names_files_elsewhere_reaches_none(tmp_path):
    thesis = tmp_path / "thesis.txt"
    install(tmp_path / "served", "1")
    thesis.write_text("years of work")
    path = tmp_path / "served" / manifest.NAME
    listed = json.loads(path.read_text())
    files = listed["exports"]["saved_model"]["files"]
    files["../thesis.txt"] = [manifest._digest(str(thesis))]
    path.write_text(json.dumps(listed))
    install(tmp_path / "served", "2")
    assert thesis.read_text() == "years of work"


def renames_of_an_export(folder) -> int:
    """How many files are renamed when an export replaces one of the same files."""
    calls = 0
    rename = tf.io.gfile.rename

    def counted(*arguments, **options):
        nonlocal calls
        calls += 1
        rename(*arguments, **options)

    install(folder, "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.io.gfile, "rename", counted)
        install(folder, "2")
    return calls


def failing_rename(step: int):
    """A `rename` that fails once, after `step` calls."""
    rename, calls = tf.io.gfile.rename, itertools.count()

    def failing(*arguments, **options):
        if next(calls) == step:
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")
        rename(*arguments, **options)

    return failing


def test_a_failure_at_any_step_leaves_the_earlier_export(tmp_path, monkeypatch):
    steps = renames_of_an_export(tmp_path / "counted")
    assert steps == 4 + 4 + 2 * 2  # out, in, and the list twice
    for step in range(steps):
        folder = tmp_path / str(step)
        install(folder, "1")
        with monkeypatch.context() as patch:
            patch.setattr(tf.io.gfile, "rename", failing_rename(step))
            with pytest.raises(UserError, match="cannot write .*No space left"):
                install(folder, "2")
        # The last two renames, of the list, come when the new files are all in place.
        assert without_list(folder) == of_version("2" if step >= steps - 2 else "1"), step
        install(folder, "3")
        assert without_list(folder) == of_version("3")


def test_a_kill_at_any_step_leaves_one_whole_export_or_none(tmp_path):
    """Each in a process of its own, forked from one that has TensorFlow."""
    steps = renames_of_an_export(tmp_path / "counted")
    program = pathlib.Path(__file__).with_name("killed_export.py")
    subprocess.run([sys.executable, program, tmp_path, str(steps)], check=True)
    for step in range(steps):
        folder = tmp_path / str(step)
        found = {name: text for name, text in without_list(folder).items() if name[0] != "."}
        whole = found in (of_version("1"), of_version("2"))
        assert whole or "saved_model.pb" not in found, step
        hidden = [name for name in os.listdir(folder) if re.fullmatch(manifest._HIDDEN, name)]
        assert len(hidden) == 1
        shutil.copytree(folder, tmp_path / f"{step}.same")
        install(tmp_path / f"{step}.same", "3")
        assert without_list(tmp_path / f"{step}.same") == of_version("3")
        # Another export in the folder makes the killed one whole: the earlier or the later.
        install(folder, "1", "a.tflite", ("a.tflite",))
        found = without_list(folder)
        assert found.pop("a.tflite") == "a.tflite 1"
        assert found == of_version("2" if step >= steps - 2 else "1")


def test_what_a_killed_export_moved_away_replaces_nothing_newer(tmp_path):
    steps = renames_of_an_export(tmp_path / "counted")
    program = pathlib.Path(__file__).with_name("killed_export.py")
    subprocess.run([sys.executable, program, tmp_path, str(steps)], check=True)
    folder = tmp_path / "4"  # some files of the first export are out, and none of the second in
    (folder / "saved_model.pb").write_text("years of work")
    before = contents(folder)
    with pytest.raises(UserError, match="saved_model.pb has changed since it was exported"):
        install(folder, "1", "a.tflite", ("a.tflite",))
    assert contents(folder) == before


def test_a_first_export_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    def full(new):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    with pytest.raises(UserError, match="cannot write .*No space left on device"):
        manifest.install(str(tmp_path / "served"), "saved_model", full, {})
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError):
        manifest.install(str(tmp_path / "mine"), "saved_model", full, {})
    assert os.listdir(tmp_path) == ["mine"] and not os.listdir(tmp_path / "mine")

    def denied(*_, **__):
        raise tf.errors.PermissionDeniedError(None, None, "served; Permission denied")

    monkeypatch.setattr(tf.io.gfile, "mkdir", denied)
    with pytest.raises(UserError, match="cannot write .*Permission denied"):
        install(tmp_path / "mine", "1")
    monkeypatch.setattr(tf.io.gfile, "makedirs", denied)
    with pytest.raises(UserError, match="cannot write .*Permission denied"):
        install(tmp_path / "served", "1")
    assert os.listdir(tmp_path) == ["mine"] and not os.listdir(tmp_path / "mine")


def test_a_second_export_at_the_same_time_is_refused(tmp_path):
    install(tmp_path, "1")

    def write(new):
        with pytest.raises(UserError, match="another job is writing to .*; wait for its end or"):
            install(tmp_path, "2")
        pathlib.Path(new, "a.tflite").write_text("a")

    manifest.install(str(tmp_path), "a.tflite", write, {})
    assert without_list(tmp_path) == of_version("1") | {"a.tflite": "a"}


@pytest.mark.parametrize("more", [{"mine": 1}, {"": {}}])
def test_a_list_with_more_in_it_is_not_replaced(tmp_path, more):
    text = json.dumps({"exports": {}, **more})
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(UserError, match="is no list of exported files"):
        install(tmp_path, "1")
    assert contents(tmp_path) == {manifest.NAME: text}


def test_without_a_lock_no_hidden_folder_is_removed(tmp_path, monkeypatch):
    install(tmp_path, "1")
    hidden = tmp_path / f".vqvae_export.{'0' * 32}"
    (hidden / "new").mkdir(parents=True)

    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", unknown)
        install(tmp_path, "2")
    assert hidden.exists()
    install(tmp_path, "3")
    assert not hidden.exists() and without_list(tmp_path) == of_version("3")
