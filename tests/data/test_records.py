import os
import random

import numpy as np
import pytest
import tensorflow as tf

from tests.data.messages import example
from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import images, records
from vqvae_tf.data.source import UnreadableError
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


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "no grid of rank"),
        ({"codes": [1, 2, 3], "shape": [2, 2]}, "3 codes do not fill the shape"),
        ({"codes": [-1] * 4, "shape": [2, 2]}, "between 0 and 2147483647; received -1 to -1"),
        ({"codes": [2**40] * 4, "shape": [2, 2]}, "between 0 and"),
        ({"codes": [1] * 4, "shape": [4]}, r"no grid of rank \[2\] has shape \[4\]"),
        ({"codes": [1] * 4, "shape": [-2, -2]}, "do not fill"),
        ({"codes": [1] * 4, "shape": [2**62, 2**62]}, "do not fill"),
        ({"codes": [1] * 4, "shape": [4] + [1] * 99}, r"has shape \[4, 1, 1, 1, ...\]"),
        ({"codes": [], "shape": [0, 0]}, "0 codes do not fill"),
        ({"codes": [1.0] * 4, "shape": [2, 2]}, 'feature "codes" must be a int64_list; it is a fl'),
        ({"codes": [b"abcd"], "shape": [2, 2]}, 'feature "codes" must be a int64_list'),
        ({"codes": [1] * 4, "shape": [b"2", b"2"]}, 'feature "shape" must be'),
        ({"codes": [1] * 4, "shape": [2, 2], "name": [3]}, 'feature "name" must be a bytes_list'),
        ({"codes": [1] * 4, "shape": [2, 2], "label": [b"x"]}, 'feature "label" must be'),
        ({"codes": [1] * 4, "shape": [2, 2], "label": [0.0]}, 'feature "label" must be'),
        ({"codes": [1] * 4, "shape": [2, 2], "label": [2**62]}, "received 4611686018427387904"),
        ({"codes": [1] * 4, "shape": [2, 2], "label": [-2]}, r"in \[0, 2\), or be -1 for none"),
        ({"codes": [1] * 4, "shape": [2, 2], "label": [0, 1]}, "received 0, 1"),
        ({"codes": [1] * 4, "shape": [2, 2]}, "received none"),
        ({"codes": [1] * 4, "shape": [2, 2], "rank": [0]}, r"no grid of rank \[0\]"),
        ({"codes": [1] * 4, "shape": [2, 2], "rank": [3]}, r"no grid of rank \[3\]"),
        ({"codes": [1] * 4, "shape": [1, 1, 2, 2], "rank": [4]}, r"no grid of rank \[4\]"),
        ({"codes": [1] * 4, "shape": [2, 2], "rank": [1, 2]}, r"no grid of rank \[1, 2\]"),
        ({"codes": [1] * 4, "shape": [2, 2], "rank": [2.0]}, 'feature "rank" must be'),
    ],
)
def test_malformed_features_of_a_code_map_are_named(features, message):
    with pytest.raises(UnreadableError, match=message) as error:
        records.map_of(example(**features), "a#0", ("x", "y"))
    assert str(error.value).startswith("a#0: ") and "\n" not in str(error.value)


def test_random_features_give_a_map_or_a_line():
    draws = random.Random(0)
    values = [0, 1, 2, 4, -1, 2**31, 2**63 - 1, -(2**63), 0.0, float("nan"), b"", b"\xff\n"]
    read = 0
    for _ in range(1_500):
        features = {"codes": [1] * 4, "shape": [2, 2], "label": [1], "name": [b"m"], "rank": [2]}
        for name in draws.sample(sorted(features), draws.randint(1, 2)):
            kind = type(draws.choice(values))
            of_kind = [value for value in values if type(value) is kind]
            features[name] = draws.choices(of_kind, k=draws.choice((0, 1, 2, 4)))
        try:
            item = records.map_of(example(**features), "a#0", ("x", "y"))
        except UnreadableError as error:
            assert "\n" not in str(error)
        else:
            read += 1
            codes = item["codes"]
            assert codes.dtype == np.int32 and codes.min() >= 0 and codes.size == 4
            assert item["rank"] <= codes.ndim and item["label"] in (-1, 0, 1)
    assert 100 < read < 1_400


def test_bad_code_records_are_skipped(tmp_path):
    short = example(codes=[1, 2, 3], shape=[2, 2], label=[0])
    good = records.codes_example(maps()[1])
    write_raw(tmp_path / "a", [short, b"\xff", good, example(label=[b"x"])])
    source = data.open_source(f"codes:{tmp_path}/a")
    assert [item["name"] for item in source.maps()] == ["m1"]
    assert source.skipped == 3


