"""Sounds of TensorFlow Datasets, an optional package."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tqdm

from vqvae_tf.data import disk, sound_files, tfds_builder
from vqvae_tf.data.sounds import Sound, SoundSource
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, listed, reason

SPEAKERS = ("speaker", "speaker_id")


class TensorFlowDatasetsSounds(SoundSource):
    """`tfds:NAME[/CONFIG][/SPLIT]`: the feature of audio of a data set that TFDS can load.

    The split is "train" unless the last part names another one. The speakers are those of the
    feature `speaker` or `speaker_id`: the names of its classes, or the numbers or texts that are
    found in the split. The feature `text`, if there is one, is what is said.
    """

    def __init__(self, uri: str, name: str):
        self._builder, self._split = tfds_builder.builder_of(uri, name)
        super().__init__(uri)
        features = tfds_builder.features_of(self._builder)
        kinds = tfds_builder.package().features
        found = [key for key, feature in features.items() if isinstance(feature, kinds.Audio)]
        if len(found) != 1:
            raise UserError(
                f"{uri}: the data set must have one feature of audio, it has {len(found)}; its "
                f"features are {tfds_builder.shown_features(self._builder)}"
            )
        self._audio = found[0]
        self._rate = features[self._audio].sample_rate
        if not self._rate:
            raise UserError(f'{uri}: its feature "{self._audio}" does not say the sample rate')
        self._info = tfds_builder.split_info(uri, self._builder, self._split)
        self._speaker = next((key for key in SPEAKERS if key in features), "")
        self._has_text = isinstance(features.get("text"), kinds.Text)
        self._numbers: dict[Any, int] = {}
        if isinstance(features.get(self._speaker), kinds.ClassLabel):
            self.class_names = tfds_builder.class_names(uri, features[self._speaker])
            self._numbers = {number: number for number in range(len(self.class_names))}
        elif self._speaker:
            values = sorted({self._speaker_of(example) for example in self._examples("speakers")})
            self.class_names = tuple(disk.printable(str(value)) for value in values)
            self._numbers = {value: number for number, value in enumerate(values)}

    def __len__(self) -> int:
        return self._info.num_examples

    def entries(self, sample_rate: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
        for index, example in enumerate(self._examples()):
            name = f"{self._split}#{index}"
            yield name, functools.partial(self._read, example, name, sample_rate)

    def _read(self, example: dict[str, Any], name: str, sample_rate: int) -> Sound:
        samples = example[self._audio]
        if isinstance(samples, bytes):  # a file as it was
            audio = sound_files.decode(samples, name, sample_rate)
        else:
            audio = sound_files.convert(samples, self._rate, name, sample_rate)
        speaker = self._speaker_of(example) if self._speaker else -1
        if speaker != -1 and speaker not in self._numbers:
            raise UnreadableError(
                f"{name}: speaker {speaker!r} is none of {listed(self.class_names)}"
            )
        text = example["text"].decode(errors="replace") if self._has_text else ""
        return Sound(
            name=name,
            audio=audio,
            speaker=self._numbers.get(speaker),
            phones=None,
            text=text or None,
        )

    def _speaker_of(self, example: dict[str, Any]) -> Any:
        value = example[self._speaker]
        return value.decode(errors="replace") if isinstance(value, bytes) else int(value)

    def _examples(self, only_for: str = "") -> Iterator[dict[str, Any]]:
        """All examples in order; behind a progress bar where only their speakers are wanted."""
        decode = tfds_builder.package().decode
        decoders: Any = {self._audio: decode.SkipDecoding()}
        if only_for:
            decoders = decode.PartialDecoding({self._speaker: True})
        dataset = self._builder.as_dataset(
            split=self._split, decoders=decoders, shuffle_files=False
        )
        examples = dataset.as_numpy_iterator()
        if only_for:
            examples = tqdm.tqdm(
                examples, only_for, len(self), unit="sound", disable=None, leave=False
            )
        try:
            yield from examples
        except tf.errors.OpError as error:
            raise UserError(f"{self.uri}: TFDS cannot read its files ({reason(error)})") from error
