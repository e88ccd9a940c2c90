import os

import numpy as np
import pytest
from PIL import Image

from tests.small import picture, results_in
from vqvae_tf import models, workflows, written_files
from vqvae_tf.errors import UserError


def test_reconstruct_writes_pictures_beside_their_reconstructions_and_codes(runs, tmp_path):
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path)) == 4
    names = ["dunes_a", "dunes_b", "waves_a", "waves_b"]
    assert results_in(tmp_path) == sorted(n + e for n in names for e in (".npz", ".png"))
    model = models.load(runs.model)
    original = np.asarray(Image.open(os.path.join(runs.pictures, "dunes", "b.png")))
    written = np.asarray(Image.open(tmp_path / "dunes_b.png"))
    np.testing.assert_array_equal(written[:27, :33], original)
    with np.load(tmp_path / "dunes_b.npz") as file:
        np.testing.assert_array_equal(file["codes"], model.encode(original[None])[0])
        reconstruction = model.decode(file["codes"][None])[0, :27, :33].numpy().astype(int)
    # Traced and eager sums may round otherwise in the last bit.
    assert np.abs(written[:27, -33:] - reconstruction).max() <= 1


def test_reconstruct_stops_at_the_count_and_keeps_pictures_of_one_name_apart(runs, tmp_path):
    pictures, output = tmp_path / "pictures", str(tmp_path / "output")
    pictures.mkdir()
    for name in ("a.bmp", "a.png", "b.png"):
        Image.fromarray(picture(8, 8)).save(pictures / name)
    assert workflows.reconstruct(runs.model, f"folder:{pictures}", output, count=2) == 2
    assert results_in(output) == ["a.npz", "a.png", "a_1.npz", "a_1.png"]


def test_files_that_no_job_wrote_are_never_replaced(runs, tmp_path):
    output, foreign = str(tmp_path), tmp_path / "dunes_b.npz"
    foreign.write_bytes(b"mine")
    for _ in range(2):
        with pytest.raises(UserError, match=r"dunes_b.npz exists, and vqvae_tf did not write it"):
            workflows.reconstruct(runs.model, runs.uri, output)
        assert foreign.read_bytes() == b"mine"
    foreign.unlink()
    for _ in range(2):
        assert workflows.reconstruct(runs.model, runs.uri, output) == 4
    with written_files.job(output):
        assert workflows.reconstruct(runs.model, runs.uri, output, count=1) == 1


def test_a_smaller_count_leaves_nothing_of_an_earlier_run(runs, tmp_path):
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path)) == 4
    assert workflows.reconstruct(runs.model, runs.uri, str(tmp_path), count=1) == 1
    assert results_in(tmp_path) == ["dunes_a.npz", "dunes_a.png"]
