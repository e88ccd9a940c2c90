import os
import random
import subprocess

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import disk, images
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


def test_pictures_beside_sub_folders_have_no_classes(tmp_path, caplog):
    save(tmp_path / "dog" / "1.png", 1)
    save(tmp_path / "2.png", 2)
    assert data.open_source(f"folder:{tmp_path}").class_names == ()
    assert (
        "no classes, since 1 of " in caplog.text and "files are in no sub-folder: " in caplog.text
    )


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
    with pytest.raises(UserError, match="no pictures; files must end in .avif, .bmp"):
        data.open_source(f"folder:{tmp_path}")


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match='there is no folder ".*absent"'):
        data.open_source(f"folder:{tmp_path}/absent")


def names(source):
    return [picture["name"] for picture in source.pictures()]


def test_links_in_circles_give_each_picture_once(tmp_path, caplog):
    save(tmp_path / "cat" / "1.png", 1)
    (tmp_path / "cat" / "up").symlink_to(tmp_path)
    (tmp_path / "cat" / "self").symlink_to(tmp_path / "cat")
    (tmp_path / "again").symlink_to(tmp_path / "cat")
    for name, target in (("dot", "."), ("above", ".."), ("root", "/")):
        (tmp_path / name).symlink_to(target)
    source = data.open_source(f"folder:{tmp_path}")
    assert names(source) == ["cat/1.png"]
    assert source.skipped == 6
    assert "again: a link to a folder that was already read" in caplog.text


def test_links_out_of_the_folder_are_followed(tmp_path):
    save(tmp_path / "elsewhere" / "1.png", 1)
    save(tmp_path / "elsewhere" / "2.png", 2)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "dog").mkdir()
    (tmp_path / "set" / "dog" / "3.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    source = data.open_source(f"folder:{tmp_path}/set")
    assert names(source) == ["cat/1.png", "cat/2.png", "dog/3.png"]
    assert (source.class_names, source.skipped) == (("cat", "dog"), 0)


def test_what_is_no_regular_file_is_named_and_skipped(tmp_path, caplog):
    save(tmp_path / "a.png", 1)
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "nothing.png").symlink_to(tmp_path / "absent")
    source = data.open_source(f"folder:{tmp_path}")
    assert source.stored_bytes > 0
    assert names(source) == ["a.png"]
    assert source.skipped == 4
    for name in ("pipe", "zero", "self", "nothing"):
        assert f"skipped {name}.png: no regular file" in caplog.text


def test_folders_that_cannot_be_read_are_named_and_skipped(tmp_path, caplog, monkeypatch):
    save(tmp_path / "a.png", 1)
    save(tmp_path / "closed" / "b.png", 1)
    scandir = os.scandir

    def refuse(path):
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    source = data.open_source(f"folder:{tmp_path}")
    assert (names(source), source.skipped) == (["a.png"], 1)
    assert "skipped closed: Permission denied" in caplog.text
    with pytest.raises(UserError, match="closed: Permission denied; give a folder that can be"):
        data.open_source(f"folder:{tmp_path}/closed")


@pytest.fixture
def deep(tmp_path):
    """A folder with a thousand folders in each other."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_000):
        os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield tmp_path
    subprocess.run(["rm", "-rf", tmp_path / "deeper"], check=True)  # Python's own recurses


def test_a_thousand_folders_in_each_other(deep, caplog):
    save(deep / "a.png", 1)
    save(deep.joinpath(*["deeper"] * 400) / "b.png", 2)
    source = data.open_source(f"folder:{deep}")
    # The system takes no path of more than 4,096 bytes.
    assert [name[-8:] for name in names(source)] == ["a.png", "er/b.png"]
    assert source.skipped == 1
    assert "File name too long" in caplog.text


def test_odd_names_are_read_and_written_in_one_line(tmp_path):
    odd = [b"caf\xe9", b"[ab]", b"*", b"two\nlines", b"-rf", "\u00e9".encode(), b"a;b 'c'"]
    for name in odd:
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        with open(os.path.join(folder, name + b".png"), "wb") as file:
            file.write(images.encode(np.full([6, 8, 3], 1, np.uint8)))
    source = data.open_source(f"folder:{tmp_path}")
    assert len(names(source)) == len(odd) and source.skipped == 0
    assert set(source.class_names) == {
        "caf\\xe9", "[ab]", "*", "two\\nlines", "-rf", "\u00e9", "a;b 'c'"
    }  # fmt: skip
    for name in (*names(source), *source.class_names):
        assert name.encode() and name.isprintable()
    inner = data.open_source("folder:" + os.fsdecode(os.path.join(os.fsencode(tmp_path), odd[0])))
    assert names(inner) == ["caf\\xe9.png"]


def test_endings(tmp_path, caplog):
    endings = (".jfif", ".JPE", ".avif", ".pnm", "")
    for number, ending in enumerate(endings):
        save(tmp_path / f"{number}{ending}", 50)
    for name in ("README", "notes.txt", "more.txt", "photo.heic"):
        (tmp_path / name).write_text("no picture")
    source = data.open_source(f"folder:{tmp_path}")
    assert names(source) == [f"{number}{ending}" for number, ending in enumerate(endings)]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("4 files left out for their endings: .txt (2), none (1), .heic (1)")


def test_folders_of_anything_open_or_are_refused_in_one_line(tmp_path):
    draws = random.Random(0)
    parts = [b"a", b"B.png", b"c.jpg", b"\xff.png", b".hidden", b"d\n.gif", b"[x", b"e.txt", b"f"]
    for number in range(40):
        root = os.path.join(os.fsencode(tmp_path), str(number).encode())
        folders = [root]
        os.mkdir(root)
        good = 0
        for _ in range(draws.randrange(12)):
            path = os.path.join(draws.choice(folders), draws.choice(parts))
            if os.path.lexists(path):
                continue
            kind = draws.randrange(5)
            if kind == 0:
                os.mkdir(path)
                folders.append(path)
            elif kind == 1:
                os.symlink(draws.choice([*folders, path, b"/dev/zero", b"absent"]), path)
            elif kind == 2:
                os.mkfifo(path)
            else:
                with open(path, "wb") as file:
                    file.write(images.encode(np.zeros([2, 3, 3], np.uint8)) if kind == 3 else b"x")
                hidden = b"/.hidden" in path[len(root) :]
                good += kind == 3 and not hidden and not path.endswith(b".txt")
        try:
            source = data.open_source("folder:" + os.fsdecode(root))
            found = names(source)
        except UserError as error:
            assert good == 0 and str(error).isprintable()
        else:
            assert len(set(found)) == len(found) == good > 0
            assert all(map(str.isprintable, found))


def test_printable_names_stay_as_they_are():
    for name in ("a.png", "\u00fc\u00f1 \u732b.jpg", "back\\slash"):
        assert disk.printable(name) == name
