"""Episodes in a folder and the folders below it."""

import functools
import itertools
import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from vqvae_tf.data import action_files, disk, episode_files, images, video_files
from vqvae_tf.data.episodes import ActionSpace, Episode, EpisodeSource
from vqvae_tf.data.frames import to_channels
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, listed

BESIDE = "actions"  # name, before its ending, of the action file in a folder of frames


class _Entry(NamedTuple):
    """An episode of the folder: its name, and what reads its frames, its actions and the names of
    all that is in its file."""

    name: str
    frames: Callable[[], np.ndarray]
    actions: Callable[[], np.ndarray | None]
    contents: Callable[[], Iterable[str]] = tuple


class EpisodeFolder(EpisodeSource):
    """`folder:PATH`: the episodes below PATH, ordered by path. Each is one of these:

    - `NAME.npz` with the array `frames` and, optionally, `actions`;
    - a video, `NAME.mp4`, with its actions in `NAME.csv`, `NAME.jsonl` or `NAME.npy`;
    - a folder of pictures, the frames in the order of their names (and of the numbers in them),
      with `actions.csv`, `actions.jsonl` or `actions.npy` in it.

    A file `actions.txt` in PATH names the discrete actions, one per line; without one they are the
    numbers from 0 to the largest. All episodes have the same kind of actions, that of most of them.
    """

    def __init__(self, uri: str, path: str):
        disk.check_folder(uri, path)
        names = action_files.names_in(uri, path)
        super().__init__(uri, ActionSpace())  # until the actions are read
        self._entries = list(_entries(path, self.skip, names))
        if not self._entries:
            raise UserError(
                f"{uri}: the folder holds no episodes; give {episode_files.NPZ} files, videos "
                f"({', '.join(video_files.ENDINGS)}) or folders of pictures"
            )
        self._actions = [self._actions_of(entry) for entry in self._entries]
        known = (each for each in self._actions if not isinstance(each, UnreadableError))
        self.action_space = action_files.space_of(known, names)
        self.class_names = self.action_space.names
        if self.action_space == ActionSpace():
            action_files.say_none(
                uri, itertools.chain(*(each.contents() for each in self._entries))
            )

    def __len__(self) -> int:
        return len(self._entries)

    def name(self, index: int) -> str:
        return self._entries[index].name

    def read(self, index: int, channels: int = 3) -> Episode:
        entry, actions = self._entries[index], self._actions[index]
        if isinstance(actions, UnreadableError):
            raise actions
        action_files.check_kind(actions, self.action_space, entry.name)
        frames = entry.frames()
        action_files.check_length(actions, len(frames), entry.name)
        return Episode(name=entry.name, frames=to_channels(frames, channels), actions=actions)

    def _actions_of(self, entry):
        try:
            return entry.actions()
        except UnreadableError as error:
            return error


def _entries(path, skip, names):
    """The episodes below a folder."""
    endings = (
        *images.EXTENSIONS, *video_files.ENDINGS, *action_files.ENDINGS, episode_files.NPZ, ".txt"
    )  # fmt: skip
    files = disk.files_below(path, endings, skip)
    held = set(files)
    pictures: dict[str, list[str]] = {}
    found, used = {}, {action_files.NAMES_FILE}

    def beside(stem):
        """The function that reads the action file of this path without its ending."""
        known = [stem + ending for ending in action_files.ENDINGS if stem + ending in held]
        used.update(known)
        if len(known) > 1:
            shown = listed([disk.printable(each) for each in known])
            error = UnreadableError(f"{disk.printable(stem)}: several action files: {shown}")
            return functools.partial(_refuse, error)
        if not known:
            return _nothing
        return functools.partial(action_files.read, os.path.join(path, known[0]), names)

    for file in files:
        stem, ending = os.path.splitext(file)
        ending, whole = ending.lower(), os.path.join(path, file)
        name = disk.printable(file)
        if ending in images.EXTENSIONS:
            pictures.setdefault(os.path.dirname(file), []).append(whole)
        elif ending == episode_files.NPZ:
            frames = functools.partial(episode_files.read_npz, whole)
            actions = functools.partial(episode_files.read_actions, whole, names)
            contents = functools.partial(episode_files.arrays_in, whole)
            found[file] = _Entry(name, frames, actions, contents)
        elif ending in video_files.ENDINGS:
            video_files.package()
            frames = functools.partial(video_files.read, whole)
            found[file] = _Entry(name, frames, beside(stem))
    for folder, paths in pictures.items():
        name = disk.printable(folder) or "."
        ordered = sorted(paths, key=_by_numbers)
        frames = functools.partial(episode_files.read_pictures, ordered, name)
        found[folder] = _Entry(name, frames, beside(os.path.join(folder, BESIDE)))
    for file in files:
        ending = os.path.splitext(file)[1].lower()
        if ending in (*action_files.ENDINGS, ".txt") and file not in used:
            name = disk.printable(file)
            skip(name, UnreadableError(f"{name}: there are no frames beside it"))
    return [found[key] for key in sorted(found)]


def _by_numbers(path):
    """Sorts names by the numbers in them: 2.png before 10.png."""
    parts = re.split(r"(\d+)", path)  # text and digits in turn
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], path


def _nothing():
    return None


def _refuse(error):
    raise error
