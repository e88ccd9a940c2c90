"""Pictures of TensorFlow Datasets, an optional package."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf.data import images, tfds_builder
from vqvae_tf.data.numpy_call import numpy_call
from vqvae_tf.data.source import Picture, Source, UnreadableError
from vqvae_tf.errors import UserError, reason

SHUFFLE_BUFFER = 4096  # encoded pictures; TFDS shuffled them once when it wrote them


class TensorFlowDatasets(Source):
    """`tfds:NAME[/CONFIG][/SPLIT]`: feature `image` of a data set that TFDS can load.

    The split is "train" unless the last part names another one (`test`, `train[:10%]`). Labels
    and their names are those of the feature `label`, if it is a `ClassLabel`.
    """

    def __init__(self, uri: str, name: str, max_pixels: int = images.MAX_PIXELS):
        self._builder, self._split = tfds_builder.builder_of(uri, name)
        self._max_pixels = max_pixels
        features = _features(uri, self._builder)
        super().__init__(uri, tfds_builder.class_names(uri, features.get("label")))
        self._info = tfds_builder.split_info(uri, self._builder, self._split)

    @property
    def stored_bytes(self) -> int:
        whole = self._builder.info.splits[self._split.split("[")[0]]
        return int(whole.num_bytes * len(self) / max(whole.num_examples, 1))

    def __len__(self) -> int:
        return self._info.num_examples

    def pictures(self, channels: int = 3) -> Iterator[Picture]:
        try:
            yield from self.read_all(
                (self._name(index), functools.partial(self._read, encoded, label, index, channels))
                for index, (encoded, label) in enumerate(self._encoded().as_numpy_iterator())
            )
        except tf.errors.OpError as error:
            raise UserError(f"{self.uri}: TFDS cannot read its files ({reason(error)})") from error

    def examples(self, seed: int, start: int, channels: int) -> tf.data.Dataset:
        # TFDS reads only in sequence: a resumed run reads, but does not decode, the pictures that
        # it skips. Unreadable pictures are dropped after that.
        order = tf.data.Dataset.zip(tf.data.Dataset.range(len(self)), self._encoded())
        order = order.shuffle(SHUFFLE_BUFFER, seed, reshuffle_each_iteration=True).repeat()
        positions = tf.data.Dataset.counter(start)
        unreadable = np.zeros([0, 0, channels], np.uint8)

        def load(encoded, label, index):
            try:
                return [self._read(encoded, label, int(index), channels)["image"]]
            except UnreadableError as error:
                self.skip(self._name(int(index)), error)
                return [unreadable]

        def example(position, item):
            index, (encoded, label) = item
            idle = [np.zeros([1, 1, channels], np.uint8)]
            (image,) = numpy_call(load, [encoded, label, index], idle)
            image = tf.ensure_shape(image, [None, None, channels])
            return position, image, tf.cast(label, tf.int32)

        return (
            tf.data.Dataset.zip(positions, order.skip(start))
            .map(example, tf.data.AUTOTUNE, deterministic=True)
            .filter(lambda position, image, label: tf.size(image) > 0)
        )

    def _encoded(self) -> tf.data.Dataset:
        """Dataset of (encoded picture, int64 label or -1), in order."""
        decoders = {"image": tfds_builder.package().decode.SkipDecoding()}
        dataset = self._builder.as_dataset(
            split=self._split, decoders=decoders, shuffle_files=False
        )
        labelled = bool(self.class_names)
        return dataset.map(
            lambda example: (
                example["image"],
                tf.cast(example["label"] if labelled else -1, tf.int64),
            )
        )

    def _read(self, encoded: bytes, label: Any, index: int, channels: int) -> Picture:
        name = self._name(index)
        if label and not -1 <= label < len(self.class_names):
            raise UnreadableError(
                f"{name}: label must lie in [0, {len(self.class_names)}), or be -1 for none; "
                f"received {label}"
            )
        image = images.decode(encoded, name, channels, self._max_pixels)
        return Picture(name=name, image=image, label=int(label) if self.class_names else None)

    def _name(self, index: int) -> str:
        return f"{self._split}#{index}"


def _features(uri: str, builder: Any) -> dict[str, Any]:
    """The features by name, after a check of the required one."""
    features = tfds_builder.features_of(builder)
    image = features.get("image")
    kind = tfds_builder.package().features.Image
    # TFDS stores a float as the four bytes of a pixel, which other readers do not understand.
    if not isinstance(image, kind) or not np.issubdtype(image.np_dtype, np.integer):
        raise UserError(
            f'{uri}: the data set has no feature "image" of 8- or 16-bit pictures; it has '
            f"{tfds_builder.shown_features(builder)}"
        )
    return features
