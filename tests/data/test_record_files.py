import os
import random

import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.data import record_files
from vqvae_tf.errors import UserError


def write(path, maps):
    data.write_codes(path, [{"codes": np.asarray(codes)} for codes in maps])


def codes_in(path):
    source = data.open_source(f"codes:{path}")
    return [item["codes"].tolist() for item in source.maps()], source.skipped


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
        writer.write(b"record")
    with pytest.raises(UserError, match="compressed; write TFRecords without compression"):
        data.open_source(f"codes:{tmp_path}/a")


def test_a_length_that_begins_as_a_compressed_file_does_is_a_length(tmp_path):
    contents = [bytes(0x8B1F), b"x", bytes(0x18B1F)]
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        for content in contents:
            writer.write(content)
    files = record_files.RecordFiles("test", [str(tmp_path / "a")])
    assert [files.read(n) for n in range(len(files))] == contents


def test_empty_files_are_refused(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="hold no record"):
        data.open_source(f"codes:{tmp_path}/a")


def test_flipped_bits_lose_one_record_or_end_the_file(tmp_path, caplog):
    path = tmp_path / "a"
    maps = [[[1, 2]], [[3, 4]], [[5, 6]]]
    write(path, maps)
    whole = path.read_bytes()
    size = len(whole) // 3
    for offset, found, words in (
        (size + 12 + 5, [maps[0], maps[2]], "a#1: damaged, its checksum differs"),
        (2 * size - 1, [maps[0], maps[2]], "a#1: damaged, its checksum differs"),
        (size + 2, maps[:1], "a: damaged after record 1"),
        (size + 9, maps[:1], "a: damaged after record 1"),
    ):
        caplog.clear()
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 4]) + whole[offset + 1 :])
        assert codes_in(path) == (found, 1)
        assert words in caplog.text


def test_mutated_files_give_what_was_written_or_a_line(tmp_path):
    draws = random.Random(0)
    maps = [[[n, n + 1], [7, 300 * n]] for n in range(5)]
    write(tmp_path / "whole", maps)
    whole = (tmp_path / "whole").read_bytes()
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draws.randint(1, 3)):
            place = draws.randrange(len(content))
            match draws.randrange(4):
                case 0:
                    content[place] ^= 1 << draws.randrange(8)
                case 1:
                    del content[place:]
                case 2:
                    content[place:place] = draws.randbytes(draws.randint(1, 20))
                case 3:
                    del content[place : place + draws.randint(1, 20)]
            if not content:
                break
        (tmp_path / "a").write_bytes(content)
        try:
            found, skipped = codes_in(tmp_path / "a")
        except UserError as error:
            assert "\n" not in str(error)
        else:
            assert [codes for codes in maps if codes in found] == found  # in order, none altered
            assert skipped or len(found) == 5


def test_what_tensorflow_writes_is_read(tmp_path):
    contents = [b"", b"x", os.urandom(100_000)]
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        for content in contents:
            writer.write(content)
    files = record_files.RecordFiles("test", [str(tmp_path / "a")])
    assert [files.read(n) for n in range(3)] == contents


def test_only_files_are_shards(tmp_path):
    write(tmp_path / "a.1", [[[1]]])
    write(tmp_path / ".a.2", [[[2]]])
    (tmp_path / "a.3").mkdir()
    os.mkfifo(tmp_path / "a.4")
    (tmp_path / "a.5").symlink_to("a.5")
    assert record_files.shards("test", f"{tmp_path}/*a.*") == [str(tmp_path / "a.1")]
    with pytest.raises(UserError, match=r'test: no file matches ".*\.4"; give the path or glob'):
        record_files.shards("test", f"{tmp_path}/a.4")


def test_a_file_is_opened_whatever_its_path_holds(tmp_path):
    folder = tmp_path / "run[1] *?"
    write(folder / "codes[0].tfrecord", [[[1, 2]]])
    path = str(folder / "codes[0].tfrecord")
    (item,) = data.CodeRecords(f"codes:{path}", [path]).maps()
    assert item["codes"].tolist() == [[1, 2]]
