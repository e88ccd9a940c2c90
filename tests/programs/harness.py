"""Calls a program as its console script would, in this process."""

import importlib
import sys
from typing import NamedTuple

import pytest

TINY = (  # makes any preset of an image model small
    "--config.widths=4,8",
    "--config.residual_width=4",
    "--config.embedding_dim=2",
    "--config.quantizer.num_embeddings=16",
    "--config.data.image_size=16",
    "--config.data.half_size_share=0",
    "--config.training.steps=4",
    "--config.training.batch_size=4",
)
TINY_PRIOR = (
    "--config.channels=8",
    "--config.layers=2",
    "--config.head_width=8",
    "--config.grid=4",
    "--config.training.steps=4",
)
TINY_SPEECH = (  # those of sound
    "--config.widths=4,4",
    "--config.strides=8,8",
    "--config.residual_width=4",
    "--config.embedding_dim=2",
    "--config.quantizer.num_embeddings=16",
    "--config.channels=4",
    "--config.skip_channels=4",
    "--config.dilations=1,2",
    "--config.window=256",
    "--config.training.steps=4",
)
TINY_PHONEMES = (  # those of frames of sound, 64 samples to a code
    "--config.widths=4",
    "--config.strides=4",
    "--config.residual_width=4",
    "--config.embedding_dim=2",
    "--config.quantizer.num_embeddings=16",
    "--config.frames.hop=16",
    "--config.frames.width=4",
    "--config.window=256",
    "--config.training.steps=4",
)
TINY_VOICES = (
    "--config.waveform.strides=8,8",
    "--config.waveform.widths=4,4,4",
    "--config.window=256",
    "--config.training.steps=4",
)
TINY_VIDEO = (  # those of videos
    "--config.widths=4,8",
    "--config.residual_width=4",
    "--config.embedding_dim=2",
    "--config.quantizer.num_embeddings=16",
    "--config.data.image_size=32",
    "--config.training.steps=4",
    "--config.training.batch_size=4",
)
TINY_VIDEO_PRIOR = (
    "--config.grid=8,8",
    "--config.context=3",
    "--config.frames=5",
    "--config.targets=1",
    "--config.channels=4",
    "--config.layers=1",
    "--config.head_width=4",
    "--config.condition_channels=4",
    "--config.condition_dilations=1",
    "--config.flow_channels=4",
    "--config.flow_dilations=1",
    "--config.unroll=1",
    "--config.training.steps=4",
    "--config.training.batch_size=4",
)
TINY_SPEECH_PRIOR = (
    "--config.channels=4",
    "--config.skip_channels=4",
    "--config.dilations=1,2",
    "--config.length=6",
    "--config.training.steps=4",
)


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch, capsys):
    """`call("train", "--preset=photos", ...)` -> exit code and what was printed."""

    def run(program: str, *arguments: str) -> Outcome:
        module = importlib.import_module(f"vqvae_tf.programs.{program}")
        importlib.reload(module)  # its flags forget the values of earlier calls
        monkeypatch.setattr(sys, "argv", [f"vqvae-{program.replace('_', '-')}", *arguments])
        code = 0
        try:
            module.run()
        except SystemExit as exited:
            code = exited.code
        return Outcome(code, *capsys.readouterr())

    return run


def assert_refused(outcome: Outcome, *parts: str) -> None:
    """Exit code 2, nothing on stdout, and one line on stderr that holds `parts`."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("vqvae-") and outcome.err.count("\n") == 1, outcome.err
    for part in parts:
        assert part in outcome.err, outcome.err
