"""Photographs of the scikit-image and scikit-learn wheels, which need no download."""

import importlib.util
import os
from typing import NamedTuple

from vqvae_tf.data import images
from vqvae_tf.data.source import IndexedSource, Picture
from vqvae_tf.errors import UserError, nearest

TEST_COLUMNS = 128  # the right-hand strip of every training photograph: the split "region"
VALIDATION_COLUMNS = 64  # the strip to the left of it, for choosing settings


class Photograph(NamedTuple):
    """A photograph, its credit and its use.

    Attributes:
        package: the package that contains it.
        file: name of the file in the package.
        credit: the credit stated by the package; one with "by" must be shown with the picture.
        shown: whether it may be shown in reports, documents and results.
        halved: whether it is used at half its size.
    """

    package: str
    file: str
    credit: str
    shown: bool = True
    halved: bool = False


TRAINING = {
    "astronaut": Photograph("skimage", "astronaut.png", "NASA, public domain"),
    "coffee": Photograph("skimage", "coffee.png", "Rachel Michetti, CC0"),
    "rocket": Photograph("skimage", "rocket.jpg", "SpaceX, public domain"),
    "motorcycle": Photograph(
        "skimage", "motorcycle_left.png", "Middlebury stereo 2014, no licence stated", shown=False
    ),
    "flower": Photograph("sklearn", "flower.jpg", "Flickr user vultilion, CC BY 2.0"),
    "retina": Photograph("skimage", "retina.jpg", "Mikael Haggstrom, CC0", halved=True),
    "ihc": Photograph("skimage", "ihc.png", "no known copyright restrictions"),
    "hubble": Photograph("skimage", "hubble_deep_field.jpg", "NASA, public domain"),
    "camera": Photograph("skimage", "camera.png", "CC0"),
    "brick": Photograph("skimage", "brick.png", "CC0"),
    "grass": Photograph("skimage", "grass.png", "CC0"),
    "gravel": Photograph("skimage", "gravel.png", "CC0"),
    "coins": Photograph("skimage", "coins.png", "Brooklyn Museum, no known restrictions"),
}
HELD_OUT = {
    "chelsea": Photograph("skimage", "chelsea.png", "Stefan van der Walt, CC0"),
    "china": Photograph("sklearn", "china.jpg", "Flickr user danielbuechele, CC BY 2.0"),
}

_FOLDERS = {"skimage": ("data",), "sklearn": ("datasets", "images")}
_COLUMNS = {
    "train": slice(None, -TEST_COLUMNS - VALIDATION_COLUMNS),
    "validation": slice(-TEST_COLUMNS - VALIDATION_COLUMNS, -TEST_COLUMNS),
    "region": slice(-TEST_COLUMNS, None),
    "photo": slice(None),
}


class EmbeddedPhotos(IndexedSource):
    """`embedded:photos[/SPLIT]`: 15 photographs, split so that no pixel is in two splits.

    - `train` (the default): 13 photographs without their 192 right-hand columns;
    - `validation`: columns -192 to -128 of the same photographs, for choosing settings;
    - `region`: their 128 right-hand columns, for testing;
    - `photo`: two other photographs, whole, for testing: chelsea and china.

    The label is the photograph's number among the 13; `photo` has no labels.
    """

    def __init__(self, uri: str, split: str = "train"):
        if split not in _COLUMNS:
            raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, _COLUMNS)}')
        labelled = split != "photo"
        super().__init__(uri, tuple(TRAINING) if labelled else ())
        self._columns = _COLUMNS[split]
        self._photographs = TRAINING if labelled else HELD_OUT
        self._names = tuple(self._photographs)
        self._paths = [_path(photograph) for photograph in self._photographs.values()]

    @property
    def stored_bytes(self) -> int:
        return sum(os.path.getsize(path) for path in self._paths)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def read(self, index: int, channels: int = 3) -> Picture:
        name = self._names[index]
        image = images.read(self._paths[index], channels)
        if self._photographs[name].halved:
            image = images.resize(image, round(image.shape[0] / 2), round(image.shape[1] / 2))
        return Picture(
            name=name,
            image=image[:, self._columns],
            label=index if self.class_names else None,
        )


def _path(photograph: Photograph) -> str:
    spec = importlib.util.find_spec(photograph.package)  # finds it without importing it
    origin = (spec and spec.origin) or ""
    path = os.path.join(os.path.dirname(origin), *_FOLDERS[photograph.package], photograph.file)
    if not origin or not os.path.exists(path):
        raise UserError(
            f"embedded:photos needs {photograph.file} of the package {photograph.package}; "
            'install it with: pip install "vqvae_tf[photos]"'
        )
    return path
