"""A process that fails, in whatever way, is one line in bounded time."""

import errno
import os
import tempfile

import numpy as np
import pytest

from vqvae_tf.errors import UserError
from vqvae_tf.export import other_process, signature_runner

CALLS = [("encode", {"image": np.zeros([1], np.uint8)})]


def run(monkeypatch, tmp_path, program: str, timeout: float = 60.0) -> str:
    """The error of a call whose process runs `program` instead."""
    path = tmp_path / "program.py"
    path.write_text("import os, signal, sys, time\n" + program)
    monkeypatch.setattr(signature_runner, "__file__", str(path))
    with pytest.raises(UserError) as error:
        other_process.answers("served", CALLS, timeout)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("sys.exit('first line\\nlast line\\n\\n')", "another process: last line"),
        ("1 / 0", "another process: ZeroDivisionError: division by zero"),
        ("sys.exit(3)", "another process: it wrote nothing"),
        ("os.write(2, b'broken \\xff text\\n'); os._exit(1)", "another process: broken � text"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "it was ended by signal 9 (Killed); it wrote"),
        (
            "os.write(2, b'Check failed: rank\\n'); os.abort()",
            "it was ended by signal 6 (Aborted); Check failed: rank",
        ),
        ("", "another process: it ended without results"),
        ("open(sys.argv[3], 'w').write('no arrays')", "another process: it ended without results"),
    ],
)
def test_a_process_that_fails(monkeypatch, tmp_path, program, wanted):
    assert wanted in run(monkeypatch, tmp_path, program)


def test_a_process_that_does_not_end_is_stopped(monkeypatch, tmp_path):
    started = tmp_path / "pid"
    program = f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    said = run(monkeypatch, tmp_path, program, timeout=2.0)
    assert "served was not served by another process within 2 seconds" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_a_temporary_folder_that_is_full_or_absent_is_one_line(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as patch, pytest.raises(UserError) as error:
        patch.setattr(np, "savez", full)
        other_process.answers("served", CALLS)
    assert str(error.value) == (
        f"cannot write temporary files in {tmp_path} ([Errno 28] No space left on device); free "
        "some space there, or set TMPDIR to another folder"
    )
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", full)
    with pytest.raises(UserError, match="cannot write temporary files .*TMPDIR"):
        other_process.answers("served", CALLS)
