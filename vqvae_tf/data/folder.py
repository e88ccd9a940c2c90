"""Pictures in a folder and the folders below it."""

import os

import tensorflow as tf

from vqvae_tf.data import images
from vqvae_tf.data.source import IndexedSource, Picture
from vqvae_tf.errors import UserError


class Folder(IndexedSource):
    """`folder:PATH`: every picture file below PATH, ordered by path.

    If all of them lie in sub-folders, the names of the immediate sub-folders are the classes.
    Hidden files and folders are left out.
    """

    def __init__(self, uri: str, path: str, max_pixels: int = images.MAX_PIXELS):
        if not tf.io.gfile.isdir(path):
            raise UserError(f'{uri}: there is no folder "{path}"; give the path of an existing one')
        self._path = path
        self._max_pixels = max_pixels
        self._files = files_below(path, images.EXTENSIONS)
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no pictures; files must end in "
                f"{', '.join(images.EXTENSIONS)}"
            )
        class_names, self._labels = classes_of(self._files)
        super().__init__(uri, class_names)

    @property
    def stored_bytes(self) -> int:
        return sum(tf.io.gfile.stat(os.path.join(self._path, file)).length for file in self._files)

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        return self._files[index]

    def read(self, index: int, channels: int = 3) -> Picture:
        path = os.path.join(self._path, self._files[index])
        return Picture(
            name=self._files[index],
            image=images.read(path, channels, self._max_pixels),
            label=self._labels[index],
        )


def files_below(root: str, extensions: tuple[str, ...]) -> list[str]:
    """Paths below `root`, relative to it and in order; nothing that is hidden."""
    found = []
    for folder, _, files in tf.io.gfile.walk(root):
        below = os.path.relpath(folder, root) if folder.rstrip("/") != root.rstrip("/") else ""
        if any(part.startswith(".") for part in below.split(os.sep)):
            continue
        found += [
            os.path.join(below, file)
            for file in files
            if file.lower().endswith(extensions) and not file.startswith(".")
        ]
    return sorted(found)


def classes_of(files: list[str]) -> tuple[tuple[str, ...], list[int | None]]:
    """Names of the immediate sub-folders and each file's number among them.

    Where a file lies in none, there are no names and no numbers.

    >>> classes_of(["b/1.png", "a/2.png"]), classes_of(["b/1.png", "2.png"])
    ((('a', 'b'), [1, 0]), ((), [None, None]))
    """
    folders = [file.split(os.sep)[0] if os.sep in file else None for file in files]
    if None in folders:
        return (), [None] * len(files)
    names = sorted(set(folders))
    return tuple(names), [names.index(folder) for folder in folders]
