import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.errors import UserError


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("embeded:photos", r'unknown data source "embeded:photos".*nearest: embedded'),
        ("photos", "give SCHEME:NAME"),
        ("/some/path", r"all: codes, embedded, folder, tfds, tfrecord"),
        ("folder:", "has no name; give folder:NAME"),
        ("embedded:photo", r'unknown name "photo"; nearest: photos'),
        ("embedded:photos/regions", r'unknown split "regions"; nearest: region'),
        ("tfrecord:/absent/*.tfrecord", "no file matches"),
        ("codes:/absent/*.tfrecord", "no file matches"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_line(uri, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_source(uri)
    assert "\n" not in str(error.value)


def test_code_maps_give_no_pictures(tmp_path):
    data.write_codes(tmp_path / "a.tfrecord", [{"codes": [[1, 2], [3, 4]]}])
    source = data.open_source(f"codes:{tmp_path}/*.tfrecord")
    with pytest.raises(UserError, match="holds no pictures"):
        data.batches(source, DataConfig(), 4, seed=0)


def test_pictures_give_no_code_maps():
    with pytest.raises(UserError, match="embedded:photos: holds no code maps"):
        data.code_batches(data.open_source("embedded:photos"), (4, 4), 4, seed=0)


@pytest.mark.parametrize(
    "uri",
    ["folder:none://a", "folder:a\nb", "folder:a\0b", "folder:caf\udce9", "tfrecord:none://*",
     "tfrecord:a\0b", "tfrecord:a\udce9*", "embedded:a\nb", "a\nb:c", "\0", "tfds:a\nb"],
)  # fmt: skip
def test_odd_uris_are_refused_in_one_line(uri):
    with pytest.raises(UserError) as error:
        data.open_source(uri)
    assert str(error.value).isprintable()
