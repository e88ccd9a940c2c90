"""The demo from training to its report, with tiny configurations and few photographs."""

import json
import os

import pytest

from tests import small
from tests.demo.check_report import check
from vqvae_tf import demo, written_files
from vqvae_tf.data import embedded
from vqvae_tf.demo.clock import Clock


@pytest.fixture
def few_photographs(monkeypatch):
    """Three to train on, of which one may not be shown."""
    names = ("gravel", "coins", "motorcycle")
    monkeypatch.setattr(embedded, "TRAINING", {name: embedded.TRAINING[name] for name in names})


def test_demo_writes_a_whole_report_and_adds_up_the_time_of_all_starts(few_photographs, tmp_path):
    output = str(tmp_path / "demo")
    os.mkdir(output)
    # As a first start would have left it that was interrupted in its training.
    timings = {"starts": 1, "seconds": {"training the autoencoder": 1000.0}}
    written_files.write_bytes(os.path.join(output, "timings.json"), json.dumps(timings).encode())
    report = demo.run(output, small.AUTOENCODER, small.PRIOR)
    with open(report, encoding="utf-8") as file:
        page = check(file.read())
    assert {"model", "prior", "saved_model", "samples", "report.html"} <= set(os.listdir(output))
    assert small.results_in(os.path.join(output, "samples")) == ["coins.png", "gravel.png"]
    text = " ".join(page.texts)
    assert "all are equal" in text and "for all that this page shows, over 2 starts" in text
    with open(os.path.join(output, "timings.json")) as file:
        timings = json.load(file)
    seconds = timings["seconds"]
    assert timings["starts"] == 2 and len(seconds) == 5
    assert 1000 < seconds["training the autoencoder"] < 1600
    minutes, rest = divmod(round(sum(seconds.values())), 60)
    assert f"{minutes} min {rest} s" in text


def test_clock_counts_what_was_interrupted_and_what_a_killed_start_logged(tmp_path):
    path = str(tmp_path / "timings.json")
    with pytest.raises(KeyboardInterrupt), Clock(path).part("training"):
        raise KeyboardInterrupt
    second = Clock(path)
    before = second.seconds["training"]
    assert second.starts == 2 and before > 0
    with second.part("training"):
        pass
    assert second.seconds["training"] > before
    second.at_least("training", 60.0)
    second.at_least("training", 50.0)
    assert Clock(path).seconds == {"training": 60.0}
    (tmp_path / "timings.json").write_text('{"starts": "x"')
    assert Clock(path).seconds == {}


def test_clock_leaves_no_folder_behind(tmp_path):
    with pytest.raises(ValueError), Clock(str(tmp_path / "absent" / "timings.json")).part("a"):
        raise ValueError
    assert not (tmp_path / "absent").exists()
