"""Two workers share a run of the programs; one that is killed is named by the other."""

import json
import os
import signal
import socket
import subprocess
import sys

from vqvae_tf.workflows.load import load_pair


def test_two_workers_train_both_stages_and_name_a_peer_that_is_killed(runs, tmp_path):
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    program = [sys.executable, "-m", "tests.programs.workers_program", runs.pictures, str(tmp_path)]
    processes = [
        subprocess.Popen(
            program,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {
                "PYTHONPATH": os.getcwd(),
                "CUDA_VISIBLE_DEVICES": "",
                "TF_CONFIG": json.dumps(
                    {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
                ),
            },
        )
        for index in range(2)
    ]
    try:
        (chief_out, chief_err), (out, err) = [each.communicate(timeout=600) for each in processes]
    finally:
        for each in processes:
            each.kill()
    chief, worker = processes
    assert worker.returncode == -signal.SIGKILL, err[-3000:]
    assert "trained" in out and "trained" in chief_out, chief_err[-3000:]
    assert out.splitlines()[:-1] == chief_out.splitlines()[:-1]  # the same figures on both
    assert chief.returncode == 2, chief_err[-3000:]
    assert chief_err.splitlines()[-1].startswith(
        f"vqvae-train: worker 1 ({workers[1]}) no longer answers; see what it wrote, then run"
    )
    assert "Traceback" not in chief_err
    load_pair(str(tmp_path / "prior"))
