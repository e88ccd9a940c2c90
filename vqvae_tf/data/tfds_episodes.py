"""Episodes of TensorFlow Datasets, an optional package."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from vqvae_tf.data import action_files, tfds_builder
from vqvae_tf.data.episodes import ActionSpace, Episode, EpisodeSource
from vqvae_tf.data.frames import checked, to_channels
from vqvae_tf.errors import UserError, reason

STEPS = "steps"  # the feature of data sets of the form of RLDS that holds their steps
FRAMES = ("image_main", "pixels", "image", "video", "frames")  # which of several pictures is taken
ACTIONS = ("action", "actions")


class TensorFlowDatasetsEpisodes(EpisodeSource):
    """`tfds:NAME[/CONFIG][/SPLIT]`: the episodes of a data set that TFDS can load.

    The split is "train" unless the last part names another one. An episode is a sequence of
    steps with a picture (`image_main`, `pixels` or `image`) and an action (`action`), by itself
    as in `bair_robot_pushing_small`, or under `steps` as in the data sets of RL Unplugged
    (`rlu_dmlab_...`). Or it is a feature `video` with a feature `actions` or none.
    """

    def __init__(self, uri: str, name: str):
        self._builder, self._split = tfds_builder.builder_of(uri, name)
        super().__init__(uri, ActionSpace())  # until the actions are known
        self._info = tfds_builder.split_info(uri, self._builder, self._split)
        found = _places(uri, self._builder)
        self._places = [place for place, _ in found]
        self._iterator: Iterator[dict[str, Any]] | None = None
        self._next = 0  # number of the episode that `_iterator` gives next
        if len(found) > 1:
            self.action_space = self._space(found[1][1])
            self.class_names = self.action_space.names

    def __len__(self) -> int:
        return self._info.num_examples

    def name(self, index: int) -> str:
        return f"{self._split}#{index}"

    def read(self, index: int, channels: int = 3) -> Episode:
        """Reads episode `index`; TFDS reads in sequence, so that another order takes long."""
        if self._iterator is None or index < self._next:
            self._iterator, self._next = self._examples(), 0
        for example in self._iterator:
            self._next += 1
            if self._next > index:
                return self._episode(example, index, channels)
        raise UserError(f"{self.uri}: it has no episode {index}")

    def episodes(self, channels: int = 3) -> Iterator[Episode]:
        return self.read_all(
            (self.name(index), functools.partial(self._episode, example, index, channels))
            for index, example in enumerate(self._examples())
        )

    def _episode(self, example: dict[str, Any], index: int, channels: int) -> Episode:
        name = self.name(index)
        found = self._arrays(example)
        frames, actions = checked(found[0], name), None
        if len(found) > 1:
            actions = action_files.checked(found[1], name, self.class_names)
            action_files.check_length(actions, len(frames), name)
        return Episode(name=name, frames=to_channels(frames, channels), actions=actions)

    def _arrays(self, example: dict[str, Any]) -> list[np.ndarray]:
        """The frames of an example, and its actions if there are some."""
        if STEPS not in example:
            return [np.asarray(_at(example, place)) for place in self._places]
        steps = list(example[STEPS])
        return [np.array([_at(step, place) for step in steps]) for place in self._places]

    def _examples(self) -> Iterator[dict[str, Any]]:
        dataset = self._builder.as_dataset(split=self._split, shuffle_files=False)
        try:
            yield from tfds_builder.package().as_numpy(dataset)
        except tf.errors.OpError as error:
            raise UserError(f"{self.uri}: TFDS cannot read its files ({reason(error)})") from error

    def _space(self, feature: Any) -> ActionSpace:
        """The space of a feature of actions; for numbers without names all of them are read."""
        if isinstance(feature, tfds_builder.package().features.ClassLabel):
            return ActionSpace(number=feature.num_classes, names=tuple(feature.names))
        if np.issubdtype(feature.np_dtype, np.floating):
            return ActionSpace(dims=feature.shape[-1] if feature.shape else 1)
        examples = tqdm.tqdm(
            self._examples(), "actions", len(self), unit="episode", disable=None, leave=False
        )
        return action_files.space_of([self._arrays(example)[1] for example in examples])


def _places(uri: str, builder: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Where the frames of a step are and, if there is one, its action: keys and the feature."""
    kinds = tfds_builder.package().features
    features = builder.info.features
    if isinstance(features, kinds.FeaturesDict) and STEPS in features:
        features = features[STEPS]
    if isinstance(features, (kinds.Sequence, kinds.Dataset)):
        features = features.feature
    found = dict(_leaves(features)) if isinstance(features, kinds.FeaturesDict) else {}
    pictures = [place for place, kind in found.items() if isinstance(kind, kinds.Image)]
    pictures += [place for place, kind in found.items() if isinstance(kind, kinds.Video)]
    chosen = [place for name in FRAMES for place in pictures if place[-1] == name]
    if not chosen:
        raise UserError(
            f"{uri}: the data set has no episodes: steps with a picture named "
            f"{', '.join(FRAMES[:-1])} or {FRAMES[-1]}; its features are "
            f"{tfds_builder.shown_features(builder)}"
        )
    actions = [place for place in found if place[-1] in ACTIONS]
    return [(place, found[place]) for place in (*chosen[:1], *actions[:1])]


def _leaves(features: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, feature in features.items():
        if isinstance(feature, tfds_builder.package().features.FeaturesDict):
            yield from _leaves(feature, (*before, name))
        else:
            yield (*before, name), feature


def _at(example: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        example = example[key]
    return example