def test_a_label_that_can_be_no_class_is_refused_with_its_record(tmp_path, caplog):
    absurd = example(codes=[1] * 4, shape=[2, 2], label=[2**62])
    write_raw(tmp_path / "a", [absurd, records.codes_example(maps()[0])])
    source = data.open_source(f"codes:{tmp_path}/a")
    assert source.class_names == ("0", "1")
    assert [item["label"] for item in source.maps()] == [1]
    assert "a#0: label must lie in [0, 2)" in caplog.text
    write_raw(tmp_path / "a", [absurd])
    with pytest.raises(UserError, match="none of its 1 records can be read"):
        list(data.open_source(f"codes:{tmp_path}/a").maps())


def test_records_say_the_rank_of_their_grid(tmp_path):
    sequence = {"codes": np.arange(7), "rank": 1, "name": "sound"}
    stages = {"codes": np.arange(24).reshape(2, 3, 4), "name": "stages"}
    video = {"codes": np.arange(24).reshape(2, 3, 4), "rank": 3, "name": "video"}
    data.write_codes(tmp_path / "a", [sequence, stages, video])
    found = list(data.open_source(f"codes:{tmp_path}/a").maps())
    assert [(item["rank"], item["codes"].shape) for item in found] == [
        (1, (7,)), (2, (2, 3, 4)), (3, (2, 3, 4))
    ]  # fmt: skip
    # Earlier versions wrote no rank; theirs is 2.
    old = records.map_of(example(codes=[1, 2, 3], shape=[1, 3]), "a#0", ())
    assert old["rank"] == 2 and old["codes"].tolist() == [[1, 2, 3]] and old["name"] == "a#0"


def test_names_that_are_no_utf_8_stay_apart(tmp_path):
    names = ["caf\udce9", "caf\udcea", "caf\u00e9"]  # as Python gives names of other encodings
    data.write_codes(tmp_path / "a", [maps()[0] | {"name": name} for name in names], names)
    source = data.open_source(f"codes:{tmp_path}/a")
    assert [item["name"] for item in source.maps()] == ["caf\\udce9", "caf\\udcea", "caf\u00e9"]
    assert source.class_names == ("caf\\udce9", "caf\\udcea", "caf\u00e9")
    latin = example(codes=[1], shape=[1, 1], name=["caf\u00e9".encode("latin-1")])
    assert records.map_of(latin, "a#0", ())["name"] == "caf\\xe9"


def test_lines_of_the_classes_are_the_names_as_they_are(tmp_path):
    names = ["a\u2028b", " c ", "d\x0be"]
    data.write_codes(tmp_path / "a", maps(), names)
    assert data.open_source(f"codes:{tmp_path}/a").class_names == tuple(names)
    (tmp_path / "classes.txt").write_bytes(b"x\r\ny\r\n")
    assert data.open_source(f"codes:{tmp_path}/a").class_names == ("x", "y")
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="classes.txt cannot be read .*give UTF-8 text"):
        data.open_source(f"codes:{tmp_path}/a")
    for names, received in (
        (["a\nb"], "'a.nb' as class 0"),
        (["a", " "], "' ' as class 1"),
        (["a", "b", "a"], "'a' again as class 2"),
    ):
        with pytest.raises(UserError, match=f"class must be one line, .* received {received}"):
            data.write_codes(tmp_path / "b", maps(), names)
    for lines, received in (
        ("", "none"),
        ("a\n\nb\n", "'' as class 1"),
        ("a\nb\n\n", "'' as class 2"),
        ("a\nb\na\n", "'a' again as class 2"),
    ):
        (tmp_path / "classes.txt").write_text(lines)
        with pytest.raises(UserError, match=f"must name a class on each line; received {received}"):
            data.open_source(f"codes:{tmp_path}/a")


@pytest.mark.parametrize("absent", [{}, {"label": []}])
def test_classes_are_those_of_all_records_not_of_the_first(tmp_path, caplog, absent):
    image = images.encode(pictures()[0]["image"])
    first = example(image=[image], codes=[1], shape=[1, 1], **absent)
    others = [example(image=[image], codes=[1], shape=[1, 1], label=[n]) for n in (2, 0)]
    write_raw(tmp_path / "a", [first, *others])
    for uri in (f"tfrecord:{tmp_path}/a", f"codes:{tmp_path}/a"):
        source = data.open_source(uri)
        assert source.class_names == ("0", "1", "2")
        found = source.maps() if uri.startswith("codes") else source.pictures()
        assert [item["label"] for item in found] == [2, 0] and source.skipped == 1
    assert caplog.text.count("a#0: label must lie in [0, 3), or be -1 for none; received none") == 2


