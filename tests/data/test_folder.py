import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import images
from vqvae_tf.errors import UserError


def save(path, value, size=(6, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(images.encode(np.full([*size, 3], value, np.uint8)))


def test_pictures_come_in_the_order_of_their_paths(tmp_path):
    save(tmp_path / "b.PNG", 2)
    save(tmp_path / "a.png", 1)
    save(tmp_path / ".hidden.png", 9)
    save(tmp_path / ".cache" / "c.png", 9)
    (tmp_path / "notes.txt").write_text("no picture")
    source = data.open_source(f"folder:{tmp_path}")
    assert [(p["name"], p["image"].max(), p["label"]) for p in source.pictures()] == [
        ("a.png", 1, None),
        ("b.PNG", 2, None),
    ]
    assert (len(source), source.class_names, source.skipped) == (2, (), 0)


def test_immediate_sub_folders_are_the_classes(tmp_path):
    save(tmp_path / "dog" / "1.png", 1)
    save(tmp_path / "cat" / "deep" / "2.png", 2)
    (tmp_path / "empty").mkdir()
    source = data.open_source(f"folder:{tmp_path}/")
    assert source.class_names == ("cat", "dog")
    assert [(p["name"], p["label"]) for p in source.pictures()] == [
        ("cat/deep/2.png", 0),
        ("dog/1.png", 1),
    ]


def test_pictures_beside_sub_folders_have_no_classes(tmp_path):
    save(tmp_path / "dog" / "1.png", 1)
    save(tmp_path / "2.png", 2)
    assert data.open_source(f"folder:{tmp_path}").class_names == ()


@pytest.mark.parametrize("memory_bytes", [2**30, 0])
def test_one_damaged_picture_is_named_skipped_and_counted(tmp_path, caplog, memory_bytes):
    for number in range(4):
        save(tmp_path / f"{number}.png", 50 * number)
    (tmp_path / "2.png").write_bytes(b"damaged")
    source = data.open_source(f"folder:{tmp_path}")
    config = DataConfig(image_size=4)
    dataset = data.batches(source, config, 8, seed=0, memory_bytes=memory_bytes)
    seen = {int(v) for b in dataset.take(20).as_numpy_iterator() for v in b["image"].ravel()}
    assert seen == {0, 50, 150}
    assert [picture["name"] for picture in source.pictures()] == ["0.png", "1.png", "3.png"]
    assert source.skipped == 1
    warnings = [record.getMessage() for record in caplog.records if "2.png" in record.getMessage()]
    assert len(warnings) == 1
    assert warnings[0].startswith("skipped ")


def test_pictures_of_an_absurd_size_are_skipped(tmp_path):
    save(tmp_path / "a.png", 1, size=(10, 10))
    save(tmp_path / "b.png", 2, size=(11, 10))
    source = data.open_source(f"folder:{tmp_path}", max_pixels=100)
    assert [picture["name"] for picture in source.pictures()] == ["a.png"]
    assert source.skipped == 1


def test_a_folder_of_damaged_pictures_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"damaged")
    (tmp_path / "b.png").write_bytes(b"damaged")
    source = data.open_source(f"folder:{tmp_path}")
    for memory_bytes in (2**30, 0):
        with pytest.raises(UserError, match="none of its 2 pictures can be read"):
            data.batches(source, DataConfig(), 4, seed=0, memory_bytes=memory_bytes)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="the folder holds no pictures; files must end in .bmp"):
        data.open_source(f"folder:{tmp_path}")


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match='there is no folder ".*absent"'):
        data.open_source(f"folder:{tmp_path}/absent")
