import os
import pathlib
import signal
import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.data.first_person import doom, maze, source, walks
from vqvae_tf.data.first_person.engine import FORWARD, TURN_LEFT, TURN_RIGHT
from vqvae_tf.errors import UserError

SPLITS = ("train", "validation", "test")


@pytest.fixture(name="world", params=["doom", "labmaze"])
def fixture_world(request):
    pytest.importorskip("vizdoom" if request.param == "doom" else "labmaze")
    return request.param


def opened(world, split=""):
    return data.open_episodes(f"embedded:{world}_small{split and '/' + split}")


def test_splits_are_different_walks(world):
    other = source.WORLDS[world].other
    episodes = {split: list(opened(world, split).episodes()) for split in (*SPLITS, other)}
    assert [len(each) for each in episodes.values()] == [8, 3, 3, 3]
    walked = [episode for each in episodes.values() for episode in each]
    assert len({episode["name"] for episode in walked}) == 17
    assert len({episode["frames"].tobytes() for episode in walked}) == 17
    for episode in walked:
        frames, actions = episode["frames"], episode["actions"]
        assert frames.dtype == np.uint8 and frames.shape[1:] == (32, 32, 3)
        assert 8 < len(frames) <= 48  # those of Doom end early where the goal is found
        assert actions.dtype == np.int32 and actions.shape == (len(frames),)
    taken = np.concatenate([episode["actions"] for episode in episodes["train"]])
    assert set(taken) >= {FORWARD, TURN_LEFT, TURN_RIGHT} and set(taken) <= set(range(4))


def test_the_future_of_the_recorded_actions_is_what_was_recorded(world):
    walked = opened(world)
    assert walked.has_futures and walked.class_names[FORWARD] == "forward"
    frames, actions = walked.read(2)["frames"], walked.read(2)["actions"]
    poses = walked.walk(2).poses
    for start in (0, 30):
        future = walked.true_future(2, start, actions[start : start + 6])
        np.testing.assert_array_equal(future.frames, frames[start + 1 : start + 7])
        np.testing.assert_array_equal(future.poses, poses[start : start + 7])


def test_other_actions_have_their_own_future(world):
    walked = opened(world)
    left, right = (walked.true_future(0, 10, [turn] * 5) for turn in (TURN_LEFT, TURN_RIGHT))
    for future, sign in ((left, 1), (right, -1)):
        turned = (np.diff(future.poses[:, 2]) + 180) % 360 - 180  # counter-clockwise
        # Doom turns four times a step, each time by an angle of 16 bits.
        np.testing.assert_allclose(turned, sign * 10.62, atol=4 * 360 / 2**16)
    # The view moves against the turn, by one code of 4 pixels in the middle of the picture.
    for future, sign in ((left, 1), (right, -1)):
        before, after = future.frames[:-1].astype(float), future.frames[1:].astype(float)
        errors = {
            shift: np.square(np.roll(before, shift, 2) - after)[:, :, 12:20].mean()
            for shift in range(-6, 7)
        }
        assert abs(min(errors, key=errors.get) - 4 * sign) <= 1, errors
    forward = walked.true_future(0, 10, [FORWARD] * 5)
    assert not np.array_equal(forward.frames, left.frames)


def test_the_same_seed_gives_the_same_walk_in_another_engine(world):
    described, size = source.WORLDS[world], source.SIZES["_small"]
    other = described.engine(size.side, size.degrees, *described.usual)
    other.start(3)  # what was seen before makes no difference
    walk = walks.record(other, 1, size.steps)
    np.testing.assert_array_equal(walk.frames, opened(world).walk(1).frames)
    np.testing.assert_array_equal(walk.actions, opened(world).walk(1).actions)


def test_grey_frames(world):
    frames = opened(world).read(0, channels=1)["frames"]
    colour = opened(world).read(0)["frames"].astype(float)
    assert frames.shape == (*colour.shape[:3], 1)
    luma = colour @ [0.299, 0.587, 0.114]
    assert np.abs(frames[..., 0] - luma).max() < 0.51  # rounded, with weights of 16 bits


