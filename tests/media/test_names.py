import os
import random

import pytest

from tests.small import picture, results_in
from vqvae_tf import data, workflows
from vqvae_tf.data import images
from vqvae_tf.errors import UserError
from vqvae_tf.media.output_files import new_name

ODD = (
    *("a", "a", "a_1", "a_2", "A", "", ".", "..", "../../etc/passwd", "/root/x.png", "x/", ".png"),
    *("nul\0", "two\nlines", "caf\udce9", "\ud800", "*?[", "é" * 300, "é" * 301, "猫" * 999),
    *("a\\b", "~", "-rf", " ", "con", "a" * 255 + ".png", "a" * 255 + ".jpg"),
)


def test_every_name_gives_a_file_of_its_own(tmp_path):
    draws = random.Random(0)
    letters = "aA1._-/\\\0\n é猫\udce9\ud800"
    fuzzed = ["".join(draws.choices(letters, k=draws.randrange(300))) for _ in range(200)]
    names = set()
    for name in (*ODD, *fuzzed):
        new = new_name(name, names)
        assert new.isprintable() and "/" not in new and not new.startswith(".")
        (tmp_path / f".{new}.original.wav.part").touch()  # the longest that is made of it
        path = tmp_path / f"{new}.png"
        assert not path.exists()
        path.touch()
    assert len(names) == len(ODD) + 200


def test_files_of_several_endings_do_not_meet():
    names, files = set(), set()
    for name in ("x.original.wav", "x.wav", "X.wav", "x.original.original.wav"):
        new = new_name(name, names, ("", ".original"))
        both = {f"{new}.wav".casefold(), f"{new}.original.wav".casefold()}
        assert not files & both
        files |= both


def test_plain_names_stay_as_they_are():
    assert new_name("holiday 2024/é.jpg", set()) == "holiday 2024_é"


def test_records_of_odd_names_are_reconstructed(runs, tmp_path):
    names = ["../up", "a", "a", "nul\0", "x" * 300, ".hidden"]
    items = [{"name": name, "image": picture(8, 8)} for name in names]
    data.write_images(tmp_path / "records", items)
    output = tmp_path / "deep" / "output"
    uri = f"tfrecord:{tmp_path}/records"
    assert workflows.reconstruct(runs.model, uri, str(output)) == len(names)
    written = results_in(output)
    assert len(written) == 2 * len(names)
    assert sorted(os.listdir(tmp_path)) == ["deep", "records"]
    for name in written:
        assert name.endswith(".npz") or images.read(output / name).shape == (8, 20, 3)


@pytest.mark.parametrize("output", ["", "dunes", "new", "../pictures/"])
def test_the_pictures_themselves_are_never_written_over(runs, output):
    folder = os.path.join(runs.pictures, output)
    with pytest.raises(UserError, match="is in the folder of the data"):
        workflows.reconstruct(runs.model, runs.uri, folder)
    assert sorted(os.listdir(runs.pictures)) == ["dunes", "waves"]
