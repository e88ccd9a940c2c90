"""Pictures in TFRecord files (docs/formats.md)."""

from vqvae_tf.data import disk, images, records
from vqvae_tf.data.record_files import RecordFiles, shards
from vqvae_tf.data.source import IndexedSource, Picture, UnreadableError


class ImageRecords(IndexedSource):
    """`tfrecord:GLOB`: the encoded pictures of TFRecord files, in the order of the files' names.

    Labels are named by the lines of `classes.txt` next to the files, else by their numbers.
    """

    def __init__(self, uri: str, pattern: str, max_pixels: int = images.MAX_PIXELS):
        # A record also holds the name and the label of a picture.
        most_bytes = images.most_bytes(max_pixels) + 2**20
        self._files = RecordFiles(uri, shards(uri, pattern), most_bytes)
        self._max_pixels = max_pixels
        super().__init__(uri, records.class_names_of(self._files))
        self._unreadable.update(self._files.truncated)

    @property
    def stored_bytes(self) -> int:
        return self._files.stored_bytes

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return self._files.name(index)

    def read(self, index: int, channels: int = 3) -> Picture:
        place = self._files.name(index)
        features = records.Features(self._files.read(index), place)
        encoded = features.encoded("image")
        if not encoded:
            raise UnreadableError(
                f'{place}: no feature "image"; it holds {features.names or "nothing"}'
            )
        if len(encoded) > 1:
            raise UnreadableError(
                f'{place}: {len(encoded)} values of "image"; write one per record'
            )
        return Picture(
            name=disk.printable(features.text("name", place)),
            image=images.decode(encoded[0], place, channels, self._max_pixels),
            label=features.class_number("label", self.class_names),
        )
