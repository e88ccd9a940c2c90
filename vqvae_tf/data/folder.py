"""Pictures in a folder and the folders below it."""

import os

import tensorflow as tf

from vqvae_tf.config import UserError
from vqvae_tf.data import images
from vqvae_tf.data.source import IndexedSource, Picture


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
        self._files = sorted(_picture_files(path))  # relative to the folder
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no pictures; files must end in "
                f"{', '.join(images.EXTENSIONS)}"
            )
        classes = [file.split(os.sep)[0] if os.sep in file else None for file in self._files]
        labelled = None not in classes
        super().__init__(uri, tuple(sorted(set(classes))) if labelled else ())
        numbers = {name: number for number, name in enumerate(self.class_names)}
        self._labels = [numbers.get(name) for name in classes]

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


def _picture_files(root: str):
    for folder, _, files in tf.io.gfile.walk(root):
        below = os.path.relpath(folder, root) if folder.rstrip("/") != root.rstrip("/") else ""
        if any(part.startswith(".") for part in below.split(os.sep)):
            continue
        for file in files:
            if file.lower().endswith(images.EXTENSIONS) and not file.startswith("."):
                yield os.path.join(below, file)
