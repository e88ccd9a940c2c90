"""Every command line of README.md, CONTRIBUTING.md and docs/ runs, made small."""

import importlib.metadata
import itertools
import json
import os
import re
import runpy
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests import pages
from tests.programs.harness import (
    TINY,
    TINY_PHONEMES,
    TINY_PRIOR,
    TINY_SPEECH,
    TINY_SPEECH_PRIOR,
    TINY_VIDEO,
    TINY_VIDEO_PRIOR,
    TINY_VOICES,
)
from vqvae_tf import demo
from vqvae_tf.data import embedded
from vqvae_tf.models import AudioConfig

soundfile = pytest.importorskip("soundfile")

PROGRAMS = {
    script.name
    for script in importlib.metadata.distribution("vqvae_tf").entry_points
    if script.group == "console_scripts"
}
# Flags before those of the page, which win.
SMALL = {
    ("vqvae-train", "cifar10"): (*TINY, "--config.embedding_dim=20"),  # of ten groups
    ("vqvae-train", "photos_two_level"): (*TINY, "--config.upper_width=4"),
    ("vqvae-train", "speech"): TINY_SPEECH,
    ("vqvae-train", "phonemes"): TINY_PHONEMES,
    ("vqvae-train", "voices"): TINY_VOICES,
    ("vqvae-train", "wavenet_voices"): TINY_SPEECH,
    ("vqvae-train", "labmaze"): TINY_VIDEO,
    ("vqvae-train", None): TINY,
    ("vqvae-train-prior", "photos_two_level_prior"): (
        *TINY_PRIOR,
        "--config.upper_channels=4",
        "--config.upper_layers=1",
        "--config.condition_channels=4",
        "--config.condition_blocks=1",
    ),
    ("vqvae-train-prior", "speech_prior"): TINY_SPEECH_PRIOR,
    ("vqvae-train-prior", "labmaze_prior"): TINY_VIDEO_PRIOR,
    ("vqvae-train-prior", None): TINY_PRIOR,
    ("vqvae-evaluate", "rollouts"): ("--clips=2", "--frames=2"),
}
# Values of the page, and those that take their place.
SMALLER = (
    (r"(--config\.training\.steps)=\d+", r"\1=4"),  # not more: the prior of one page fits all
    (r"(--count)=\d+", r"\1=2"),
    (r"(--grid)=\d+,\d+", r"\1=3,5"),
    (r"(--size)=\d+,\d+", r"\1=16,24"),
    (r"(--size)=\d+", r"\1=100"),
    (r"(--grid)=\d+", r"\1=5"),
    (r"(--data)=tfds:.*", r"\1=folder:pictures"),  # nothing to download
    (r"(--(?:data|validation))=embedded:labmaze(/.*)?", r"\1=embedded:labmaze_small\2"),
)


def lines() -> list[tuple[str, str]]:
    """("page:line", command) of every block that is run, each command once."""
    found: dict[str, str] = {}
    for page in pages.PAGES:
        for block in pages.blocks(pages.read(page), "sh"):
            if block.reason is not None:
                continue
            for number, line in enumerate(block.code.splitlines(), block.line):
                for command in line.partition("#")[0].split("&&"):
                    if command.strip():
                        found.setdefault(command.strip(), f"{page}:{number}")
    return [(place, command) for command, place in found.items()]


def small(program: str, arguments: list[str]) -> list[str]:
    presets = [each.split("=")[1] for each in arguments if each.startswith("--preset=")]
    presets += [each[2:] for each in arguments if each == "--rollouts"]
    first = SMALL.get((program, presets[0] if presets else None), SMALL.get((program, None), ()))
    if any(each.startswith("--codes_from=") for each in arguments):  # the codes have their sizes
        decides = tuple(f"--config.{name}" for name in AudioConfig.code_fields)
        first = [each for each in first if not each.startswith(decides)]
    if any(each.startswith("--config.quantizer.kind=") for each in arguments):  # has its own sizes
        first = [each for each in first if not each.startswith("--config.quantizer.")]
    shrunk = []
    for argument in arguments:
        for pattern, replacement in SMALLER:
            argument = re.sub(f"^{pattern}$", replacement, argument)
        shrunk.append(argument)
    return [*first, *shrunk]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to run in, with the files that the pages speak of, and few photographs."""
    monkeypatch.chdir(tmp_path)
    kept = {name: embedded.TRAINING[name] for name in ("gravel", "coins")}
    monkeypatch.setattr(embedded, "TRAINING", kept)
    monkeypatch.setattr(embedded, "HELD_OUT", {"chelsea": embedded.HELD_OUT["chelsea"]})
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    os.mkdir("pictures")
    for path in ("pictures/a.png", "pictures/b.png", "picture.jpg"):
        Image.fromarray(pixels).save(path)
    for place in ("voices/anna", "voices/bert", "train", "test"):
        os.makedirs(place)
        soundfile.write(f"{place}/a.wav", 0.3 * np.sin(np.arange(800) * 0.1), 16_000)
    with open("speech.jsonl", "w") as file:
        for split, voice in itertools.product(("train", "test"), ("anna", "bert")):
            phones = [["pau", 0.0, 0.02], ["a", 0.02, 0.05]]
            row = {"file": f"voices/{voice}/{split}.wav", "speaker": voice, "phones": phones}
            pitch = 0.1 if split == "train" else 0.2  # what is scored must be another utterance
            soundfile.write(row["file"], 0.3 * np.sin(np.arange(800) * pitch), 16_000)
            file.write(json.dumps(row | {"split": split}) + "\n")
    return tmp_path


@pytest.fixture
def demos(monkeypatch):
    """Folders that the demos were asked to fill; tests/demo runs them."""
    asked: list[str] = []
    for job in ("run", "run_speech", "run_video"):
        monkeypatch.setattr(demo, job, lambda output: asked.append(output) or "report.html")
    return asked


def test_every_command_runs(folder, demos, call, monkeypatch):
    used = set()
    for place, line in lines():
        program, *arguments = shlex.split(line)
        if program in PROGRAMS:
            used.add(program)
            module = program.removeprefix("vqvae-").replace("-", "_")
            outcome = call(module, *small(program, arguments))
            assert outcome.code == 0, f"{place}: {line}\n{outcome.err}"
        elif program == "python":
            monkeypatch.setattr(sys, "argv", arguments)
            runpy.run_path(str(pages.ROOT / arguments[0]), run_name="__main__")
        else:
            check(program, arguments, f"{place}: {line}")
    assert used == PROGRAMS
    assert demos == ["demo", "demo_speech", "demo_video"]


def check(program: str, arguments: list[str], where: str) -> None:
    """What is not run: that its target, extra or script is there."""
    match program, arguments:
        case "make", [_, *_]:
            command = ["make", "--dry-run", *arguments]
        case "bash", [script]:
            command = ["bash", "-n", script]
        case "pip", ["install", requirement]:
            extras = re.fullmatch(r"(?:\.|vqvae_tf)\[([a-z,]+)\]", requirement)
            known = importlib.metadata.metadata("vqvae_tf").get_all("Provides-Extra")
            assert extras and set(extras[1].split(",")) <= set(known), where
            return
        case ("git", ["clone", "REPOSITORY", "vqvae_tf"]) | ("cd", ["vqvae_tf"]):
            return
        case _:
            raise AssertionError(f"{where}: no test knows how to run this; see `check`")
    done = subprocess.run(command, cwd=pages.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{where}: {done.stderr}"
