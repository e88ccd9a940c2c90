import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.errors import UserError

MAPS = [
    {"codes": np.arange(30).reshape(5, 6), "label": 3},
    {"codes": 100 + np.arange(16).reshape(4, 4), "label": 1},
]


def some(maps, count, **options):
    options = {"crop": (3, 3), "batch_size": 4, "seed": 0} | options
    return list(data.code_batches(maps, **options).take(count).as_numpy_iterator())


def test_shapes_are_static():
    assert data.code_batches(MAPS, (3, 3), 4, seed=0).element_spec == {
        "codes": tf.TensorSpec([4, 3, 3, 1], tf.int32),
        "label": tf.TensorSpec([4], tf.int32),
    }


def test_an_epoch_is_every_window_of_every_map():
    batches = some(MAPS, 4)  # 3 * 4 + 2 * 2 windows
    windows = [window for batch in batches for window in batch["codes"]]
    labels = [label for batch in batches for label in batch["label"]]
    expected = {
        item["codes"][y : y + 3, x : x + 3].astype(np.int32).tobytes(): item["label"]
        for item in MAPS
        for y in range(item["codes"].shape[0] - 2)
        for x in range(item["codes"].shape[1] - 2)
    }
    found = {window.tobytes(): label for window, label in zip(windows, labels, strict=True)}
    assert found == expected


def test_batches_are_a_function_of_seed_and_step():
    whole = some(MAPS, 12)
    for start in (0, 5, 9):
        part = some(MAPS, 3, start_step=start)
        for first, second in zip(whole[start : start + 3], part, strict=True):
            assert np.array_equal(first["codes"], second["codes"])
            assert np.array_equal(first["label"], second["label"])
    assert not np.array_equal(whole[0]["codes"], some(MAPS, 1, seed=1)[0]["codes"])


def test_without_labels():
    assert set(some([{"codes": np.zeros([3, 3], int), "label": None}], 1)[0]) == {"codes"}


def test_slots_stay():
    codes = np.arange(4 * 4 * 10).reshape(4, 4, 10)
    batch = some([{"codes": codes}], 1, crop=(4, 4))[0]
    assert np.array_equal(batch["codes"][0], codes)


def test_sequences_have_a_grid_of_one_axis():
    sequences = [{"codes": np.arange(9), "rank": 1}, {"codes": 50 + np.arange(5), "rank": 1}]
    batch = some(sequences, 1, crop=(4,), batch_size=8)[0]
    assert batch["codes"].shape == (8, 4, 1) and np.all(np.diff(batch["codes"], axis=1) == 1)
    stages = [{"codes": np.arange(18).reshape(9, 2), "rank": 1}]
    assert some(stages, 1, crop=(4,), batch_size=8)[0]["codes"].shape == (8, 4, 2)


def test_a_source_gives_what_its_maps_give(tmp_path):
    data.write_codes(tmp_path / "a", MAPS)
    source = data.open_source(f"codes:{tmp_path}/a")
    for first, second in zip(some(source, 3), some(MAPS, 3), strict=True):
        assert np.array_equal(first["codes"], second["codes"])
        assert np.array_equal(first["label"], second["label"])


@pytest.mark.parametrize(
    ("maps", "options", "message"),
    [
        (
            MAPS,
            {"crop": (5, 5)},
            "a crop of 5 x 5 codes does not fit all maps, whose smallest sides are 4 x 4",
        ),
        (MAPS, {"crop": (0, 3)}, "crop >= 1"),
        (MAPS, {"crop": (3,)}, "needs code maps of rank 1; received one of rank 2"),
        (MAPS, {"batch_size": 0}, "batch_size >= 1"),
        (MAPS, {"start_step": -1}, "start_step >= 0"),
        ([], {}, "no code maps"),
        ([*MAPS, {"codes": MAPS[0]["codes"]}], {}, "some have none; give one to all"),
        ([*MAPS, {"codes": np.zeros([4, 4, 2], int), "label": 0}], {}, "slots differ"),
        (
            [{"codes": np.full([4, 4], 1.7)}],
            {},
            r"must be integers with 2 axes.* float64 \[4, 4\]",
        ),
        ([{"codes": np.full([4, 4], 2**40 + 1)}], {}, "between 0 and 2147483647"),
        ([{"codes": np.full([4, 4], -1)}], {}, "received -1 to -1"),
        ([{"codes": np.zeros([4, 4, 4], int), "rank": 3}], {}, "received one of rank 3"),
        (
            [{"codes": np.zeros([4], int)}],
            {},
            r"of rank 2 must be integers with 2 axes.*received int64 \[4\]",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(maps, options, message):
    with pytest.raises(UserError, match=message):
        some(maps, 1, **options)


def episodes(*lengths, dims=None):
    """Maps of videos whose codes and actions tell the frame."""
    for number, time in enumerate(lengths):
        frame = 10 * number + np.arange(time)
        actions = frame if dims is None else np.tile(frame[:, None] / 2.0, dims)
        codes = np.tile(frame[:, None, None], (2, 3))
        yield {"codes": codes, "rank": 3, "actions": actions}


@pytest.mark.parametrize("dims", [None, 2])
def test_windows_in_time_keep_the_actions_of_their_frames(dims, tmp_path):
    maps = list(episodes(5, 4, 9, dims=dims))
    names = () if dims else map(str, range(30))
    data.write_codes(tmp_path / "a", maps, names, "actions")
    source = data.open_source(f"codes:{tmp_path}/a", condition="actions")
    options = {"crop": (4, 2, 3), "batch_size": 3, "condition": "actions"}
    for given in (maps, source):
        batches = some(given, 3, **options)  # 2 + 1 + 6 windows
        starts = []
        for batch in batches:
            assert batch["codes"].shape == (3, 4, 2, 3, 1)
            frame = batch["codes"][..., 0, 0, 0]
            assert np.all(batch["codes"][..., 0] == frame[..., None, None])
            expected = frame if dims is None else np.stack([frame / 2] * dims, -1)
            np.testing.assert_array_equal(batch["actions"], expected)
            starts += frame[:, 0].tolist()
        assert sorted(starts) == [0, 1, 10, 20, 21, 22, 23, 24, 25]


def test_actions_of_another_length_or_a_window_in_space_are_refused():
    (item,) = episodes(5)
    for changes, crop, words in (
        ({"actions": np.zeros(4, int)}, (2, 2, 3), "one for each frame; received 4 for a map of 5"),
        ({}, (2, 2, 2), "spans the whole frame; received 2 x 2 for frames of 2 x 3 codes"),
    ):
        with pytest.raises(UserError, match=words):
            data.code_batches([item | changes], crop, 2, seed=0, condition="actions")


def test_records_with_actions_that_do_not_fit_are_skipped(tmp_path, caplog):
    good, short, far = (item for item in episodes(3, 3, 3))
    short["actions"], far["actions"] = short["actions"][:2], np.array([0, 1, 99])
    data.write_codes(tmp_path / "a", [good, short, far], map(str, range(30)), "actions")
    source = data.open_source(f"codes:{tmp_path}/a", condition="actions")
    assert len(list(source.maps())) == 1 and source.skipped == 2
    assert "for each of 3 frames; received 2 numbers" in caplog.text
