import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import records
from vqvae_tf.errors import UserError


def pictures(count=3):
    rng = np.random.default_rng(0)
    return [
        {"name": f"p{n}", "image": rng.integers(0, 256, [8 + n, 9, 3], np.uint8), "label": n % 2}
        for n in range(count)
    ]


def maps():
    return [
        {"name": "m0", "codes": np.arange(6).reshape(2, 3), "label": 1},
        {"name": "m1", "codes": 500 + np.arange(20).reshape(5, 4), "label": 0},
    ]


def write_raw(path, contents):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content)


def test_pictures_round_trip(tmp_path):
    assert data.write_images(tmp_path / "a-0.tfrecord", pictures()[:2], ["cat", "dog"]) == 2
    assert data.write_images(tmp_path / "a-1.tfrecord", pictures()[2:]) == 1
    source = data.open_source(f"tfrecord:{tmp_path}/a-*")
    assert (len(source), source.class_names) == (3, ("cat", "dog"))
    for read, written in zip(source.pictures(), pictures(), strict=True):
        assert (read["name"], read["label"]) == (written["name"], written["label"])
        assert np.array_equal(read["image"], written["image"])
    batch = next(iter(data.batches(source, DataConfig(image_size=8), 4, seed=0)))
    assert batch["image"].shape == (4, 8, 8, 3)
    assert set(batch["label"].numpy()) <= {0, 1}


def test_classes_are_numbers_where_no_file_names_them(tmp_path):
    data.write_images(tmp_path / "a", [picture | {"label": 4} for picture in pictures()])
    assert data.open_source(f"tfrecord:{tmp_path}/a").class_names == ("0", "1", "2", "3", "4")


def test_pictures_without_name_and_label(tmp_path):
    data.write_images(tmp_path / "a", [{"image": picture["image"]} for picture in pictures()])
    source = data.open_source(f"tfrecord:{tmp_path}/*")
    assert source.class_names == ()
    assert [p["name"] for p in source.pictures()] == ["a#0", "a#1", "a#2"]
    assert [p["label"] for p in source.pictures()] == [None] * 3


def test_code_maps_round_trip(tmp_path):
    data.write_codes(tmp_path / "a", maps(), ["x", "y"])
    source = data.open_source(f"codes:{tmp_path}/*")
    assert (len(source), source.class_names) == (2, ("x", "y"))
    for read, written in zip(source.maps(), maps(), strict=True):
        assert (read["name"], read["label"]) == (written["name"], written["label"])
        assert read["codes"].dtype == np.int32
        assert np.array_equal(read["codes"], written["codes"])


def test_the_features_are_those_of_the_format(tmp_path):
    path = str(tmp_path / "a")
    data.write_codes(path, maps()[:1])
    example = tf.io.parse_single_example(
        next(iter(tf.data.TFRecordDataset(path))),
        {
            "codes": tf.io.FixedLenFeature([6], tf.int64),
            "shape": tf.io.FixedLenFeature([2], tf.int64),
            "name": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
        },
    )
    assert example["codes"].numpy().tolist() == [0, 1, 2, 3, 4, 5]
    assert example["shape"].numpy().tolist() == [2, 3]
    assert (example["name"].numpy(), example["label"].numpy()) == (b"m0", 1)


def test_bad_picture_records_are_named_skipped_and_counted(tmp_path, caplog):
    good = [records.image_example(picture) for picture in pictures()]
    no_picture = tf.train.Example()
    no_picture.features.feature["picture"].bytes_list.value.append(b"x")
    damaged = tf.train.Example()
    damaged.features.feature["image"].bytes_list.value.append(b"x")
    damaged.features.feature["label"].int64_list.value.append(0)
    bad = [b"\xffno message", no_picture.SerializeToString(), damaged.SerializeToString()]
    unlabelled = records.image_example({"image": pictures()[0]["image"]})
    write_raw(tmp_path / "a", [bad[0], good[0], bad[1], bad[2], good[1], unlabelled, good[2]])
    source = data.open_source(f"tfrecord:{tmp_path}/a")
    for _ in range(2):
        assert [picture["name"] for picture in source.pictures()] == ["p0", "p1", "p2"]
    assert source.skipped == 4
    for text in (
        "a#0: not a tf.train.Example",
        "a#2: no feature \"image\"; it holds ['picture']",
        "a#3: not a readable picture",
        "a#5: label must lie in [0, 2), or be -1 for none; received none",
    ):
        assert sum(text in record.getMessage() for record in caplog.records) == 1


def test_bad_code_records_are_skipped(tmp_path):
    short = tf.train.Example.FromString(records.codes_example(maps()[0]))
    short.features.feature["codes"].int64_list.value.pop()
    negative = records.codes_example({"codes": np.full([2, 2], -1), "label": 0})
    good = records.codes_example(maps()[1])
    write_raw(tmp_path / "a", [short.SerializeToString(), negative, b"\xff", good])
    source = data.open_source(f"codes:{tmp_path}/a")
    assert [item["name"] for item in source.maps()] == ["m1"]
    assert source.skipped == 3


def test_files_of_bad_records_are_refused(tmp_path):
    write_raw(tmp_path / "a", [b"\xff", b"\xff"])
    with pytest.raises(UserError, match="none of its 2 pictures can be read"):
        list(data.open_source(f"tfrecord:{tmp_path}/a").pictures())
    with pytest.raises(UserError, match="none of its 2 records can be read"):
        list(data.open_source(f"codes:{tmp_path}/a").maps())


@pytest.mark.parametrize("cut", [1, 20, 10_000])
def test_a_cut_file_is_read_up_to_the_cut(tmp_path, caplog, cut):
    data.write_codes(tmp_path / "a", [{"codes": np.zeros([100, 100], int)}] * 2)
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-cut])
    source = data.open_source(f"codes:{tmp_path}/a")
    assert len(list(source.maps())) == 1
    assert source.skipped == 1
    assert "a: damaged after record 1" in caplog.text


def test_compressed_files_are_refused(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "a"), "GZIP") as writer:
        writer.write(records.codes_example(maps()[0]))
    with pytest.raises(UserError, match="compressed; write TFRecords without compression"):
        data.open_source(f"codes:{tmp_path}/a")


def test_empty_files_are_refused(tmp_path):
    write_raw(tmp_path / "a", [])
    with pytest.raises(UserError, match="hold no record"):
        data.open_source(f"codes:{tmp_path}/a")


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    def interrupted():
        yield maps()[0]
        assert not (tmp_path / "a").exists()
        with pytest.raises(UserError, match="no file matches"):
            data.open_source(f"codes:{tmp_path}/*")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="full"):
        data.write_codes(tmp_path / "a", interrupted())
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_files_replaced(tmp_path):
    path = tmp_path / "deep" / "a"
    data.write_codes(path, maps())
    data.write_codes(path, maps()[:1])
    assert len(data.open_source(f"codes:{path}")) == 1


@pytest.mark.parametrize("codes", [np.zeros([2, 2]), np.zeros(4, int)])
def test_other_arrays_are_refused_as_codes(tmp_path, codes):
    with pytest.raises(UserError, match=r"codes must be integers \[height, width, ...\]"):
        data.write_codes(tmp_path / "a", [{"codes": codes}])
