"""Each program does its work; an interrupted or damaged run goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.programs.harness import TINY, TINY_PRIOR
from vqvae_tf.training import loop


def trains(runs, workdir, *more):
    return (
        "train",
        "--preset=photos",
        f"--data={runs.uri}",
        f"--workdir={workdir}",
        *TINY,
        *more,
    )


def test_from_pictures_to_samples_and_an_export(call, runs, tmp_path):
    model, prior = f"--model={tmp_path}/model", f"--prior={tmp_path}/prior"
    data = f"--data={runs.uri}"
    trained = call(*trains(runs, tmp_path / "model"))
    assert trained.code == 0 and "psnr" in trained.out
    assert {"config.json", "checkpoints", "metrics.csv", "tensorboard", "evaluation.json"} <= set(
        os.listdir(tmp_path / "model")
    )
    fitted = call("train_prior", model, data, f"--workdir={tmp_path}/prior", *TINY_PRIOR)
    assert fitted.code == 0 and "bits_per_code" in fitted.out

    evaluated = call("evaluate", model, prior, data, f"--output={tmp_path}/evaluation.json")
    assert evaluated.code == 0
    with open(tmp_path / "evaluation.json") as file:
        results = json.load(file)
    names = ("mse", "psnr", "ssim", "perplexity", "usage", "prior_bits_per_code")
    for name in (*names, "reconstruction_bits_per_dimension", "latent_bits_per_dimension"):
        assert f"{name} " in evaluated.out and np.isfinite(results[name])
    assert len(results["per_picture"]) == results["pictures"] == 4

    sampled = call(
        "sample", prior, "--count=2", "--grid=3,5", "--best_of=2", f"--output={tmp_path}/samples"
    )
    assert sampled.out == f"{tmp_path}/samples/sheet.png\n"
    assert Image.open(tmp_path / "samples" / "sample_001.png").size == (20, 12)

    shown = call("reconstruct", model, data, "--count=3", f"--output={tmp_path}/shown")
    assert shown.out == f"3 reconstructions in {tmp_path}/shown\n"
    assert len(list((tmp_path / "shown").glob("*.png"))) == 3

    formats = ("--format=saved_model,tflite", "--size=16,24", "--grid=3,5")
    exported = call("export", model, prior, *formats, f"--output={tmp_path}/served")
    assert exported.code == 0, exported
    assert exported.out.count("\ncodes_differing  0\n") == 2
    assert exported.out.count("\nsampled_codes_differing  0\n") == 2
    assert {"saved_model.pb", "model.tflite"} <= set(os.listdir(tmp_path / "served"))


def test_a_finished_run_goes_on_when_steps_are_raised(call, runs, tmp_path):
    assert call(*trains(runs, tmp_path)).code == 0
    assert call(*trains(runs, tmp_path, "--config.training.steps=6")).code == 0
    with open(tmp_path / "evaluation.json") as file:
        assert json.load(file)["step"] == 6
    lowered = call(*trains(runs, tmp_path))
    assert lowered.code == 2 and "=4; steps may be raised but not lowered" in lowered.err


def test_a_truncated_checkpoint_is_passed_over_and_the_log_says_so(call, runs, tmp_path, caplog):
    every = "--config.training.checkpoint_every=2"
    assert call(*trains(runs, tmp_path, every)).code == 0
    newest = tmp_path / "checkpoints" / "checkpoint-4.data-00000-of-00001"
    newest.write_bytes(newest.read_bytes()[:64])
    with caplog.at_level("INFO"):
        outcome = call(*trains(runs, tmp_path, every))
    assert outcome.code == 0, outcome
    assert "checkpoint-4 is damaged" in caplog.text
    assert "resuming from step 2" in caplog.text
    for path in (tmp_path / "checkpoints").glob("*.data*"):
        path.write_bytes(b"")
    outcome = call(*trains(runs, tmp_path, every))
    assert outcome.code == 2 and "all checkpoints in" in outcome.err


def test_a_disk_that_fills_up_in_training_ends_in_one_line(call, runs, tmp_path, monkeypatch):
    every = "--config.training.checkpoint_every=2"
    save, saved = tf.raw_ops.SaveV2, []

    def full_at_the_second(**arguments):
        if saved:
            raise tf.errors.ResourceExhaustedError(None, None, "x; No space left on device")
        saved.append(save(**arguments))

    with monkeypatch.context() as patch:
        patch.setattr(tf.raw_ops, "SaveV2", full_at_the_second)
        outcome = call(*trains(runs, tmp_path, every))
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert "cannot write the checkpoint of step 4" in outcome.err
    assert "checkpoint-2; free some space there and run the command again" in outcome.err
    assert call(*trains(runs, tmp_path, every)).code == 0


def test_a_signal_while_a_step_is_logged_waits_for_the_next(call, runs, tmp_path, monkeypatch):
    scalars = loop.Logs.scalars

    def interrupted(logs, step, values):
        scalars(logs, step, values)
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Logs, "scalars", interrupted)
    outcome = call(*trains(runs, tmp_path, "--config.training.log_every=1"))
    assert outcome.code == 130
    assert "stopped at step 2; the last good checkpoint is" in outcome.err


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_saves_says_where_and_the_same_command_goes_on(
    call, runs, tmp_path, monkeypatch, caplog
):
    command = trains(runs, tmp_path / "run", "--config.training.steps=1000000")
    command += ("--config.training.log_every=1",)
    program = [sys.executable, "-m", f"vqvae_tf.programs.{command[0]}", *command[1:]]
    process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 300
        while not (tmp_path / "run" / "metrics.csv").exists():
            assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert "Traceback" not in err
    assert last.startswith("train.py: stopped at step ") and last.endswith("resumes from there")
    step = int(last.split("stopped at step ")[1].split(";")[0])
    assert step >= 1 and f"checkpoint-{step};" in last

    advance = loop.Logs.advance

    def interrupted(logs):
        advance(logs)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Logs, "advance", interrupted)
    with caplog.at_level("INFO"):
        outcome = call(*command)
    assert outcome.code == 130 and f"stopped at step {step + 1};" in outcome.err
    assert f"resuming from step {step}" in caplog.text
    shutil.rmtree(tmp_path / "run")
