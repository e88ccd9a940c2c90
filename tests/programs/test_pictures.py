"""Folders of pictures of every kind, good and bad, go through the training program."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.programs.harness import TINY, assert_refused
from tests.small import picture


def huge_png() -> bytes:
    """The header of a picture of 60,000 x 60,000 pixels: 10 GB, were it decoded."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    chunks += struct.pack(">I", 1000) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + chunks


def train(call, folder, workdir):
    return call(
        "train", "--preset=photos", f"--data=folder:{folder}", f"--workdir={workdir}", *TINY
    )


@pytest.fixture
def good(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(picture(20, 24, number)).save(folder / f"good_{number}.png")
    return folder


def test_every_kind_of_pixels_trains_and_bad_files_are_named_skipped_and_counted(
    call, good, tmp_path, caplog
):
    grey = picture(20, 24, 2, channels=1)[..., 0]
    colour = Image.fromarray(picture(20, 24, 3))
    Image.fromarray(grey).save(good / "grey.png")
    colour.convert("RGBA").save(good / "alpha.png")
    Image.fromarray(grey).convert("LA").save(good / "grey_alpha.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(good / "16_bits.png")
    colour.convert("CMYK").save(good / "cmyk.jpg")
    colour.quantize(16).save(good / "palette.png")
    colour.convert("1").save(good / "one_bit.png")
    Image.fromarray(picture(3, 5)).save(good / "tiny.png")
    (good / "corrupt.png").write_bytes((good / "good_0.png").read_bytes()[:100])
    (good / "text.jpg").write_text("no picture")
    (good / "huge.png").write_bytes(huge_png())
    (good / "notes.txt").write_text("not looked at")
    workdir = tmp_path / "run"
    with caplog.at_level("WARNING"):
        outcome = train(call, good, workdir)
    assert outcome.code == 0, outcome
    with open(workdir / "evaluation.json") as file:
        results = json.load(file)
    assert results["pictures"] == 10 and results["skipped_pictures"] == 3
    skipped = [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()]
    assert len(skipped) == 3
    for name in ("corrupt.png", "text.jpg", "huge.png"):
        assert sum(name in line for line in skipped) == 1
    (huge,) = (line for line in skipped if "huge.png" in line)
    assert "3600000000 pixels" in huge or "60000 x 60000 pixels" in huge  # Pillow's bound or ours


def test_a_folder_without_pictures_is_refused(call, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "notes.txt").write_text("")
    outcome = train(call, tmp_path / "pictures", tmp_path / "run")
    assert outcome.code == 2
    *log, line = outcome.err.splitlines()
    assert any("1 files left out for their endings: .txt (1)" in each for each in log)
    assert "the folder holds no pictures; files must end in" in line and ".png" in line
    assert not os.path.exists(tmp_path / "run")


def test_a_folder_of_bad_pictures_alone_is_refused(call, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "huge.png").write_bytes(huge_png())
    outcome = train(call, tmp_path / "pictures", tmp_path / "run")
    assert_refused(outcome, f"none of its 1 pictures can be read: {tmp_path}/pictures/huge.png: ")
    assert not os.path.exists(tmp_path / "run")


def test_grey_models_take_colour_pictures(call, good, tmp_path):
    arguments = ("--preset=photos", f"--data=folder:{good}", f"--workdir={tmp_path / 'run'}")
    recolour = ("--config.data.channels=1", "--config.data.recolour_share=0")
    outcome = call("train", *arguments, *TINY, *recolour)
    assert outcome.code == 0, outcome
