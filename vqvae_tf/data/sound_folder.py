"""Sound files in a folder and the folders below it."""

import functools
import os
from collections.abc import Callable, Iterator

from vqvae_tf.data import disk, sound_files
from vqvae_tf.data.folder import classes_of
from vqvae_tf.data.sounds import Sound, SoundSource
from vqvae_tf.errors import UserError


class SoundFolder(SoundSource):
    """`folder:PATH`: every sound file below PATH, ordered by path.

    If all of them are in sub-folders, the names of the immediate sub-folders are the speakers.
    Hidden files and folders are left out. Files without an ending are taken if they begin as a
    sound does.
    """

    def __init__(self, uri: str, path: str):
        super().__init__(uri)
        disk.check_folder(uri, path)
        self._path = path
        self._files = disk.files_below(
            path, sound_files.EXTENSIONS, self.skip, sound_files.is_sound
        )
        if not self._files:
            raise UserError(
                f"{uri}: the folder holds no sounds; files must end in "
                f"{', '.join(sound_files.EXTENSIONS)}"
            )
        self.class_names, self._speakers = classes_of(uri, self._files)

    def __len__(self) -> int:
        return len(self._files)

    def entries(self, sample_rate: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
        for index, file in enumerate(self._files):
            name = disk.printable(file)
            yield name, functools.partial(self._read, index, name, sample_rate)

    def _read(self, index: int, name: str, sample_rate: int) -> Sound:
        path = os.path.join(self._path, self._files[index])
        return Sound(
            name=name,
            audio=sound_files.read(path, sample_rate),
            speaker=self._speakers[index],
            phones=None,
            text=None,
        )
