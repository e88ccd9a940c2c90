import os
import random
import struct

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf

from tests.data.messages import example
from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import images
from vqvae_tf.errors import UserError

PICTURE = images.encode(np.full([6, 8, 3], 7, np.uint8))
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n{} loop\n"


def source_of(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return data.open_source(f"tfrecord:{path}")


GOOD = {"image": [PICTURE], "name": [b"good"], "label": [1]}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"image": [3]}, 'feature "image" must be a bytes_list; it is a int64_list'),
        ({"image": [0.5]}, 'feature "image" must be a bytes_list; it is a float_list'),
        ({"image": []}, 'no feature "image"'),
        ({"image": [b""]}, "not a readable picture"),
        ({"image": [PICTURE[:40]]}, "not a readable picture"),
        ({"image": [POSTSCRIPT]}, "not a readable picture (of no known format)"),
        ({"image": [PICTURE, PICTURE]}, '2 values of "image"; write one per record'),
        ({"name": [5]}, 'feature "name" must be a bytes_list'),
        ({"name": [0.5]}, 'feature "name" must be a bytes_list'),
        ({"label": [b"cat"]}, 'feature "label" must be a int64_list'),
        ({"label": [1.0]}, 'feature "label" must be a int64_list'),
        ({"label": []}, "label must lie in [0, 2), or be -1 for none; received none"),
        ({"label": [0, 1]}, "received 0, 1"),
        ({"label": [-2]}, "received -2"),
        ({"label": [2**62]}, "received 4611686018427387904"),
        ({"label": list(range(5000))}, "received 0, 1, 2"),
    ],
)
def test_malformed_features_are_named_and_skipped(tmp_path, caplog, features, message):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    source = source_of(tmp_path / "a", example(**GOOD | features), example(**GOOD))
    assert [picture["name"] for picture in source.pictures()] == ["good"]
    assert source.skipped == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("skipped a#0: ") and message in line and "\n" not in line


def test_random_features_give_pictures_or_lines(tmp_path, caplog):
    draws = random.Random(0)
    values = [0, 1, -1, 2**62, -(2**63), 0.5, float("nan"), b"", b"\xff\n\0", PICTURE, POSTSCRIPT]
    records = [example(**GOOD)]
    for _ in range(300):
        features = dict(GOOD)
        for name in draws.sample(sorted(features), draws.randint(1, 3)):
            kind = type(draws.choice(values))
            of_kind = [value for value in values if type(value) is kind]
            features[name] = draws.choices(of_kind, k=draws.choice((0, 1, 1, 3)))
        record = bytearray(example(**features))
        if draws.random() < 0.3:
            record[draws.randrange(len(record))] = draws.randrange(256)
        records.append(bytes(record))
    source = source_of(tmp_path / "a", *records)
    # A flipped byte may leave a label that is one, of a higher class.
    classes = len(source.class_names)
    assert source.class_names[:2] == ("0", "1") and classes <= 2**20
    found = list(source.pictures())
    assert 10 < len(found) < 250 and len(found) + source.skipped == len(records)
    for picture in found:
        assert picture["name"].isprintable()
        assert picture["image"].dtype == np.uint8 and -1 <= picture["label"] < classes
    assert all("\n" not in record.getMessage() for record in caplog.records)
    for memory_bytes in (2**30, 0):
        batches = data.batches(source, DataConfig(image_size=4), 4, 0, memory_bytes=memory_bytes)
        assert next(iter(batches))["image"].shape == (4, 4, 4, 3)


def test_a_record_too_large_for_a_picture_is_not_read(tmp_path, caplog):
    source_of(tmp_path / "a", example(**GOOD))
    header = struct.pack("<Q", 2**40)
    crc = google_crc32c.value(header)
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    with open(tmp_path / "a", "ab") as file:
        file.write(header + struct.pack("<I", masked))
        file.truncate(file.tell() + 2**40 + 4)  # sparse: takes no room on the disk
    source = data.open_source(f"tfrecord:{tmp_path}/a")
    assert [picture["name"] for picture in source.pictures()] == ["good"]
    assert "a#1: a record of 1,099,511,627,776 bytes" in caplog.text


def test_labels_that_can_be_no_class_make_no_classes(tmp_path):
    for label in (2**62, -(2**62), 2**31):
        source = source_of(tmp_path / "a", example(**GOOD | {"label": [label]}), example(**GOOD))
        assert source.class_names == ("0", "1")
        assert [picture["label"] for picture in source.pictures()] == [1]


def test_brackets_in_a_path_are_no_pattern(tmp_path):
    folder = tmp_path / "run[1]*"
    folder.mkdir()
    source = source_of(folder / "a", example(**GOOD))
    assert len(list(source.pictures())) == 1
    with pytest.raises(UserError, match="no file matches"):
        data.open_source(f"tfrecord:{folder}/b")


def test_pipes_are_no_shards(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="no file matches"):
        data.open_source(f"tfrecord:{tmp_path}/pipe")
