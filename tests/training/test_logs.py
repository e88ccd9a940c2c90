import csv

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.config import Summaries
from vqvae_tf.errors import UserError
from vqvae_tf.training import logs


def rows(tmp_path):
    with open(tmp_path / "metrics.csv") as file:
        return list(csv.DictReader(file))


def write(tmp_path, steps, start=0, values=("loss",)):
    log = logs.Logs(str(tmp_path), start, 100)
    for step in steps:
        log.scalars(step, {name: step / 10 for name in values})
    log.close()


def test_a_row_for_each_step_that_logged_something(tmp_path):
    write(tmp_path, [10, 20, 30])
    assert rows(tmp_path) == [{"step": str(s), "loss": str(s / 10)} for s in (10, 20, 30)]


def test_values_of_one_step_share_a_row_and_new_ones_add_a_column(tmp_path):
    log = logs.Logs(str(tmp_path), 0, 100)
    log.scalars(10, {"loss": 1.0})
    log.scalars(20, {"loss": 0.5})
    log.scalars(20, {"evaluation/psnr": 27.5})
    log.scalars(30, {"loss": 0.25})
    log.close()
    assert rows(tmp_path) == [
        {"step": "10", "loss": "1.0", "evaluation/psnr": ""},
        {"step": "20", "loss": "0.5", "evaluation/psnr": "27.5"},
        {"step": "30", "loss": "0.25", "evaluation/psnr": ""},
    ]


def test_going_on_drops_the_steps_done_again(tmp_path):
    write(tmp_path, [10, 20, 30])
    write(tmp_path, [30, 40], start=25)
    assert [row["step"] for row in rows(tmp_path)] == ["10", "20", "30", "40"]


def test_a_line_cut_off_by_a_kill_is_dropped(tmp_path):
    write(tmp_path, [10, 20])
    with open(tmp_path / "metrics.csv", "a") as file:
        file.write("3")
    write(tmp_path, [30], start=30)
    assert [row["step"] for row in rows(tmp_path)] == ["10", "20", "30"]


def test_tensorboard_gets_scalars_pictures_and_histograms(tmp_path):
    log = logs.Logs(str(tmp_path), 0, 100)
    log.scalars(10, {"loss": 1.5})
    images = np.zeros([12, 4, 4, 3], "uint8")
    log.summaries(10, Summaries({"reconstructions": images}, {"codes": tf.range(9)}))
    log.close()
    events = [
        event
        for path in tf.io.gfile.glob(str(tmp_path / "tensorboard" / "*"))
        for record in tf.data.TFRecordDataset(path)
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
    ]
    values = {value.tag: value for event in events for value in event.summary.value}
    assert set(values) == {"loss", "reconstructions", "codes"}
    assert float(tf.make_ndarray(values["loss"].tensor)) == 1.5
    assert len(tf.make_ndarray(values["reconstructions"].tensor)) == 2 + 8  # size, then PNGs
    assert {event.step for event in events if event.summary.value} == {10}


def test_a_worker_that_is_not_the_chief_writes_nothing(tmp_path):
    log = logs.Logs(str(tmp_path), 0, 100, active=False)
    log.scalars(10, {"loss": 1.0})
    log.advance()
    log.close()
    assert not list(tmp_path.iterdir())


def test_the_bar_is_silent_where_there_is_no_terminal(tmp_path, capfd):
    log = logs.Logs(str(tmp_path), 0, 100)
    log.advance()
    log.scalars(1, {"loss": 1.0})
    log.close()
    captured = capfd.readouterr()
    assert "step" not in captured.out + captured.err


def test_a_disk_without_room_is_one_line(tmp_path, monkeypatch):
    def full(*arguments, **keywords):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device\ndetails")

    log = logs.Logs(str(tmp_path), 0, 100)
    monkeypatch.setattr(tf.io.gfile, "rename", full)
    with pytest.raises(UserError, match="cannot write .*No space left") as error:
        log.scalars(10, {"loss": 1.0})
    assert "\n" not in str(error.value)
    log.close()
