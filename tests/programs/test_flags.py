"""Flags of every kind, wrong in every way: one line, exit code 2, nothing left behind."""

import json
import os
import random

import pytest

from tests.programs.harness import TINY, assert_refused
from vqvae_tf import presets, workflows
from vqvae_tf.config import from_dict, to_dict

AUTOENCODER = ("--preset=photos", "--data=embedded:photos", "--workdir=w")
PRIOR = ("--model=m", "--data=tfds:d", "--workdir=w")
SAMPLE = ("--prior=m", "--output=o")
RECONSTRUCT = ("--model=m", "--data=tfds:d", "--output=o")
CONVERT = ("--speaker=s", *RECONSTRUCT)
EVALUATE = ("--model=m", "--data=tfds:d")
PHONES = (*EVALUATE, "--phones", "--train_data=tfds:t")
HUGE = "9" * 5_000  # Python refuses to turn so many digits into a number


@pytest.fixture(autouse=True)
def in_a_folder_with_a_model(tmp_path, monkeypatch):
    """The workdir of a model, which the programs look for; the library is not called."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("m")
    with open("m/config.json", "w") as file:
        file.write("{}")


@pytest.fixture
def handed(monkeypatch):
    """What the programs hand to the library, which does nothing."""
    calls = []
    answers = {name: {"step": 1} for name in ("train", "train_prior", "evaluate")}
    answers |= {"sample": ["sheet.png"], "reconstruct": 1, "convert": 1}
    for name, answer in answers.items():

        def replaced(*arguments, answer=answer, **options):
            calls.append((arguments, options))
            return answer

        monkeypatch.setattr(workflows, name, replaced)
    return calls


@pytest.mark.parametrize(
    ("program", "arguments", "part"),
    [
        ("sample", (*SAMPLE, "--count"), "Missing value for flag --count"),
        ("sample", (*SAMPLE, "count=4"), '"count=4" is no flag'),
        ("sample", (*SAMPLE, "--count=0"), "--count=0"),
        ("sample", (*SAMPLE, f"--count={10**9}"), "[1, 100000]"),
        ("sample", (*SAMPLE, f"--count={HUGE}"), "--count=999"),
        ("sample", (*SAMPLE, f"--seed={2**70}"), f"--seed={2**70}"),
        ("sample", (*SAMPLE, "--seed=-1"), "--seed=-1"),
        ("sample", (*SAMPLE, f"--best_of={10**6}"), "[1, 1000]"),
        ("sample", (*SAMPLE, "--temperature=nan"), "must be a finite number"),
        ("sample", (*SAMPLE, "--temperature=inf"), "must be a finite number"),
        ("sample", (*SAMPLE, "--top_p=nan"), "must be a finite number"),
        ("sample", (*SAMPLE, "--grid="), "--grid must hold the sides"),
        ("sample", (*SAMPLE, f"--grid=4,{HUGE}"), "--grid must hold the sides"),
        ("sample", (*SAMPLE, "--grid=100000,100000"), "--grid must hold at most 1048576 codes"),
        ("sample", (*SAMPLE, "--grid=4,"), "--grid must hold the sides"),
        ("sample", (*SAMPLE, "--label="), "--label is empty"),
        ("sample", ("--prior=p", "--output="), "--output is empty"),
        ("sample", ("--prior=a\0b", "--output=o"), r"'--prior=a\x00b' contains a NUL character"),
        ("sample", ("--prior=\udcff", "--output=o"), r"'--prior=\udcff' is not UTF-8"),
        ("sample", (*SAMPLE, "--label=\x1b[31m\n", "--wat\x1b"), r"'wat\x1b'"),
        ("convert", (*CONVERT, "--count=0"), "--count=0"),
        ("convert", (*CONVERT, "--speaker="), "--speaker is empty"),
        ("convert", RECONSTRUCT, "speaker"),
        ("evaluate", (*EVALUATE, "--rate_weight=nan"), "must be a finite number"),
        ("evaluate", (*EVALUATE, "--phones"), "--phones needs --train_data"),
        ("evaluate", (*EVALUATE, "--train_data=t"), "--train_data goes with --phones"),
        ("evaluate", (*EVALUATE, "--picture=p.png"), "--picture goes with --phones"),
        ("evaluate", (*PHONES, "--prior=p"), "--phones takes no --prior"),
        ("evaluate", (*PHONES, "--search_passes=2"), "--phones takes no --search_passes"),
        ("evaluate", (*PHONES, "--picture=a/b.png"), "there is no folder a"),
        ("evaluate", (*EVALUATE, f"--search_passes={10**9}"), "[0, 1000]"),
        ("evaluate", (*EVALUATE, "--output=a/b.json"), "there is no folder a"),
        ("evaluate", (*EVALUATE, "--output=."), "output . is a folder"),
        ("reconstruct", (*RECONSTRUCT, f"--count={2**70}"), f"--count={2**70}"),
        ("reconstruct", (*RECONSTRUCT, "--output=/etc/passwd"), "is a file; give a folder"),
        ("train", (*AUTOENCODER, "--flagfile=absent"), "absent"),
        ("train", (*AUTOENCODER, "--flagfile=/dev/null", "--wat"), "Unknown command line flag"),
        ("train", (*AUTOENCODER, "--workdir=/etc/passwd/x"), "/etc/passwd is not a folder"),
        ("train", (*AUTOENCODER, "--noconfig.data.flip=3"), "does not take an argument"),
        ("train", (*AUTOENCODER, "--noconfig.data.flp"), 'unknown field "data.flp"'),
        ("train", (*AUTOENCODER, "--noconfig.widths"), "noconfig.widths"),
        ("train", (*AUTOENCODER, "--config.training.steps", "-5"), "received -5"),
        ("train", (*AUTOENCODER, "--config.widths={4}"), 'field "widths" must be int'),
        (
            "train",
            (*AUTOENCODER, "--config.quantizer.decay=nan"),
            "quantizer.decay must be a finite number",
        ),
        (
            "train",
            (*AUTOENCODER, "--config.quantizer.decay=" + "(" * 9_999),
            'field "quantizer.decay" must be float',
        ),
        ("train", (*AUTOENCODER, "--config.data.image_size=1000000"), "at most 8192"),
        ("train", (*AUTOENCODER, f"--config.residual_blocks={2**63}"), "at most 256"),
        (
            "train",
            (*AUTOENCODER, f"--config.quantizer.num_embeddings={HUGE}"),
            "must be int",
        ),
        ("train", (*AUTOENCODER, "--config." + "a" * 10_000 + "=1"), 'unknown field "aaa'),
    ],
)
def test_a_wrong_flag_ends_in_one_line(call, handed, program, arguments, part):
    outcome = call(program, *arguments)
    assert_refused(outcome, part)
    assert len(outcome.err) < 1_200 and outcome.err[:-1].isprintable()
    assert not handed and os.listdir() == ["m"]


def test_flags_in_a_file_count_as_if_they_stood_there(call, handed):
    with open("flags", "w") as file:
        file.write("--config.widths=4,8\n--config.training.steps=7\n")
    assert call("train", *AUTOENCODER, "--flagfile=flags").code == 0
    ((config, *_), _) = handed[0]
    assert config.widths == (4, 8) and config.training.steps == 7
    with open("flags", "wb") as file:
        file.write(b"\xff\xfe--wat\n")
    assert_refused(call("train", *AUTOENCODER, "--flagfile=flags"), "is not text")


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(call, handed, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root
    for program, required in (
        ("train", AUTOENCODER),
        ("train_prior", PRIOR),
        ("sample", SAMPLE),
        ("reconstruct", RECONSTRUCT),
        ("convert", CONVERT),
        ("evaluate", (*EVALUATE, "--output=e.json")),
    ):
        assert_refused(call(program, *required), "cannot be written to; give another path")
    assert not handed


# Values of every kind that a flag or a field may be given by mistake.
TEXTS = (
    *("", "0", "1", "-1", "2", "0.5", "1e999", "-0.0", "nan", "inf", "None", "True", "none"),
    *(str(2**31), str(2**63), str(2**70), HUGE, "1e-400", "0x10", "1_000", "٣", "1.0", "+1"),
    *("4,8", "4,,8", ",", "4,8,", "(4,8)", "[4]", "{4}", "4 8", "4;8", ",".join(["4"] * 10_000)),
    *("a", "ema", "normal", "\n", "\t", "\x1b[2J", "é", "\u202e", "😀", "'a'", '"', "\\", "--"),
    *("a" * 5_000, "((((", "__import__('os')", "%s", "../..", "~", "*", "-x", "=", "=="),
)


@pytest.mark.parametrize("seed", range(2))
def test_fields_of_any_text_are_refused_or_make_a_configuration(call, handed, seed):
    draws = random.Random(seed)
    names = ("photos_two_level", "speech", "photos_two_level_prior", "speech_prior")
    for _ in range(100):
        name = draws.choice(names)
        preset = presets.preset(name)
        program = "train_prior" if name.endswith("prior") else "train"
        required = PRIOR if program == "train_prior" else AUTOENCODER[1:]
        group = draws.choice(list(_groups(preset)))
        field = draws.choice(group)
        flag = draws.choice(["--config.", "--config.", "--config.", "-config.", "--noconfig."])
        text = draws.choice(TEXTS)
        given = draws.choice([[f"{flag}{field}={text}"], [f"{flag}{field}", text]])
        handed.clear()
        outcome = call(program, f"--preset={name}", *required, *given)
        if outcome.code:
            assert_refused(outcome)
            assert outcome.err[:-1].isprintable() and len(outcome.err) < 1_200
            assert not handed
        else:
            ((config, *_), _) = handed[0]
            values = json.loads(json.dumps(to_dict(config), allow_nan=False))
            assert from_dict(type(preset), values) == config
        assert os.listdir() == ["m"]


def _groups(config):
    """Dotted names of the fields, by the configuration that holds them."""
    values = to_dict(config)
    yield [name for name, value in values.items() if not isinstance(value, dict)]
    for name, value in values.items():
        if isinstance(value, dict):
            yield [f"{name}.{inner}" for inner in value]


def test_flags_of_any_text_are_refused_or_handed_on(call, handed):
    draws = random.Random(0)
    flags = {
        "sample": (SAMPLE, "count label seed temperature top_k top_p grid prefix best_of output"),
        "reconstruct": (RECONSTRUCT, "count search_passes output data model"),
        "evaluate": (EVALUATE, "prior search_passes rate_weight data model"),
        "train": ((*AUTOENCODER, *TINY), "preset data validation strategy wat flagfile"),
    }
    for _ in range(300):
        program = draws.choice(list(flags))
        required, names = flags[program]
        name, text = draws.choice(names.split()), draws.choice(TEXTS)
        given = draws.choice([[f"--{name}={text}"], [f"--{name}", text], [f"--{name}"]])
        handed.clear()
        outcome = call(program, *required, *given)
        if outcome.code:
            assert_refused(outcome)
            assert not handed
        assert os.listdir() == ["m"]
