import csv

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf.errors import UserError
from vqvae_tf.summaries import Summaries
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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"step",
        b"\n\n",
        b"loss,step\n1,10\n",
        b"step,loss,loss\n10,1,2\n",
        b"step,loss\n10\n",
        b"step,loss\n10,1,2\n",
        b"step,loss\n,1\n",
        b"step,loss\nten,1\n",
        b"step,loss\n1e1,1\n",
        b"step,loss\n20,1\n10,1\n",
        b"step,loss\n10,1\n10,1\n",
        b"step,loss\n10,one\n",
        b'step,loss\n10,"1\n',
        b"step,loss\n10,1\x00\n",
        b"step,loss\n10,\xff\n",
        b"step,loss\n" + b"9" * 5000 + b",1\n",
        b"step,loss\n10," + b"9" * 200_000 + b"x\n",
        b"\x89PNG\r\n\x1a\n\x00\x00",
    ],
)
def test_a_damaged_file_is_kept_aside_and_blocks_nothing(tmp_path, caplog, content):
    path = tmp_path / "metrics.csv"
    for number in (1, 2):
        path.write_bytes(content)
        write(tmp_path, [30], start=25)
        aside = tmp_path / f"metrics.csv.damaged-{number}"
        assert aside.read_bytes() == content
        assert rows(tmp_path) == [{"step": "30", "loss": "3.0"}]
        assert "metrics.csv is damaged (" in caplog.text and str(aside) in caplog.text
    assert all("\n" not in line for line in caplog.messages)


def test_a_folder_of_its_name_is_put_aside_too(tmp_path):
    (tmp_path / "metrics.csv").mkdir()
    write(tmp_path, [30])
    assert rows(tmp_path) == [{"step": "30", "loss": "3.0"}]
    assert (tmp_path / "metrics.csv.damaged-1").is_dir()


def test_random_damage_never_stops_a_run(tmp_path):
    write(tmp_path, [10, 20, 30], values=("loss", "evaluation/psnr"))
    path = tmp_path / "metrics.csv"
    good = path.read_bytes()
    draws = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(good)
        for place in draws.integers(len(data), size=draws.integers(1, 4)):
            data[place] = draws.integers(256)
        path.write_bytes(data[: draws.integers(len(data) + 1)] if draws.integers(2) else data)
        write(tmp_path, [40], start=30)
        assert {"step": "40", "loss": "4.0"}.items() <= rows(tmp_path)[-1].items()
    assert len(list(tmp_path.glob("metrics.csv.damaged-*"))) > 20


def test_tensorboard_gets_scalars_pictures_histograms_and_sounds(tmp_path):
    log = logs.Logs(str(tmp_path), 0, 100)
    log.scalars(10, {"loss": 1.5})
    images = np.zeros([12, 4, 4, 3], "uint8")
    sounds = {"sounds": (np.zeros([9, 400], "float32"), 4_000)}
    log.summaries(10, Summaries({"reconstructions": images}, {"codes": tf.range(9)}, sounds))
    log.close()
    events = [
        event
        for path in tf.io.gfile.glob(str(tmp_path / "tensorboard" / "*"))
        for record in tf.data.TFRecordDataset(path)
        for event in [tf.compat.v1.Event.FromString(record.numpy())]
    ]
    values = {value.tag: value for event in events for value in event.summary.value}
    assert set(values) == {"loss", "reconstructions", "codes", "sounds"}
    assert float(tf.make_ndarray(values["loss"].tensor)) == 1.5
    assert len(tf.make_ndarray(values["reconstructions"].tensor)) == 2 + 8  # size, then PNGs
    waves = tf.make_ndarray(values["sounds"].tensor)[:, 0]  # and an empty label each
    assert len(waves) == 8 and tf.audio.decode_wav(waves[0]).sample_rate == 4_000
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
