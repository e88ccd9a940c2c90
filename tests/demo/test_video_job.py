"""The demo of videos from recording to its report, with tiny configurations and small walks."""

import json
import os

import pytest

from tests import small, small_videos
from tests.demo.check_video_report import check
from vqvae_tf import demo, written_files
from vqvae_tf.demo import video_job

pytest.importorskip("av")
pytest.importorskip("labmaze")


def test_demo_writes_a_whole_report_and_adds_up_the_time_of_all_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(video_job, "CLIPS", 2)
    monkeypatch.setattr(video_job, "FRAMES", 4)
    output = str(tmp_path / "demo")
    os.mkdir(output)
    # As a first start would have left it that was interrupted in its training.
    timings = {"starts": 1, "seconds": {"training the autoencoder": 1000.0}}
    written_files.write_bytes(os.path.join(output, "timings.json"), json.dumps(timings).encode())
    report = demo.run_video(
        output, small_videos.AUTOENCODER, small_videos.PRIOR, data_uri=small_videos.TRAIN
    )
    with open(report, encoding="utf-8") as file:
        page = check(file.read())
    assert {"model", "prior", "futures", "report.html"} <= set(os.listdir(output))
    assert small.results_in(os.path.join(output, "futures")) == [
        f"{start}_{command}.mp4"
        for start in (0, 1)
        for command in ("turn_left", "turn_right", "walk_forward")
    ]
    text = " ".join(page.texts)
    assert "All 8 walks were recorded" in text
    assert "for all that this page shows, over 2 starts" in text
    with open(os.path.join(output, "timings.json")) as file:
        timings = json.load(file)
    assert timings["starts"] == 2 and len(timings["seconds"]) == 4
    assert timings["seconds"]["training the autoencoder"] > 1000
