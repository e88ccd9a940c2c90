"""Episodes in TFRecord files (docs/formats.md)."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import arguments, files
from vqvae_tf.data import action_files, disk, images, records
from vqvae_tf.data.episodes import ActionSpace, Episode, EpisodeSource
from vqvae_tf.data.frames import check_bytes, checked, to_channels
from vqvae_tf.data.record_files import RecordFiles, shards
from vqvae_tf.data.source import UnreadableError


class EpisodeRecords(EpisodeSource):
    """`tfrecord:GLOB`: the episodes of TFRecord files, in the order of the files' names.

    A file `actions.txt` next to the first one names the discrete actions, one per line; without
    one they are the numbers from 0 to the largest.
    """

    def __init__(self, uri: str, pattern: str):
        self._files = RecordFiles(uri, shards(uri, pattern))
        self._names = action_files.names_in(uri, os.path.dirname(self._files.paths[0]))
        contents: set[str] = set()
        super().__init__(uri, action_files.space_of(self._all_actions(contents), self._names))
        if self.action_space == ActionSpace():
            action_files.say_none(uri, contents)
        self._unreadable.update(self._files.truncated)

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return self._files.name(index)

    def read(self, index: int, channels: int = 3) -> Episode:
        place = self.name(index)
        features = records.Features(self._files.read(index), place)
        encoded = features.encoded("frames")
        if not encoded:
            raise UnreadableError(
                f'{place}: no feature "frames"; it holds {features.names or "nothing"}'
            )
        actions = _actions(features, place, self._names, len(encoded))
        action_files.check_kind(actions, self.action_space, place)
        frames = _decoded(encoded, place)
        return Episode(
            name=disk.printable(features.text("name", place)),
            frames=to_channels(frames, channels),
            actions=actions,
        )

    def _all_actions(self, contents: set[str]) -> Iterator[np.ndarray | None]:
        """Of every record that has some or none; the others are named when they are read.

        Args:
            contents: to which the names of all features are added.
        """
        for index in range(len(self)):
            place = self.name(index)
            try:
                features = records.Features(self._files.read(index), place)
                contents.update(features.names)
                yield _actions(features, place, self._names, len(features.encoded("frames")))
            except UnreadableError:
                continue


def write_episodes(
    path: str | os.PathLike, episodes: Iterable[Mapping[str, Any]], action_names: Sequence[str] = ()
) -> int:
    """Writes one TFRecord file of episodes, their frames as PNG.

    The file appears under its name only when it is complete.

    Args:
        path: the file; any `tf.io.gfile` path.
        episodes: mappings with `frames` (uint8 `[time, height, width, 3 or 1]`) and optionally
            `name` and `actions` (integers `[time]` or floats `[time, dims]`), as yielded by
            `EpisodeSource.episodes()`.
        action_names: names of discrete actions, written to `actions.txt` in the same folder.

    Returns:
        The number of records.

    Raises:
        UserError: an episode is of another form; or it cannot be written.
    """
    path = arguments.path("path", path)
    folder = os.path.dirname(path)
    tf.io.gfile.makedirs(folder or ".")
    count = 0
    with files.replacing(path) as partial, tf.io.TFRecordWriter(partial) as writer:
        for episode in episodes:
            writer.write(episode_example(episode, action_names))
            count += 1
    if action_names:
        text = "".join(f"{name}\n" for name in action_names)
        files.write_text(os.path.join(folder, action_files.NAMES_FILE), text)
    return count


def episode_example(episode: Mapping[str, Any], action_names: Sequence[str] = ()) -> bytes:
    """The serialised `tf.train.Example` of one episode.

    Raises:
        UserError: the frames or actions are of another form, or their lengths differ.
    """
    name = episode.get("name") or "an episode"
    frames = checked(np.asarray(episode["frames"]), name)
    features = {"frames": _bytes([images.encode(frame) for frame in frames])}
    if episode.get("actions") is not None:
        actions = action_files.checked(np.asarray(episode["actions"]), name, action_names)
        action_files.check_length(actions, len(frames), name)
        features["actions"] = _numbers(actions)
    if episode.get("name") is not None:
        features["name"] = _bytes([episode["name"].encode(errors="backslashreplace")])
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
        deterministic=True
    )


def _actions(features, place, names, count):
    """The actions of a record of `count` frames, or None."""
    match features.kind("actions"):
        case None:
            return None
        case "float_list":
            found = np.array(features.floats("actions"), np.float32)
            if not count or not len(found) or len(found) % count:
                raise UnreadableError(
                    f"{place}: {count} frames and {len(found)} numbers of actions; give as many "
                    "numbers for each frame"
                )
            found = found.reshape(count, -1)
        case _:
            found = np.array(features.integers("actions"), np.int64)
            action_files.check_length(found, count, place)
    return action_files.checked(found, place, names)


def _decoded(encoded, place):
    frames: list[np.ndarray] = []
    for number, data in enumerate(encoded):
        frame = images.decode(data, f"{place}, frame {number}")
        if frames and frame.shape != frames[0].shape:
            raise UnreadableError(f"{place}: its frames differ in size")
        check_bytes(len(frames) + 1, frame.shape[0], frame.shape[1], place)
        frames.append(frame)
    return np.stack(frames)


def _bytes(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _numbers(actions):
    if actions.ndim > 1:
        return tf.train.Feature(float_list=tf.train.FloatList(value=actions.ravel().tolist()))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=actions.tolist()))
