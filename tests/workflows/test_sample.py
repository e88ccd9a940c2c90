import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from tests.small import results_in
from vqvae_tf import workflows
from vqvae_tf.errors import UserError
from vqvae_tf.training.workdir import SCHEMA_VERSION
from vqvae_tf.workflows.sample import class_number


@pytest.fixture(scope="module")
def samples(runs, tmp_path_factory):
    """What four samples of the class `waves` wrote."""
    output = str(tmp_path_factory.mktemp("samples"))
    return output, workflows.sample(runs.prior, output, count=4, seed=1, label="waves")


def codes_in(folder):
    with np.load(os.path.join(folder, "codes.npz")) as file:
        return file["codes"]


def test_samples_are_written_with_a_sheet_and_their_codes(runs, samples):
    output, written = samples
    names = ["sheet.png", *(f"sample_00{number}.png" for number in range(4)), "codes.npz"]
    assert [os.path.basename(path) for path in written] == names
    assert results_in(output) == sorted(names)
    codes = codes_in(output)
    assert codes.shape == (4, 4, 4) and codes.dtype == np.int32
    picture_of_one = np.asarray(Image.open(written[2]))
    _, autoencoder = workflows.load_pair(runs.prior)
    np.testing.assert_array_equal(picture_of_one, autoencoder.decode(codes)[1])
    assert Image.open(written[0]).size >= (32, 32)


@pytest.mark.parametrize("name", ["sheet.png", "sample_001.png", "codes.npz"])
def test_files_that_no_job_wrote_are_refused_before_sampling(runs, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "sample.txt").write_bytes(b"mine")
    monkeypatch.setattr(sys.modules["vqvae_tf.workflows.sample"], "_draw", None)
    with pytest.raises(UserError, match=f"{name} exists, and vqvae_tf did not write it or it has"):
        workflows.sample(runs.prior, str(tmp_path), count=1)
    assert (tmp_path / name).read_bytes() == b"mine"
    monkeypatch.undo()
    (tmp_path / name).unlink()
    for seed in (1, 2):
        workflows.sample(runs.prior, str(tmp_path), count=1, seed=seed)


def test_sample_three_is_the_same_of_four_and_of_eight(runs, samples, tmp_path):
    workflows.sample(runs.prior, str(tmp_path), count=8, seed=1, label="waves")
    np.testing.assert_array_equal(codes_in(samples[0]), codes_in(tmp_path)[:4])


def test_blocks_are_drawn_as_one(runs, tmp_path, monkeypatch):
    given = np.full([5, 2, 2], -1)
    given[:, 0, 0] = range(5)
    np.savez(tmp_path / "given.npz", codes=given)
    drawn = []
    for block in (16, 2):
        monkeypatch.setattr(sys.modules["vqvae_tf.workflows.sample"], "BLOCK", block)
        output = str(tmp_path / str(block))
        prefix = str(tmp_path / "given.npz")
        written = workflows.sample(runs.prior, output, count=5, seed=1, prefix=prefix)
        assert len(written) == 7
        drawn.append(codes_in(output))
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_array_equal(drawn[0][:, 0, 0], range(5))
    with pytest.raises(UserError, match="5 grids of given codes for 4 samples; give one, or 4"):
        workflows.sample(runs.prior, output, count=4, prefix=prefix)


def test_classes_go_by_name_or_number(runs, samples, tmp_path):
    workflows.sample(runs.prior, str(tmp_path), count=4, seed=1, label="1")
    np.testing.assert_array_equal(codes_in(samples[0]), codes_in(tmp_path))
    assert class_number(runs.prior, "label", "dunes") == 0
    for unknown in ("wave", "2", "-1"):
        with pytest.raises(UserError, match=f'unknown label "{unknown}"; .*dunes, waves'):
            class_number(runs.prior, "label", unknown)
    with pytest.raises(UserError, match="takes no --speaker but --label, one of dunes, waves"):
        workflows.sample(runs.prior, str(tmp_path), speaker="dunes")
    with pytest.raises(UserError, match="holds no prior but a model of family image"):
        workflows.sample(runs.model, str(tmp_path), label="dunes")
    with pytest.raises(UserError, match="nearest: waves"):
        class_number(runs.prior, "label", "wave")


def test_actions_are_not_named_for_samples(tmp_path):
    record = {"family": "video_prior", "config": {"condition": "actions"}, "class_names": ["noop"]}
    (tmp_path / "config.json").write_text(json.dumps({"schema": SCHEMA_VERSION, **record}))
    with pytest.raises(UserError, match="name actions in vqvae-rollout, or leave --label out"):
        class_number(str(tmp_path), "label", "noop")


def test_given_codes_stay(runs, tmp_path):
    given = np.full([1, 3, 5], -1)
    given[0, :2, :3] = 5
    np.savez(tmp_path / "given.npz", codes=given)
    output = tmp_path / "samples"
    workflows.sample(runs.prior, str(output), count=2, prefix=str(tmp_path / "given.npz"))
    codes = codes_in(output)
    assert codes.shape == (2, 3, 5) and (codes[:, :2, :3] == 5).all()


def test_wrong_arguments_are_refused_before_any_work(runs, tmp_path):
    for options, message in (
        ({"count": 0}, "count must be at least 1; received 0"),
        ({"label": "-1"}, 'unknown label "-1"'),
        ({"label": "9" * 5_000}, r'unknown label "9{80}\.\.\."; all: dunes, waves'),
        ({"label": "a\nb"}, r'unknown label "a\\nb"'),
        ({"grid": (2_000, 2_000)}, "2000 x 2000 has more than 1,048,576 codes"),
        ({"grid": (4,)}, "grid must be .height, width."),
    ):
        with pytest.raises(UserError, match=message) as error:
            workflows.sample(runs.prior, str(tmp_path / "samples"), **options)
        assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_prefix_that_cannot_be_the_prior_s_is_refused(runs, tmp_path):
    path, output = str(tmp_path / "given.npz"), str(tmp_path / "samples")
    np.savez(path, codes=np.full([1, 3, 3], 16))
    with pytest.raises(UserError, match="given.npz holds codes from 16 to 16; .* 0 and 15"):
        workflows.sample(runs.prior, output, prefix=path)
    np.savez(path, codes=np.zeros([1, 3, 3], int))
    with pytest.raises(UserError, match=r"must hold integers of shape .*received int32 of shape"):
        workflows.sample(runs.prior, output, prefix=path, grid=(3, 4))
    with pytest.raises(UserError, match="cannot read codes from .*absent.npz"):
        workflows.sample(runs.prior, output, prefix=str(tmp_path / "absent.npz"))
    assert not os.path.exists(output)


def test_a_smaller_count_leaves_no_sample_of_an_earlier_run(runs, tmp_path):
    output = str(tmp_path)
    workflows.sample(runs.prior, output, count=3, seed=1)
    (tmp_path / "notes.txt").touch()
    written = workflows.sample(runs.prior, output, count=2, seed=2)
    names = sorted(os.path.basename(path) for path in written)
    assert names == ["codes.npz", "sample_000.png", "sample_001.png", "sheet.png"]
    assert results_in(output) == sorted([*names, "notes.txt"]) and len(codes_in(output)) == 2
