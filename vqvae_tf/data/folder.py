"""Pictures in a folder and the folders below it."""

import contextlib
import os

from absl import logging

from vqvae_tf.data import disk, images
from vqvae_tf.data.disk import files_below
from vqvae_tf.data.source import IndexedSource, Picture, UnreadableError
from vqvae_tf.errors import UserError, listed


class Folder(IndexedSource):
    """`folder:PATH`: every picture file below PATH, ordered by path.

    If all of them are in sub-folders, the names of the immediate sub-folders are the classes.
    Hidden files and folders are left out. Files without an ending are taken if they begin as a
    picture does.
    """

    def __init__(self, uri: str, path: str, max_pixels: int = images.MAX_PIXELS):
        super().__init__(uri)
        disk.check_folder(uri, path)
        self._path = path
        self._max_pixels = max_pixels
        self._files = files_below(path, images.EXTENSIONS, self.skip, images.is_picture)
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no pictures; files must end in "
                f"{', '.join(images.EXTENSIONS)}"
            )
        self.class_names, self._labels = classes_of(uri, self._files)

    @property
    def stored_bytes(self) -> int:
        total = 0
        for file in self._files:
            # Files that cannot be read are logged when they are read later.
            with contextlib.suppress(UnreadableError):
                total += disk.size(os.path.join(self._path, file))
        return total

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return disk.printable(self._files[index])

    def read(self, index: int, channels: int = 3) -> Picture:
        path = os.path.join(self._path, self._files[index])
        return Picture(
            name=self.name(index),
            image=images.read(path, channels, self._max_pixels),
            label=self._labels[index],
        )


def classes_of(uri: str, files: list[str]) -> tuple[tuple[str, ...], list[int | None]]:
    """Names of the immediate sub-folders and each file's number among them.

    If a file is in none, there are no names and no numbers; if others are in one, the log says so.

    >>> classes_of("folder:x", ["b/1.png", "a/2.png"]), classes_of("folder:x", ["2.png"])
    ((('a', 'b'), [1, 0]), ((), [None]))
    """
    folders = [disk.printable(file.split(os.sep)[0]) if os.sep in file else "" for file in files]
    if "" in folders:
        outside = [disk.printable(file) for file in files if os.sep not in file]
        if len(outside) < len(files):
            logging.warning(
                "%s: no classes, since %d of %d files are in no sub-folder: %s",
                uri,
                len(outside),
                len(files),
                listed(outside),
            )
        return (), [None] * len(files)
    names = sorted(set(folders))
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(names), [numbers[folder] for folder in folders]
