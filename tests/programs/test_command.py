"""Flags: what they may be, and the one line that a wrong one ends in."""

import ast
import errno
import gc
import importlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from tests.programs.harness import TINY, TINY_PRIOR, assert_refused
from vqvae_tf import export, presets, workflows
from vqvae_tf.programs import config_flags

REPOSITORY = pathlib.Path(__file__).parents[2]
FOLDER = REPOSITORY / "vqvae_tf" / "programs"
PROGRAMS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if path.stem != "command" and "def run(" in path.read_text()
)
AUTOENCODER = ("--preset=photos", "--data=embedded:photos", "--workdir=runs")
PRIOR = ("--model=model", "--data=embedded:photos", "--workdir=runs")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """What a test forgets to refuse is then written there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def configs(monkeypatch):
    """The configurations that the training programs hand to the library, which does nothing."""
    handed = []
    for name in ("train", "train_prior"):
        monkeypatch.setattr(
            workflows, name, lambda config, *_, **__: handed.append(config) or {"step": 1}
        )
    return handed


def test_all_programs_are_known_here():
    assert {
        *("convert", "evaluate", "export", "reconstruct", "sample", "train", "train_prior")
    } <= set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("flag", ["--help", "-h", "--helpfull"])
def test_help_says_what_it_does_and_names_every_flag(call, program, flag):
    outcome = call(program, flag)
    assert outcome.code == 0 and outcome.err == ""
    tree = ast.parse((FOLDER / f"{program}.py").read_text())
    assert outcome.out.startswith(ast.get_docstring(tree).splitlines()[0])
    assert f"vqvae-{program.replace('_', '-')}" in outcome.out
    module = importlib.import_module(f"vqvae_tf.programs.{program}")
    defined = [name for name in module.FLAGS if not name.startswith("config")]
    assert defined
    for name in defined:
        assert f"--{name}:" in outcome.out or f"--[no]{name}:" in outcome.out, name


def test_help_shows_the_fields_of_the_preset_that_is_named(call):
    for flag in ("--help", "--helpfull"):
        outcome = call("train", "--preset=cifar10", flag)
        assert "--config.FIELD=VALUE" in outcome.out
        assert "The preset cifar10: The paper's CIFAR-10 model" in outcome.out
        assert (
            "  --config.training.steps: number of updates.\n    (default: 250000)\n" in outcome.out
        )
        assert "  --config.widths: channels after each" in outcome.out
        assert "    (default: 256,256)\n" in outcome.out
        assert "  --[no]config.data.flip: mirror half of the tiles" in outcome.out


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_field_of_a_preset_has_a_meaning(name):
    config = presets.preset(name)
    entries = config_flags.described(config).split("\n  --")
    assert len(entries) > 20
    for entry in entries[1:]:
        assert re.match(r"(\[no\])?config\.[\w.]+: *\n? *[\w\"]", entry), entry


def test_help_and_wrong_flags_are_answered_without_tensorflow():
    code = """
import contextlib, importlib, io, sys

