import os
import subprocess
import sys
import threading

import pytest

from vqvae_tf import files, written_files
from vqvae_tf.errors import UserError

FOREIGN = "exists, and vqvae_tf did not write it or it has changed since; move it away or give"


def names(folder):
    return sorted(os.listdir(folder))


def test_what_was_written_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "a\n.bin"
    for data in (b"1", b"2", b"1"):
        written_files.write_bytes(path, data)
        assert path.read_bytes() == data
    assert names(path.parent) == [written_files.LIST, "a\n.bin"]
    path.write_bytes(b"mine")
    for write in (written_files.check, lambda path: written_files.write_bytes(path, b"3")):
        with pytest.raises(UserError, match=FOREIGN):
            write(path)
    assert path.read_bytes() == b"mine"
    path.unlink()
    written_files.write_bytes(path, b"3")
    assert path.read_bytes() == b"3"


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link", "pipe"])
def test_a_foreign_name_stays_as_it_is(tmp_path, kind):
    path, other = tmp_path / "a.bin", tmp_path / "b.bin"
    written_files.write_bytes(other, b"1")
    if kind == "file":
        path.write_bytes(b"1")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "absent")
    before = os.lstat(path)
    with written_files.job(str(tmp_path)), pytest.raises(UserError, match=FOREIGN):
        written_files.write_bytes(path, b"1")
    assert os.lstat(path) == before and other.read_bytes() == b"1"


def test_a_file_is_listed_before_it_appears(tmp_path):
    path = tmp_path / "a.bin"
    with pytest.raises(KeyboardInterrupt), written_files.replacing(path) as partial:
        with open(partial, "wb") as file:
            file.write(b"1")
        raise KeyboardInterrupt
    assert names(tmp_path) == []
    program = (
        "import os, signal, sys; from vqvae_tf import files, written_files\n"
        "rename = files.tf.io.gfile.rename\n"
        "def killed(*paths, overwrite):\n"
        "    if sys.argv[2] == 'after': rename(*paths, overwrite=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.tf.io.gfile.rename = killed\n"
        "written_files.write_bytes(sys.argv[1], sys.argv[2].encode())\n"
    )
    for moment in ("before", "after", "before"):
        call = [sys.executable, "-c", program, str(path), moment]
        assert subprocess.run(call, check=False).returncode == -9
    assert path.read_bytes() == b"after"
    written_files.write_bytes(path, b"2")
    assert names(tmp_path) == [written_files.LIST, "a.bin"]


def test_what_a_killed_job_left_unfinished_is_removed_by_the_next(tmp_path):
    program = (
        "import os, signal, sys; from vqvae_tf import written_files\n"
        "with written_files.replacing(sys.argv[1]) as partial, open(partial, 'wb'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    call = [sys.executable, "-c", program, str(tmp_path / "a.bin")]
    assert subprocess.run(call, check=False).returncode == -9
    assert len(names(tmp_path)) == 1
    (tmp_path / ".mine.part").write_bytes(b"1")
    written_files.write_bytes(tmp_path / "b.bin", b"2")
    assert names(tmp_path) == [".mine.part", written_files.LIST, "b.bin"]


def test_a_damaged_list_makes_files_foreign_and_goes_on(tmp_path):
    path, other = tmp_path / "a.bin", tmp_path / "b.bin"
    written_files.write_bytes(path, b"1")
    (tmp_path / written_files.LIST).write_bytes(b"\xff\nnothing\n" + b"0" * 64 + b' "a.bi')
    with pytest.raises(UserError, match=FOREIGN):
        written_files.write_bytes(path, b"2")
    for data in (b"1", b"2"):
        written_files.write_bytes(other, data)
    assert other.read_bytes() == b"2"


def test_a_second_job_in_a_folder_is_refused_and_a_single_file_waits(tmp_path, caplog):
    folder, path = str(tmp_path / "results"), str(tmp_path / "results" / "a.bin")
    refused, written = [], threading.Event()

    def second():
        try:
            with written_files.job(folder):
                pass
        except UserError as error:
            refused.append(str(error))

    def single():
        written_files.write_bytes(path, b"1")
        written.set()

    with written_files.job(folder), written_files.job(folder):  # one within the other
        for work in (second, single):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(0.2)
        assert refused == [
            f"another job is writing to {folder}; wait for its end or give another path"
        ]
        assert not os.path.exists(path)
    thread.join()
    assert written.is_set() and f"another job is writing to {folder}; waiting" in caplog.text


def test_folders_that_cannot_be_written_to_are_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "odd" / written_files.LIST).mkdir(parents=True)
    for folder in ("file", "file/deep", "odd"):
        with pytest.raises(UserError, match="cannot (write|read) .*; .*give another path"):
            written_files.write_bytes(tmp_path / folder / "a.bin", b"1")


def test_space_is_advised_only_where_it_lacks(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match="cannot write .*a.json .*; give another path") as refused:
        files.write_json(tmp_path / "a.json", {})
    assert "free some space" not in str(refused.value)
    with (
        pytest.raises(UserError, match="No space left on device.*; free some space there and run"),
        files.writing("a"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"1")


def write(folder, names, kind="letters"):
    with written_files.results(str(folder), kind):
        for name in names:
            written_files.write_bytes(folder / name, name.encode())


def test_results_of_two_runs_never_mix(tmp_path, caplog):
    caplog.set_level("INFO")
    write(tmp_path, "abc")
    write(tmp_path, ["1", "2"], "numbers")
    written_files.write_bytes(tmp_path / "report", b"")
    (tmp_path / "mine").touch()
    write(tmp_path, "bd")
    assert names(tmp_path)[1:] == ["1", "2", "b", "d", "mine", "report"]
    assert "removed 3 results of an earlier run" in caplog.text
    (tmp_path / "d").write_text("mine")
    write(tmp_path, "a")
    assert names(tmp_path)[1:] == ["1", "2", "a", "d", "mine", "report"]
    assert f"{tmp_path}/d of an earlier run has changed since, and stays" in caplog.text


def test_a_file_is_of_the_kind_that_wrote_it_last(tmp_path):
    write(tmp_path, "ab")
    write(tmp_path, "b", "numbers")  # the same bytes
    write(tmp_path, "a")
    assert names(tmp_path)[1:] == ["a", "b"]
    written_files.write_bytes(tmp_path / "a", b"a")
    write(tmp_path, "c")
    assert names(tmp_path)[1:] == ["a", "b", "c"]


def test_a_run_that_fails_leaves_results_of_one_run(tmp_path):
    write(tmp_path, "abc")
    with pytest.raises(OSError), written_files.results(str(tmp_path), "letters"):
        raise OSError
    assert names(tmp_path)[1:] == ["a", "b", "c"]
    with pytest.raises(OSError), written_files.results(str(tmp_path), "letters"):
        written_files.write_bytes(tmp_path / "b", b"new")
        raise OSError  # or killed: b and c would be of different runs
    assert names(tmp_path)[1:] == ["b"]
    write(tmp_path, "a")
    assert names(tmp_path)[1:] == ["a"]
