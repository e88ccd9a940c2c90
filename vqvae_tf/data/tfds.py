"""Pictures of TensorFlow Datasets, an optional package."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.data import images
from vqvae_tf.data.python_calls import numpy_call
from vqvae_tf.data.source import Picture, Source, UnreadableError
from vqvae_tf.errors import UserError, nearest

SHUFFLE_BUFFER = 4096  # encoded pictures; TFDS has shuffled them once when it wrote them


class TensorFlowDatasets(Source):
    """`tfds:NAME[/CONFIG][/SPLIT]`: feature `image` of a data set that TFDS can load.

    The split is "train" unless the last part names another one (`test`, `train[:10%]`). Labels
    and their names are those of the feature `label`, if there is such.
    """

    def __init__(self, uri: str, name: str, max_pixels: int = images.MAX_PIXELS):
        self._builder, self._split = _builder(uri, name)
        self._max_pixels = max_pixels
        features = self._builder.info.features
        if "image" not in features:
            raise UserError(
                f'{uri}: the data set has no feature "image"; it has {", ".join(sorted(features))}'
            )
        labelled = "label" in features
        super().__init__(uri, tuple(features["label"].names) if labelled else ())
        self._info = self._builder.info.splits[self._split]

    @property
    def stored_bytes(self) -> int:
        whole = self._builder.info.splits[self._split.split("[")[0]]
        return int(whole.num_bytes * len(self) / max(whole.num_examples, 1))

    def __len__(self) -> int:
        return self._info.num_examples

    def pictures(self, channels: int = 3) -> Iterator[Picture]:
        readable = 0
        for index, (encoded, label) in enumerate(self._encoded().as_numpy_iterator()):
            image = self._decode(encoded, index, channels)
            if image is not None:
                readable += 1
                yield Picture(
                    name=self._name(index),
                    image=image,
                    label=int(label) if self.class_names else None,
                )
        self._refuse_if_empty(readable)

    def examples(self, seed: int, start: int, channels: int) -> tf.data.Dataset:
        # TFDS reads in sequence only: a resumed run reads over, but does not decode, what it
        # leaves out. Unreadable pictures are dropped after that.
        order = tf.data.Dataset.zip(tf.data.Dataset.range(len(self)), self._encoded())
        order = order.shuffle(SHUFFLE_BUFFER, seed, reshuffle_each_iteration=True).repeat()
        positions = tf.data.Dataset.counter(start)
        unreadable = np.zeros([0, 0, channels], np.uint8)

        def load(encoded, index):
            image = self._decode(encoded, int(index), channels)
            return [unreadable if image is None else image]

        def example(position, item):
            index, (encoded, label) = item
            (image,) = numpy_call(load, [encoded, index], [np.zeros([1, 1, channels], np.uint8)])
            return position, tf.ensure_shape(image, [None, None, channels]), label

        return (
            tf.data.Dataset.zip(positions, order.skip(start))
            .map(example, tf.data.AUTOTUNE, deterministic=True)
            .filter(lambda position, image, label: tf.size(image) > 0)
        )

    def _encoded(self) -> tf.data.Dataset:
        """Dataset of (encoded picture, int32 label or -1), in order."""
        decoders = {"image": _import_tfds().decode.SkipDecoding()}
        dataset = self._builder.as_dataset(
            split=self._split, decoders=decoders, shuffle_files=False
        )
        labelled = bool(self.class_names)
        return dataset.map(
            lambda example: (
                example["image"],
                tf.cast(example["label"] if labelled else -1, tf.int32),
            )
        )

    def _decode(self, encoded: bytes, index: int, channels: int) -> np.ndarray | None:
        try:
            return images.decode(encoded, self._name(index), channels, self._max_pixels)
        except UnreadableError as error:
            self.skip(self._name(index), error)
            return None

    def _name(self, index: int) -> str:
        return f"{self._split}#{index}"


def _import_tfds() -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            'tfds: needs tensorflow-datasets; install it with: pip install "vqvae_tf[data]"'
        ) from error
    return tensorflow_datasets


def _builder(uri: str, name: str) -> tuple[Any, str]:
    """The prepared TFDS builder and the split that NAME[/CONFIG][/SPLIT] stands for."""
    tfds = _import_tfds()
    known = tfds.list_builders()
    parts = name.split("/")
    if parts[0].split(":")[0] not in known:
        # The names of all data sets are too many for one line.
        raise UserError(f"{uri}: unknown data set; {nearest(parts[0], known).split('(all')[0]}")
    try:
        builder = tfds.builder(parts.pop(0))
        if parts and parts[0].split(":")[0] in builder.builder_configs:
            builder = tfds.builder(f"{builder.name}/{parts.pop(0)}")
        builder.download_and_prepare()
    except Exception as error:  # a version, a network, a disk or the data set's own code
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{uri}: TFDS cannot prepare the data set ({reason})") from error
    split = "/".join(parts) or "train"
    if split.split("[")[0] not in builder.info.splits:
        raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, builder.info.splits)}')
    return builder, split