def test_labels_of_another_type_or_name_are_not_passed_over(tmp_path, caplog):
    features = {"codes": [1], "shape": [1, 1]}
    write_raw(tmp_path / "a", [example(**features, label=[b"cat"])])
    words = 'none of its 1 records can be read.*feature "label" must be a int64_list; it is a bytes'
    with pytest.raises(UserError, match=words):
        list(data.open_source(f"codes:{tmp_path}/a").maps())
    write_raw(tmp_path / "b", [example(**features, speaker=[1], **{"x\n": [0]})])
    assert data.open_source(f"codes:{tmp_path}/b").class_names == ()
    assert "b: no record has a label; features that are not used: speaker, x\\n" in caplog.text
    assert data.open_source(f"codes:{tmp_path}/b", condition="speaker").class_names == ("0", "1")


def test_all_records_are_written_with_a_class_or_none(tmp_path):
    unknown = {"codes": np.zeros([1, 1], int)}
    data.write_codes(tmp_path / "a", [unknown, *maps()], ["x", "y"])
    found = data.open_source(f"codes:{tmp_path}/a")
    assert [item["label"] for item in found.maps()] == [-1, 1, 0] and found.skipped == 0
    image = {"image": pictures()[0]["image"]}
    for write, items in (
        (data.write_codes, [unknown, *maps()]),
        (data.write_images, [*pictures(), image]),
    ):
        with pytest.raises(UserError, match="some records have a label and some have none; give"):
            write(tmp_path / "b", items)
    assert not (tmp_path / "b").exists()


def test_files_of_bad_records_are_refused(tmp_path):
    write_raw(tmp_path / "a", [b"\xff", b"\xff"])
    with pytest.raises(UserError, match="none of its 2 pictures can be read"):
        list(data.open_source(f"tfrecord:{tmp_path}/a").pictures())
    with pytest.raises(UserError, match="none of its 2 records can be read"):
        list(data.open_source(f"codes:{tmp_path}/a").maps())


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


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"codes": np.zeros([2, 2])}, r"codes must be integers \[height, width, ...\]"),
        ({"codes": np.zeros(4, int)}, r"received int64 \[4\] of rank 2"),
        ({"codes": np.zeros([2, 2], int), "rank": 4}, "of rank 4"),
        ({"codes": np.full([2, 2], -1)}, "between 0 and 2147483647; received -1 to -1"),
        ({"codes": np.full([2, 2], 2**31)}, "received 2147483648"),
        ({"codes": np.zeros([0, 2], int)}, "received none"),
        ({"codes": np.zeros([2, 2], int), "label": 0.5}, "label must be an integer .*received 0.5"),
        ({"codes": np.zeros([2, 2], int), "label": 2**63}, "label must be an integer"),
    ],
)
def test_what_is_no_code_map_is_not_written(tmp_path, item, message):
    with pytest.raises(UserError, match=message):
        data.write_codes(tmp_path / "a", [item])
    assert not list(tmp_path.iterdir())


def test_other_classes_in_the_folder_are_refused_before_anything_is_written(tmp_path):
    pictures = [{"image": np.zeros((4, 4, 3), "uint8"), "label": 0}]
    maps = [{"codes": [[1, 2]], "label": 0}]
    data.write_images(tmp_path / "a", pictures, ["cat", "dog"])
    data.write_codes(tmp_path / "b", maps, ["cat", "dog"])
    for names in (["dog", "cat"], ["cat"], ["cat", "dog", "cow"]):
        for write, items in ((data.write_images, pictures), (data.write_codes, maps)):
            with pytest.raises(UserError, match="classes.txt names other classes; write the rec"):
                write(tmp_path / "c", items, names)
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "classes.txt"]
    assert (tmp_path / "classes.txt").read_text() == "cat\ndog\n"
    (tmp_path / "classes.txt").write_bytes(b"cat\r\ndog")  # the same, by another program
    assert data.write_images(tmp_path / "c", pictures, ["cat", "dog"]) == 1
    (tmp_path / "classes.txt").unlink()
    assert data.write_codes(tmp_path / "d", maps, ["cow"]) == 1