def test_nothing_is_left_in_the_working_directory(tmp_path, monkeypatch):
    pytest.importorskip("vizdoom")
    monkeypatch.chdir(tmp_path)
    engine = doom.DoomEngine(32, 8.0, "my_way_home", "map01")
    engine.start(0)
    engine.act(FORWARD)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda walked: walked.true_future(0, 48, [1]), "start must be at most 47"),
        (lambda walked: walked.true_future(0, 0, [4]), "actions must lie below 4; received 4"),
        (lambda walked: walked.true_future(0, 0, []), "actions"),
        (lambda walked: walked.read(8), "index must be at most 7"),
        (lambda walked: data.open_episodes("embedded:labmaze/tset"), 'unknown split "tset"'),
        (lambda walked: data.open_episodes("embedded:labmaz"), 'unknown name "labmaz"'),
        (lambda walked: data.open_episodes("embedded:doom/other_style"), "unknown split"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(UserError, match=words) as error:
        call(opened("labmaze"))
    assert "\n" not in str(error.value)


def test_a_package_that_does_not_fit_another_one_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "labmaze.py").write_text("raise ValueError('numpy.dtype size changed\\nor so')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "labmaze", raising=False)
    monkeypatch.delitem(sys.modules, "labmaze.assets", raising=False)
    with pytest.raises(UserError, match=r"labmaze.*\(numpy.dtype size changed\); install it with"):
        maze.package()


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr(source, "_engine", source._engine.__wrapped__)
    monkeypatch.setitem(sys.modules, "labmaze", None)
    with pytest.raises(UserError, match=r"cannot import labmaze .*vqvae_tf\[video\]"):
        data.open_episodes("embedded:labmaze_small")
    monkeypatch.setattr(doom.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package vizdoom.*vqvae_tf\[video\]"):
        data.open_episodes("embedded:doom_small")


def test_an_engine_that_does_not_run_is_one_line():
    pytest.importorskip("vizdoom")
    with pytest.raises(UserError, match=r"ViZDoom does not run here \(.*no_such_scenario.wad"):
        doom.DoomEngine(32, 8.0, "no_such_scenario", "map01").start(0)


def children(parent):
    threads = pathlib.Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


@pytest.mark.parametrize("killed", ["process", "engine"])
def test_an_engine_that_is_killed_is_one_line_and_starts_again(killed):
    pytest.importorskip("vizdoom")
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("needs Linux")
    engine = doom.DoomEngine(32, 8.0, "my_way_home", "map01")
    first = engine.start(3)
    process = engine._process.pid
    (game,) = children(process)
    os.kill(process if killed == "process" else game, signal.SIGKILL)
    with pytest.raises(UserError, match="ViZDoom does not run here .*; run the command again") as e:
        engine.act(FORWARD)
    assert ("ended with status -9" in str(e.value)) == (killed == "process")
    again = engine.start(3)
    np.testing.assert_array_equal(again.frame, first.frame)
    assert again.pose == first.pose
    # The game of a process that was killed would go on for ever.
    commands = pathlib.Path("/proc").glob(f"{game}/cmdline")
    assert not any(b"vizdoom" in command.read_bytes() for command in commands)


@pytest.mark.parametrize("answer", [b"", b'{"ended": fal', b'{"ended": false, "bytes": 9}\n1234'])
def test_an_answer_that_is_cut_off_is_one_line(monkeypatch, tmp_path, answer):
    pytest.importorskip("vizdoom")
    program = tmp_path / "cut_off.py"
    program.write_text(f"import sys\nsys.stdout.buffer.write({answer!r})\nsys.exit(3)\n")
    monkeypatch.setattr(doom.doom_process, "__file__", str(program))
    with pytest.raises(UserError, match=r"its process ended with status 3\)"):
        doom.DoomEngine(32, 8.0, "my_way_home", "map01").start(0)


def test_rays_meet_the_first_wall():
    """Against rays that are followed in small steps."""
    engine = maze.MazeEngine(32, 10.62, "style_01")
    draws = np.random.default_rng(0)
    for seed in range(3):
        engine.start(seed)
        angles = draws.uniform(0, 2 * np.pi, 40)
        x, y = np.cos(angles), -np.sin(angles)
        reach, across, kind = engine._cast(x, y)
        for ray in range(40):
            far = np.arange(0, 16, 1e-3)
            cells_x = (engine._place[0] + far * x[ray]).astype(int)
            cells_y = (engine._place[1] + far * y[ray]).astype(int)
            inside = (cells_x >= 0) & (cells_x < 11) & (cells_y >= 0) & (cells_y < 11)
            hit = int(engine._wall[cells_y[inside], cells_x[inside]].argmax())
            assert reach[ray] == pytest.approx(far[hit], abs=2e-3)  # two steps
            assert kind[ray] == engine._walls[cells_y[hit], cells_x[hit]]
            place = engine._place + reach[ray] * np.array([x[ray], y[ray]])
            assert min(abs(place % 1 - across[ray])) < 1e-6
