"""What is not there is refused before TensorFlow is imported, as the library would refuse it."""

import os
import re

import pytest

from tests.programs.harness import assert_refused
from vqvae_tf import data
from vqvae_tf.data import uri as uri_module
from vqvae_tf.errors import UserError
from vqvae_tf.programs import input_flags
from vqvae_tf.training import workdir

TRAIN = ("--preset=photos", "--data=embedded:photos", "--workdir=w")
MODEL = ("--model=m", "--data=embedded:photos")


@pytest.fixture(autouse=True)
def in_a_folder_with_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("m", "p"):
        os.mkdir(name)
        with open(os.path.join(name, "config.json"), "w") as file:
            file.write("{}")


@pytest.mark.parametrize(
    "uri",
    [
        *("photos", "foldr:x", ":x", "folder:", "folder:absent", "codes:absent/*", "tfrecord:a"),
        *("tfrecord:m/../absent/[ab].tfrecord", "codes:m/config.json/*", "folder:m/config.json"),
    ],
)
def test_data_that_are_not_there(call, uri):
    with pytest.raises(UserError) as library:
        data.open_source(uri)
    said = re.split("; (?:nearest|all): ", str(library.value))[0]  # not the schemes
    for program, arguments in (
        ("train", (*TRAIN, f"--data={uri}")),
        ("train", (*TRAIN, f"--validation={uri}")),
        ("train_prior", (*TRAIN[1:], "--model=m", f"--data={uri}")),
        ("evaluate", ("--model=m", f"--data={uri}")),
        ("evaluate", (*MODEL, "--phones", f"--train_data={uri}")),
        ("reconstruct", ("--model=m", f"--data={uri}", "--output=o")),
        ("convert", ("--model=m", f"--data={uri}", "--output=o", "--speaker=anna")),
    ):
        assert_refused(call(program, *arguments), said)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("m", "folder:m"),
        ("m/voices.jsonl", "manifest:m/voices.jsonl"),
        ("m/drives.tfrecord", "tfrecord:m/drives.tfrecord"),
        ("m/a.wav", "folder:m"),
        ("a.wav", "folder:."),
    ],
)
def test_a_path_without_a_scheme_gets_the_one_that_reads_it(call, path, meant):
    if not os.path.exists(path):
        open(path, "w").close()
    assert_refused(call("train", *TRAIN, f"--data={path}"), f"SCHEME:NAME, such as {meant} for")


@pytest.mark.parametrize("uri", ["manifest:absent.csv", "manifest:absent.csv/train"])
def test_a_manifest_that_is_not_there(call, uri):
    outcome = call("train", *TRAIN, "--preset=speech", f"--data={uri}")
    assert_refused(outcome, f'{uri}: there is no file "{uri[9:]}"; give the path of')


@pytest.mark.parametrize(
    "uri",
    [
        *("folder:m", "codes:*", "codes:m/*", "tfrecord:m/config.json", "manifest:list.csv"),
        *("manifest:list.csv/test", "manifest:list.csv/unseen/test", "codes:run[1]/a"),
        *("folder:gs://absent", "embedded:anything"),
    ],
)
def test_data_that_may_be_there_are_left_to_the_library(uri):
    os.mkdir("run[1]")
    for path in ("run[1]/a", "list.csv"):
        open(path, "w").close()
    flag = type("Flag", (), {"name": "data", "value": uri})
    input_flags.check_data(flag)


def test_all_schemes_are_known():
    known = {
        scheme
        for name, schemes in vars(uri_module).items()
        if name.endswith("SCHEMES")
        for scheme in schemes
    }
    assert known == set(input_flags.SCHEMES)


def test_a_workdir_that_is_none(call):
    with pytest.raises(UserError) as library:
        workdir.read("absent")
    for program, arguments in (
        ("train", (*TRAIN, "--codes_from=absent")),
        ("train_prior", (*TRAIN[1:], "--model=absent")),
        ("evaluate", ("--model=absent", "--data=embedded:photos")),
        ("evaluate", (*MODEL, "--prior=absent")),
        ("reconstruct", ("--model=absent", "--data=embedded:photos", "--output=o")),
        ("convert", ("--model=absent", "--data=folder:m", "--output=o", "--speaker=anna")),
        ("export", ("--model=absent", "--output=o")),
        ("export", ("--model=m", "--prior=absent", "--output=o")),
        ("sample", ("--prior=absent", "--output=o")),
    ):
        assert_refused(call(program, *arguments), f": {library.value}\n")


def test_a_folder_that_is_no_workdir(call):
    os.mkdir("w")
    open("w/notes.txt", "w").close()
    with pytest.raises(UserError) as library:
        workdir.prepare("w", {})
    assert_refused(call("train", *TRAIN), f": {library.value}\n")
    assert_refused(call("train_prior", *TRAIN[1:], "--model=m"), f": {library.value}\n")
    assert_refused(call("train", *TRAIN, "--workdir=w/notes.txt"), "is a file; give a folder")
    outcome = call("export", "--model=m", "--output=w/notes.txt")
    assert_refused(outcome, "output w/notes.txt is a file; give a folder")


def test_a_prefix_that_is_not_there(call):
    outcome = call("sample", "--prior=p", "--output=o", "--prefix=absent.npz")
    assert_refused(outcome, "prefix: there is no file absent.npz; give the path of")
