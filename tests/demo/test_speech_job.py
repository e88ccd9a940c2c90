"""The demo of speech from training to its report, with tiny configurations and few sentences."""

import dataclasses
import json
import os

import pytest

from tests import small
from tests.demo.check_speech_report import check
from vqvae_tf import demo, models, written_files
from vqvae_tf.config.audio import FramesConfig, WaveformConfig

pytest.importorskip("espeakng_loader")
pytest.importorskip("soundfile")

CODES = models.AudioConfig(
    widths=(8,),
    strides=(4,),
    residual_width=4,
    embedding_dim=4,
    quantizer=models.QuantizerConfig(num_embeddings=(16,)),
    input="frames",
    output="frames",
    frames=FramesConfig(width=8, blocks=1),
    window=2_560,
    training=small.TRAINING,
)
VOICES = dataclasses.replace(
    CODES,
    output="waveform",
    waveform=WaveformConfig(strides=(8, 8, 10), widths=(8, 8, 4, 4)),
)
PRIOR = models.WaveNetPriorConfig(
    channels=8, skip_channels=8, dilations=(1, 2), num_classes=1, length=24, training=small.TRAINING
)


def test_demo_writes_a_whole_report_and_adds_up_the_time_of_all_starts(tmp_path):
    output = str(tmp_path / "demo")
    os.mkdir(output)
    # As a first start would have left it that was interrupted in its training.
    timings = {"starts": 1, "seconds": {"training the codes": 1000.0}}
    written_files.write_bytes(os.path.join(output, "timings.json"), json.dumps(timings).encode())
    report = demo.run_speech(output, CODES, VOICES, PRIOR, data_uri="embedded:speech_small")
    with open(report, encoding="utf-8") as file:
        page = check(file.read())
    assert {"model", "voices", "prior", "samples", "report.html"} <= set(os.listdir(output))
    voices = [f"espeak_{name}" for name in ("m1", "f1", "m2", "f2")]
    assert small.results_in(os.path.join(output, "samples")) == sorted(f"{v}.wav" for v in voices)
    text = " ".join(page.texts)
    assert all(voice in text for voice in voices)
    assert "for all that this page shows, over 2 starts" in text
    with open(os.path.join(output, "timings.json")) as file:
        timings = json.load(file)
    assert timings["starts"] == 2 and len(timings["seconds"]) == 6
    assert timings["seconds"]["training the codes"] > 1000