for program, *arguments in {programs!r}:
    module = importlib.import_module("vqvae_tf.programs." + program)
    sys.argv = ["vqvae-" + program, *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            module.run()
            code = 0
        except SystemExit as exited:
            code = exited.code
    wanted = 0 if "--help" in arguments else 2
    assert code == wanted and bool(out.getvalue()) == (wanted == 0), (program, arguments)
    assert err.getvalue().count("\\n") == (wanted == 2), err.getvalue()
    assert not {{"tensorflow", "keras"}} & sys.modules.keys(), (program, arguments)
"""
    programs = [(program, flag) for program in PROGRAMS for flag in ("--help", "--wat", "photos")]
    programs += [(program,) for program in PROGRAMS if not program.startswith("demo")]
    programs += [
        ("train", "--preset=photos", "--data=d", "--config.widths=4"),
        ("train", "--preset=photos", "--help"),
        ("train", *AUTOENCODER, "--config.quantizer.kind=no"),
        ("train_prior", *PRIOR, "--preset=photos"),
        ("train", *AUTOENCODER, "--config.widths", "4", "--wat"),
        ("train_prior", *PRIOR, "--workdir="),
        ("sample", "--prior=p", "--output=o", "--temperature=nan"),
        ("sample", "--prior=p", "--output=o"),
        ("export", "--model=m", "--output=o"),
        ("evaluate", "--model=m", "--data=embedded:photos"),
        ("reconstruct", "--model=m", "--data=embedded:photos", "--output=o"),
        ("convert", "--model=m", "--speaker=s", "--data=embedded:speech", "--output=o"),
        ("train_prior", *PRIOR),
        ("train", *AUTOENCODER, "--data=folder:absent"),
        ("train", *AUTOENCODER, "--validation=photos"),
        ("train", *AUTOENCODER, "--workdir=/etc/passwd"),
        ("train", *AUTOENCODER, "--codes_from=absent"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code.format(programs=programs)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr


def test_help_names_the_presets(call):
    for program, named in (("train", presets.AUTOENCODERS), ("train_prior", presets.PRIORS)):
        text = call(program, "--help").out
        assert ", ".join(named) in " ".join(text.split()) and "--preset=NAME --help lists" in text


def test_the_last_of_a_flag_counts(call, configs):
    call("train", "--preset=photos", *AUTOENCODER[1:], "--preset=dmlab")
    call("train", *AUTOENCODER, "--config.widths=4", "--config.widths=8,8")
    assert configs[0] == presets.preset("dmlab") and configs[1].widths == (8, 8)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_no_flag_is_refused(call, program):
    required = {
        "evaluate": ("--model=m", "--data=d"),
        "reconstruct": ("--model=m", "--data=d", "--output=o"),
        "convert": ("--model=m", "--speaker=s", "--data=d", "--output=o"),
        "export": ("--model=m", "--output=o"),
        "rollout": ("--prior=p", "--data=d", "--output=o"),
        "sample": ("--prior=p", "--output=o"),
        "train": AUTOENCODER,
        "train_prior": PRIOR,
    }.get(program, ())
    assert_refused(call(program, *required, "--wat=1"), "Unknown command line flag 'wat'")
    assert_refused(call(program, *required, "photos"), '"photos" is no flag; flags are written')


@pytest.mark.parametrize(
    ("program", "given", "missing", "example"),
    [
        ("train", AUTOENCODER[1:], "preset", "photos"),
        ("train", AUTOENCODER[:1] + AUTOENCODER[2:], "data", "embedded:photos"),
        ("train", AUTOENCODER[:2], "workdir", "runs/photos"),
        ("train_prior", PRIOR[1:], "model", "runs/photos"),
        ("sample", ("--output=o",), "prior", "runs/prior"),
        ("evaluate", ("--model=m",), "data", "embedded:photos/region"),
        ("reconstruct", ("--model=m", "--data=d"), "output", "reconstructions"),
        ("export", ("--output=o",), "model", "runs/photos"),
    ],
)
def test_a_missing_flag_is_named_with_an_example(call, program, given, missing, example):
    assert_refused(
        call(program, *given),
        f": --{missing} is missing; give it, such as --{missing}={example}, or see --help\n",
    )


def test_all_missing_flags_are_named_at_once(call):
    assert_refused(
        call("train"),
        ": --preset, --data and --workdir are missing; give them, such as --preset=photos "
        "--data=embedded:photos --workdir=runs/photos, or see --help\n",
    )


@pytest.mark.parametrize(
    ("flag", "field"),
    [("steps", "training.steps"), ("training.steps", "training.steps"), ("widths", "widths")],
)
def test_a_field_without_config_is_told_its_flag(call, flag, field):
    outcome = call("train", *AUTOENCODER, f"--{flag}=5")
    assert_refused(
        outcome, f"unknown flag --{flag}; a field of the preset is set by --config.{field}"
    )


@pytest.mark.parametrize("program", [name for name in PROGRAMS if not name.startswith("demo")])
def test_every_required_flag_has_an_example(call, program):
    outcome = call(program)
    assert_refused(outcome, "missing; give")
    said = outcome.err.partition(" missing; give")
    named = set(re.findall(r"--\w+", said[0]))
    assert named and all(f"{name}=" in said[2] for name in named), outcome.err


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("--preset=photo", ('unknown preset "photo"', "nearest: photos")),
        ("--preset=photos_prior", ("is the preset of a prior; use vqvae-train-prior",)),
        ("--config.training.step=5", ('unknown field "training.step"', "nearest: training.steps")),
        ("--config.wdths=4", ('unknown field "wdths"', "nearest: widths")),
        ("--config.training=5", ('unknown field "training"', "training.steps")),
        ("--config=5", ("config",)),
        ("--config.training.steps=many", ("--config.training.steps=many", "invalid literal")),
        ("--config.training.steps=1.5", ("--config.training.steps=1.5",)),
        ("--config.training.learning_rate=x", ("--config.training.learning_rate=x", "float")),
        ("--config.data.flip=perhaps", ("--config.data.flip=perhaps", "boolean")),
        ("--config.widths=a,b", ('field "widths" must be int',)),
        ("--config.quantizer.decay=slow", ('field "quantizer.decay" must be float',)),
        ("--config.training.steps", ("--config.training.steps",)),
        ("--config.training.steps=0", ("training.steps must be at least 1; received 0",)),
        ("--config.data.image_size=30", ("must be a multiple of 4", "28 and 32")),
        ("--config.quantizer.num_embeddings=0", ("num_embeddings must be at least 1; received 0",)),
        ("--config.quantizer.kind=em", ('unknown quantizer.kind "em"', "nearest: ema")),
        ("--config.quantizer.levels=8,8", ('kind "ema" has no levels; received (8, 8)',)),
        ("--config.quantizer.estimator=rotate", ("nearest: rotation",)),
        ("--config.quantizer.temperature=1", ("belongs to an estimator that draws codes",)),
        ("--config.training.precision=float8", ("precision must be", "mixed_bfloat16")),
        ("--config.training.seed=-1", ("training.seed must be at least 0",)),
        ("--strategy=miror", ('unknown strategy "miror"', "nearest: mirrored")),
        ("--data=photos", ('unknown data source "photos"; give SCHEME:NAME',)),
        ("--data=foldr:x", ("nearest: folder",)),
        ("--data=embedded:photos/trian", ("nearest: train",)),
        ("--data=folder:absent", ('there is no folder "absent"',)),
        ("--data=codes:*", ('no file matches "*"',)),
        ("--validation=embedded:foto", ('unknown name "foto"',)),
    ],
)
def test_a_wrong_value_ends_in_one_line(call, tmp_path, argument, parts):
    assert_refused(call("train", *AUTOENCODER, argument), *parts)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("--preset=photos", ("is not the preset of a prior; use vqvae-train",)),
        ("--config.code_dim=x", ('field "code_dim" must be int',)),
        ("--config.kernel_size=3", ("kernel_size must be ROWS,COLUMNS; received (3,)",)),
        ("--model=absent", ("absent/config.json does not exist; give the workdir",)),
    ],
)
def test_a_wrong_value_for_a_prior_ends_in_one_line(call, argument, parts):
    assert_refused(call("train_prior", *PRIOR, argument), *parts)


def test_fields_are_set_over_the_preset(call, runs, configs):
    call("train", *AUTOENCODER, *TINY, "--noconfig.data.flip", "--config.quantizer.decay=None")
    call("train", *AUTOENCODER[1:], "--preset", "cifar10", "--config.quantizer.decay=0.5")
    model = f"--model={runs.model}"
    call("train_prior", *PRIOR, *TINY_PRIOR, "--config.code_dim=None", model)
    tiny, cifar10, prior = configs
    assert (tiny.widths, tiny.quantizer.decay, tiny.data.flip) == ((4, 8), None, False)
    assert tiny.training.learning_rate == presets.preset("photos").training.learning_rate
    assert (cifar10.quantizer.decay, cifar10.quantizer.groups) == (0.5, 10)
    assert (prior.code_dim, prior.grid) == (None, 4)


def test_what_the_preset_sets_for_a_revival_is_dropped_without_one(call, configs):
    assert presets.preset("photos").quantizer.revival_count == 1.0
    off = "--config.quantizer.revival_threshold=0"
    assert call("train", *AUTOENCODER, *TINY, off).code == 0
    assert (configs[0].quantizer.revival_threshold, configs[0].quantizer.revival_count) == (0, None)
    given = call("train", *AUTOENCODER, *TINY, off, "--config.quantizer.revival_count=1")
    assert_refused(given, "revival_count=1.0 has no effect without quantizer.revival_threshold")


@pytest.mark.parametrize(
    ("program", "flag"),
    [
        ("evaluate", "--model"),
        ("reconstruct", "--model"),
        ("export", "--model"),
        ("sample", "--prior"),
    ],
)
def test_a_workdir_that_is_none_is_refused(call, runs, tmp_path, program, flag):
    more = {"evaluate": (f"--data={runs.uri}",)}.get(program, ("--output=o",))
    more += (f"--data={runs.uri}",) if program == "reconstruct" else ()
    absent = call(program, f"{flag}=absent", *more)
    assert_refused(absent, "absent/config.json does not exist; give the workdir")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"learning_rate": 1}))
    assert_refused(
        call(program, f"{flag}={other}", *more), "is damaged or was not written by vqvae_tf"
    )
    empty = tmp_path / "begun"
    empty.mkdir()
    shutil.copy(os.path.join(runs.prior if flag == "--prior" else runs.model, "config.json"), empty)
    assert_refused(call(program, f"{flag}={empty}", *more), "holds no checkpoint; train the model")


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("--count=0", ("--count=0",)),
        ("--seed=x", ("--seed=x",)),
        ("--temperature=-1", ("temperature must be at least 0",)),
        ("--top_k=99", ("top_k must lie between 1 and 16",)),
        ("--top_p=2", ("top_p must lie in (0, 1]",)),
        ("--grid=4", ("grid",)),
        ("--grid=4,x", ("--grid must hold the sides of a grid of codes", "received 4,x")),
        ("--grid=0,4", ("--grid must hold the sides of a grid of codes", "received 0,4")),
        ("--label=wave", ('unknown label "wave"; nearest: waves',)),
        ("--speaker=anna", ("takes no --speaker but --label, one of dunes, waves",)),
        ("--prefix=absent.npz", ("prefix: there is no file absent.npz",)),
    ],
)
def test_a_wrong_value_for_sampling_ends_in_one_line(call, runs, argument, parts):
    assert_refused(call("sample", f"--prior={runs.prior}", "--output=o", argument), *parts)


def test_a_prior_where_an_autoencoder_is_wanted_and_the_reverse(call, runs):
    wanted = "holds a prior; --model takes the autoencoder's workdir"
    assert_refused(call("evaluate", f"--model={runs.prior}", f"--data={runs.uri}"), wanted)
    assert_refused(call("export", f"--model={runs.prior}", "--output=o"), wanted)
    outcome = call("sample", f"--prior={runs.model}", "--output=o")
    assert_refused(outcome, "holds no prior but a model of family image")


def test_codes_where_pictures_are_wanted(call, runs):
    codes = f"--data=codes:{runs.prior}/codes/*.tfrecord"
    assert_refused(call("evaluate", f"--model={runs.model}", codes), "holds codes; pictures come")
    outcome = call("reconstruct", f"--model={runs.model}", codes, "--output=o")
    assert_refused(outcome, "holds codes; pictures come")


def test_an_unknown_format_is_refused(call, runs):
    outcome = call("export", f"--model={runs.model}", "--output=o", "--format=savd_model")
    assert_refused(outcome, 'unknown format "savd_model"; nearest: saved_model')
    outcome = call("export", f"--model={runs.model}", "--output=o", "--format=saved_model,tfite")
    assert_refused(outcome, 'unknown format "tfite"; nearest: tflite')
    outcome = call("export", f"--model={runs.model}", "--output=o", "--format=")
    assert_refused(outcome, 'unknown format ""; all: saved_model, tflite')


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--format=tflite",), "a TFLite file is for data of one size; give --size=HEIGHT,WIDTH"),
        (("--size=8,8",), "--size is for a TFLite file; add tflite to --format, or leave it"),
        (("--format=tflite", "--size=8"), "size must hold 2 sides of at least 1; received (8,)"),
        (("--format=tflite", "--size=0,8"), "--size must hold HEIGHT,WIDTH in pixels, TIME in"),
        (("--grid=4,4",), "--grid is for a prior's samples; give --prior, or leave it out"),
        (("--prior=p", "--grid=4,x"), "--grid must hold HEIGHT,WIDTH in codes, TIME of"),
        (("--prior=absent",), "absent/config.json does not exist; give the workdir"),
        (("--output=",), "--output is empty; give a value, or leave the flag out"),
        (
            ("--format=tflite", "--size=100000,100000"),
            "must hold at most 16777216 pixels or",
        ),
    ],
)
def test_a_wrong_value_for_an_export_ends_in_one_line(call, runs, tmp_path, arguments, part):
    assert_refused(call("export", f"--model={runs.model}", "--output=o", *arguments), part)
    assert not os.listdir(tmp_path)


def test_an_output_folder_of_somebody_else_is_refused_before_any_work(call, runs, tmp_path):
    arguments = (f"--model={runs.model}", "--format=saved_model,tflite", "--size=8,8")
    for name in ("saved_model.pb", "model.tflite"):
        (tmp_path / name).write_text("years of work")
        outcome = call("export", *arguments, "--output=.")
        assert_refused(outcome, f"{name} exists and no export wrote it; give another --output")
        assert os.listdir(tmp_path) == [name]
        os.remove(tmp_path / name)
    (tmp_path / "o").write_text("years of work")
    assert_refused(call("export", *arguments, "--output=o"), "output o is a file; give a folder")


def test_no_prior_of_another_model_is_exported(call, runs, tmp_path):
    outcome = call("export", f"--model={runs.model}", f"--prior={runs.model}", "--output=o")
    assert_refused(outcome, "holds no prior but a model of family image")
    shutil.copytree(runs.prior, tmp_path / "prior")
    config = json.loads((tmp_path / "prior" / "config.json").read_text())
    config["codebook"] = "0" * 16
    (tmp_path / "prior" / "config.json").write_text(json.dumps(config))
    outcome = call("export", f"--model={runs.model}", "--prior=prior", "--output=o")
    assert_refused(outcome, "was trained on another codebook", "train a prior on this model")
    assert os.listdir(tmp_path) == ["prior"]


def test_an_export_that_answers_otherwise_is_refused(call, runs, monkeypatch):
    check = {"codes_differing": 0, "sampled_codes_differing": 0}
    monkeypatch.setattr(export, "export_saved_model", lambda *_, **__: None)
    monkeypatch.setattr(export, "check_saved_model", lambda *_, **__: check)
    arguments = (f"--model={runs.model}", f"--prior={runs.prior}", "--output=o")
    check["largest_log_prob_difference"] = 1e-3
    outcome = call("export", *arguments)
    assert outcome.code == 2 and "by 0.001 nats per value, more than 0.0001" in outcome.err
    check["sampled_codes_differing"] = 3
    outcome = call("export", *arguments)
    assert outcome.code == 2 and "3 codes from o differ from the model's" in outcome.err
    check |= {"sampled_codes_differing": 0, "drawn_values_differing": 5}
    outcome = call("export", *arguments)
    assert outcome.code == 2 and "5 drawn values from o differ from the model's" in outcome.err


def test_a_workdir_of_something_else_or_of_another_run_is_refused(call, runs, tmp_path):
    arguments = ("--preset=photos", f"--data={runs.uri}", *TINY)
    holds = call("train", *arguments, f"--workdir={runs.pictures}")
    assert_refused(holds, "holds dunes but no config.json")
    other = call("train", *arguments, f"--workdir={runs.model}")
    assert_refused(
        other, "was started with --config.", "give the earlier values or another workdir"
    )
    (tmp_path / "file").write_text("")
    assert_refused(call("train", *arguments, "--workdir=file"), "workdir file is a file")


@pytest.mark.parametrize(
    ("program", "place", "error"),
    [
        ("sample", "vqvae_tf.media.image.write_png", OSError),
        ("reconstruct", "vqvae_tf.media.image.write_png", OSError),
        ("evaluate", "tensorflow.io.gfile.rename", tf.errors.ResourceExhaustedError),
        ("export", "tensorflow.io.gfile.rename", tf.errors.ResourceExhaustedError),
    ],
)
def test_a_disk_without_room_ends_in_one_line(call, runs, monkeypatch, program, place, error):
    def full(*_, **__):
        if error is OSError:
            raise OSError(errno.ENOSPC, "No space left on device", "some/file")
        raise error(None, None, "some/file; No space left on device")

    flags = {
        "sample": (f"--prior={runs.prior}", "--output=o", "--count=1"),
        "reconstruct": (f"--model={runs.model}", f"--data={runs.uri}", "--output=o"),
        "evaluate": (f"--model={runs.model}", f"--data={runs.uri}", "--output=o.json"),
        "export": (f"--model={runs.model}", "--output=o"),
    }[program]
    monkeypatch.setattr(place, full)
    outcome = call(program, *flags)
    assert outcome.code == 2 and outcome.err.count("\n") == 1, outcome
    assert "some/file" in outcome.err and "No space left" in outcome.err


def test_an_output_that_is_a_file_ends_in_one_line(call, runs, tmp_path):
    (tmp_path / "o").write_text("")
    outcome = call("sample", f"--prior={runs.prior}", "--output=o", "--count=1")
    assert_refused(outcome, "output o is a file; give a folder")


def test_ctrl_c_outside_training_ends_in_one_line(call, runs, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(workflows, "evaluate", interrupted)
    outcome = call("evaluate", f"--model={runs.model}", f"--data={runs.uri}")
    assert outcome == (130, "", "vqvae-evaluate: stopped\n")


def test_sigterm_outside_training_is_as_ctrl_c(call, runs, monkeypatch):
    def terminated(*_, **__):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(workflows, "evaluate", terminated)
    before = signal.getsignal(signal.SIGTERM)
    assert before == signal.SIG_DFL  # else the test would be ended
    outcome = call("evaluate", f"--model={runs.model}", f"--data={runs.uri}")
    assert outcome == (130, "", "vqvae-evaluate: stopped\n")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_of_the_garbage_collector_is_not_lost(call, runs, monkeypatch, number):
    collected = []

    def callback(phase, _):
        if not collected:
            collected.append(phase)
            signal.raise_signal(number)

    def collecting(*_, **__):
        gc.callbacks.append(callback)
        try:
            gc.collect()
        finally:
            gc.callbacks.remove(callback)
        time.sleep(10)

    monkeypatch.setattr(workflows, "evaluate", collecting)
    before = sys.unraisablehook
    outcome = call("evaluate", f"--model={runs.model}", f"--data={runs.uri}")
    assert outcome == (130, "", "vqvae-evaluate: stopped\n") and collected
    assert sys.unraisablehook is before


def test_our_own_mistakes_keep_their_traceback(call, runs, monkeypatch):
    monkeypatch.setattr(workflows, "evaluate", lambda *_, **__: {}["absent"])
    with pytest.raises(KeyError):
        call("evaluate", f"--model={runs.model}", f"--data={runs.uri}")


def test_a_process_of_its_own_exits_with_two_and_no_traceback():
    environment = {name: v for name, v in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "vqvae_tf.programs.sample", "--prior=absent", "--output=o"],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 2 and done.stdout == ""
    # TensorFlow writes some lines while it is imported, before it asks how much it may say.
    lines = [line for line in done.stderr.splitlines() if not re.match("WARNING: All|I0000", line)]
    assert lines == [
        "sample.py: absent/config.json does not exist; give the workdir of a training run"
    ]
