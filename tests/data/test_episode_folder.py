import fractions
import io
import json
import logging
import pathlib
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from vqvae_tf import data
from vqvae_tf.data import frames as frames_lib
from vqvae_tf.errors import UserError

DRAWS = np.random.default_rng(0)
FRAMES = DRAWS.integers(0, 256, [5, 8, 12, 3], np.uint8)
ACTIONS = np.array([1, 0, 2, 2, -1], np.int32)
MOVES = DRAWS.normal(size=[5, 2]).astype(np.float32)

INFINITE = np.full([5, 2], np.inf)


def npz(folder, name, **arrays):
    np.savez(pathlib.Path(folder) / f"{name}.npz", **arrays)


def pictures(folder, frames=FRAMES):
    folder.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:03}.png")


def mp4(path, count=5, side=16, first=0, slope=0):
    """A video; frames before time 0 are in the file and not shown.

    Args:
        slope: how much brighter each column of pixels is than the one before it.
    """
    av = pytest.importorskip("av")
    options = {"movflags": "faststart", "avoid_negative_ts": "disabled"}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "0", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv444p"
        for number in range(count):
            pixels = np.full([side, side, 3], 20 + 40 * number, np.uint8)
            pixels += np.arange(0, side * slope or 1, slope or 1, np.uint8)[:, None]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = first + number, fractions.Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def turn(path, matrix):
    """Writes into a video how its axes are to be shown: two of two numbers."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (round(each * 2**16) for each in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 2**30)
    path.write_bytes(content)


def read(folder, **options):
    source = data.open_episodes(f"folder:{folder}")
    return source, {episode["name"]: episode for episode in source.episodes(**options)}


def logged(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


def test_all_three_forms(tmp_path):
    npz(tmp_path, "a", frames=FRAMES, actions=ACTIONS)
    (tmp_path / "more").mkdir()
    mp4(tmp_path / "more" / "b.mp4")
    (tmp_path / "more" / "b.csv").write_text("action\nright\n0\n left\n1\n-1\n")
    pictures(tmp_path / "c")
    (tmp_path / "c" / "actions.jsonl").write_text('1\n"stay"\n\n2\n"right"\n-1\n')
    (tmp_path / "actions.txt").write_text("stay\nleft\nright\n")
    source, episodes = read(tmp_path)
    assert source.class_names == ("stay", "left", "right")
    assert source.action_space == data.ActionSpace(3, 0, ("stay", "left", "right"))
    assert list(episodes) == ["a.npz", "c", "more/b.mp4"] and source.skipped == 0
    for name in ("a.npz", "c"):
        np.testing.assert_array_equal(episodes[name]["frames"], FRAMES)
    np.testing.assert_array_equal(episodes["a.npz"]["actions"], ACTIONS)
    assert episodes["c"]["actions"].tolist() == [1, 0, 2, 2, -1]
    assert episodes["more/b.mp4"]["actions"].tolist() == [2, 0, 1, 1, -1]
    seen = episodes["more/b.mp4"]["frames"]
    assert seen.shape == (5, 16, 16, 3)
    # Lossless, but for the rounding of colours in YUV.
    assert np.abs(seen[:, 0, 0, 0].astype(int) - [20, 60, 100, 140, 180]).max() <= 2


def test_numbers_name_actions_that_have_no_names(tmp_path):
    npz(tmp_path, "a", frames=FRAMES, actions=ACTIONS)
    npz(tmp_path, "b", frames=FRAMES, actions=ACTIONS + 2)
    assert read(tmp_path)[0].class_names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("ending", ["npy", "csv", "jsonl"])
def test_continuous_actions(tmp_path, ending):
    pictures(tmp_path / "a")
    path = tmp_path / "a" / f"actions.{ending}"
    if ending == "npy":
        np.save(path, MOVES)
    elif ending == "csv":
        rows = ["x, y", *(f"{x!r}, {y!r}" for x, y in MOVES.tolist())]
        path.write_text("\n".join(rows))
    else:
        path.write_text("\n".join(map(json.dumps, MOVES.tolist())))
    source, episodes = read(tmp_path)
    assert source.action_space == data.ActionSpace(dims=2) and source.class_names == ()
    np.testing.assert_array_equal(episodes["a"]["actions"], MOVES)


def test_no_actions_and_grey(tmp_path):
    npz(tmp_path, "a", frames=FRAMES[..., :1])
    source, episodes = read(tmp_path, channels=1)
    assert source.action_space == data.ActionSpace() and episodes["a.npz"]["actions"] is None
    np.testing.assert_array_equal(episodes["a.npz"]["frames"], FRAMES[..., :1])
    assert source.read(0)["frames"].shape[-1] == 3


BAD = {
    "longer": (dict(frames=FRAMES, actions=ACTIONS[:4]), "5 frames and 4 actions; give one action"),
    "floats": (dict(frames=FRAMES / 255, actions=ACTIONS), "frames must be uint8 [time, height"),
    "empty": (dict(frames=FRAMES[:0], actions=ACTIONS[:0]), "frames must be uint8"),
    "flat": (dict(frames=FRAMES[0], actions=ACTIONS), "frames must be uint8"),
    "unseen": (dict(frames=FRAMES, actions=ACTIONS + 2), "action 3 of frame 0 is none of 0 to 2"),
    "below": (dict(frames=FRAMES, actions=ACTIONS - 1), "action -2 of frame 4 is none of 0 to 2"),
    "moves": (dict(frames=FRAMES, actions=MOVES), "continuous actions of 2 numbers, where most ep"),
    "none": (dict(frames=FRAMES), "no actions, where most episodes have discrete actions"),
    "other": (dict(pictures=FRAMES, actions=ACTIONS), "not an NPZ file with frames"),
    "infinite": (dict(frames=FRAMES, actions=INFINITE), "actions must be finite numbers"),
    "vast": (dict(frames=FRAMES, actions=np.full([5, 2], 1e300)), "actions must be finite numbers"),
    "few": (dict(frames=FRAMES, actions=ACTIONS[:0]), "5 frames and 0 actions; give one action"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_episode_is_one_line_and_the_others_are_read(tmp_path, name, caplog):
    arrays, words = BAD[name]
    npz(tmp_path, "a", frames=FRAMES, actions=ACTIONS)
    npz(tmp_path, "b", **arrays)
    npz(tmp_path, "c", frames=FRAMES, actions=ACTIONS)
    (tmp_path / "actions.txt").write_text("stay\nleft\nright\n")
    source, episodes = read(tmp_path)
    assert list(episodes) == ["a.npz", "c.npz"] and source.skipped == 1
    (message,) = logged(caplog)
    assert "b.npz" in message and words in message and "\n" not in message


@pytest.mark.parametrize("first", [{"frames": FRAMES / 255}, {"states": MOVES}, {"frames": FRAMES}])
def test_an_odd_first_episode_does_not_decide_for_the_others(tmp_path, first):
    npz(tmp_path, "a", **first)
    npz(tmp_path, "b", frames=FRAMES, actions=ACTIONS)
    source, episodes = read(tmp_path)
    assert list(episodes) == ["b.npz"] and source.action_space.number == 3
    for name in "cd":
        npz(tmp_path, name, frames=FRAMES, actions=MOVES)
    source, episodes = read(tmp_path)
    assert list(episodes) == ["c.npz", "d.npz"] and source.action_space == data.ActionSpace(dims=2)


def test_frames_that_an_editor_cut_off_are_not_read(tmp_path):
    mp4(tmp_path / "a.mp4", first=-2)
    _, episodes = read(tmp_path)
    assert episodes["a.mp4"]["frames"][:, 0, 0, 0].tolist() == [100, 140, 180]


@pytest.mark.parametrize(
    ("matrix", "ways"),
    [
        ((1, 0, 0, 1), []),
        ((0, 1, -1, 0), [Image.Transpose.ROTATE_270]),  # a phone held upright: clockwise
        ((0, -1, 1, 0), [Image.Transpose.ROTATE_90]),
        ((-1, 0, 0, -1), [Image.Transpose.ROTATE_180]),
        ((-1, 0, 0, 1), [Image.Transpose.FLIP_LEFT_RIGHT]),
        ((1, 0, 0, -1), [Image.Transpose.FLIP_TOP_BOTTOM]),
        ((0, 1, 1, 0), [Image.Transpose.TRANSPOSE]),
        ((0, -1, -1, 0), [Image.Transpose.TRANSVERSE]),
    ],
)
def test_videos_are_read_as_players_show_them(tmp_path, matrix, ways):
    mp4(tmp_path / "a.mp4", side=32, count=2, slope=4)
    turn(tmp_path / "a.mp4", (1, 0, 0, 1))
    stored = read(tmp_path)[1]["a.mp4"]["frames"]
    assert stored[0, 0, 30, 0] > stored[0, 0, 0, 0] + 50  # brighter to the right
    turn(tmp_path / "a.mp4", matrix)
    for frame, seen in zip(stored, read(tmp_path)[1]["a.mp4"]["frames"], strict=True):
        picture = Image.fromarray(frame)
        for way in ways:
            picture = picture.transpose(way)
        np.testing.assert_array_equal(seen, np.asarray(picture))


def test_videos_that_are_to_be_turned_otherwise_are_refused(tmp_path):
    mp4(tmp_path / "a.mp4")
    turn(tmp_path / "a.mp4", (0.6, 0.8, -0.8, 0.6))
    with pytest.raises(UserError, match="a.mp4: its frames are to be shown by the axes .*0.6, 0.8"):
        read(tmp_path)


def test_a_misspelt_array_of_actions_is_named(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    npz(tmp_path, "a", frames=FRAMES)
    assert read(tmp_path)[0].skipped == 0 and not logged(caplog)
    assert "the episodes have no actions" in caplog.text
    npz(tmp_path, "b", frames=FRAMES, action=ACTIONS)
    (tmp_path / "c.npz").write_bytes(b"no archive")
    source, _ = read(tmp_path)
    assert source.action_space == data.ActionSpace() and source.skipped == 1
    assert 'not used: action; actions must be named "actions"' in logged(caplog)[0]


@pytest.mark.parametrize("ending", ["npz", "csv", "jsonl"])
def test_a_stray_number_does_not_make_as_many_actions(tmp_path, ending, caplog):
    npz(tmp_path, "a", frames=FRAMES, actions=ACTIONS)
    stray = [0, 1, 1_024, 0, 0]
    if ending == "npz":
        npz(tmp_path, "b", frames=FRAMES, actions=np.array(stray))
    else:
        pictures(tmp_path / "b")
        lines = ["action"] * (ending == "csv") + list(map(str, stray))
        (tmp_path / "b" / f"actions.{ending}").write_text("\n".join(lines))
    source, episodes = read(tmp_path)
    assert list(episodes) == ["a.npz"] and source.class_names == ("0", "1", "2")
    (message,) = logged(caplog)
    assert "action 1024 of frame 2 is none of 0 to 1023" in message
    assert "actions.txt names more than 1,024 of them" in message
    (tmp_path / "actions.txt").write_text("".join(f"a{each}\n" for each in range(1_025)))
    assert len(read(tmp_path)[1]) == 2


def test_broken_files(tmp_path, caplog):
    npz(tmp_path, "a", frames=FRAMES)
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-40])
    mp4(tmp_path / "c.mp4")
    whole = (tmp_path / "c.mp4").read_bytes()
    (tmp_path / "d.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "e.mp4").write_bytes(b"no video")
    (tmp_path / "e2.mp4").write_bytes(b"")
    pictures(tmp_path / "f", [FRAMES[0], FRAMES[1][:4]])
    pictures(tmp_path / "g")
    (tmp_path / "g" / "003.png").write_bytes(b"no picture")
    (tmp_path / "h.csv").write_text("action\n1\n")
    source, episodes = read(tmp_path)
    assert list(episodes) == ["a.npz", "c.mp4"]
    messages = "\n".join(logged(caplog))
    assert source.skipped == len(messages.split("\n")) == 7
    for words in (
        "b.npz: not an NPZ file",
        "d.mp4: cut off or damaged, ",
        "e.mp4: not a readable video (Invalid data found",
        "e2.mp4: is empty",
        "f: 001.png has 12 x 4 pixels, the frames before it 12 x 8",
        "003.png: not a readable picture",
        "h.csv: there are no frames beside it",
    ):
        assert words in messages, words


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("actions.csv", "action\n1\n9\n0\n0\n0\n", "action 9 of frame 1 is none of 0 to 1"),
        ("actions.csv", "action\n1\nleft\n0\n0\n0\n", "unknown action 'left'; all: right, stay"),
        ("actions.csv", "1\n0\n1\n0\n1\n", 'its first line must be "action"'),
        ("actions.csv", "x,y\n1,2\n1\n", "line 3: must have 2 fields; received 1"),
        ("actions.csv", "x,y\n1,2\n1,b\n", "line 3: must hold 2 finite numbers"),
        ("actions.csv", "action\n", "holds no action"),
        ("actions.jsonl", "1\n{\n", "line 2: must be JSON"),
        ("actions.jsonl", "[1, 2]\n[1]\n", "line 2: must hold 2 finite numbers"),
        ("actions.jsonl", "[1, 2]\n3\n", "line 2: must hold 2 finite numbers"),
        ("actions.jsonl", f"[1, 2]\n[3, 1{'0' * 400}]\n", "line 2: must hold 2 finite numbers"),
        ("actions.jsonl", "[1, 2]\n[3, 1e300]\n", "line 2: must hold 2 finite numbers"),
        ("actions.csv", "x,y\n1,2\n1,nan\n", "line 3: must hold 2 finite numbers"),
        ("actions.jsonl", "true\n", "line 1: unknown action True"),
        ("actions.csv", b"\xff\n", "not UTF-8"),
        ("actions.npy", b"no array", "not an NPY file"),
    ],
)
def test_wrong_action_files(tmp_path, file, content, words, caplog):
    pictures(tmp_path / "a")
    pictures(tmp_path / "b")
    (tmp_path / "a" / "actions.csv").write_text("action\n0\n1\n0\n1\n0\n")
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "b" / file).write_bytes(content)
    (tmp_path / "actions.txt").write_text("stay\nright\n")
    _, episodes = read(tmp_path)
    assert list(episodes) == ["a"]
    (message,) = logged(caplog)
    assert file in message and words in message


def test_actions_of_which_none_is_known(tmp_path):
    npz(tmp_path, "a", frames=FRAMES, actions=np.full(5, -1))
    source, episodes = read(tmp_path)
    assert list(episodes) == ["a.npz"] and source.class_names == ("0",)


def test_frames_are_ordered_by_the_numbers_in_their_names(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(12):
        Image.fromarray(np.full([4, 4, 3], number, np.uint8)).save(tmp_path / "a" / f"{number}.png")
    _, episodes = read(tmp_path)
    assert episodes["a"]["frames"][:, 0, 0, 0].tolist() == list(range(12))


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ((2**20, 64, 64, 3), "|u1", "1,048,576 frames of 64 x 64 pixels take more than"),
        ((2, 8, 12, 2**40), "|u1", "frames must be uint8 [time, height, width, 3 or 1]; received"),
        ((2**50,), "<f8", "frames must be uint8 [time, height, width, 3 or 1]; received float64"),
        ((-2, 8, 12, 3), "|u1", "frames must be uint8 [time, height, width, 3 or 1]; received"),
        ((2, 8, 12, 3), "|u1", "not an NPZ file with frames"),
    ],
)
def test_a_header_that_lies_about_frames(tmp_path, caplog, shape, dtype, words):
    npz(tmp_path, "a", frames=FRAMES)
    header = io.BytesIO()
    described = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("frames.npy", header.getvalue() + bytes(100))
    _, episodes = read(tmp_path)
    assert list(episodes) == ["a.npz"]
    (message,) = logged(caplog)
    assert "b.npz" in message and words in message


def test_two_action_files(tmp_path):
    pictures(tmp_path / "a")
    for ending in ("csv", "jsonl"):
        (tmp_path / "a" / f"actions.{ending}").write_text("action\n1\n")
    with pytest.raises(UserError, match="none of its 1 episodes can be read"):
        read(tmp_path)


def test_folders_that_are_refused(tmp_path):
    for folder, words in ((tmp_path, "the folder holds no episodes"), ("absent", "no folder")):
        with pytest.raises(UserError, match=words):
            data.open_episodes(f"folder:{folder}")
    npz(tmp_path, "a", frames=FRAMES)
    for text, words in (("a\nb\na\n", "each once; received a twice"), ("\n", "received none")):
        (tmp_path / "actions.txt").write_text(text)
        with pytest.raises(UserError, match=words):
            data.open_episodes(f"folder:{tmp_path}")


def test_episodes_that_take_too_much_memory(tmp_path, monkeypatch, caplog):
    npz(tmp_path, "a", frames=FRAMES)
    npz(tmp_path, "b", frames=FRAMES[:2])
    pictures(tmp_path / "c")
    mp4(tmp_path / "d.mp4")
    monkeypatch.setattr(frames_lib, "MOST_BYTES", 3 * FRAMES[0, ..., 0].size * 4)
    _, episodes = read(tmp_path)
    assert list(episodes) == ["b.npz"]
    assert sum("take more than" in message for message in logged(caplog)) == 3


def test_a_missing_pyav_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UserError, match=r"cannot import av for .*vqvae_tf\[video\]"):
        data.open_episodes(f"folder:{tmp_path}")
