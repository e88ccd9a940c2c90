"""Handwritten digits of the scikit-learn wheel, which need no download."""

import functools

import numpy as np

from vqvae_tf.data import images
from vqvae_tf.data.source import IndexedSource, Picture
from vqvae_tf.errors import UserError, nearest
from vqvae_tf.optional_packages import require

SIDE = 32  # pixels; the stored digits are 8 x 8
TEST_SHARE = 0.2
SPLITS = ("train", "test")


class EmbeddedDigits(IndexedSource):
    """`embedded:digits[/SPLIT]`: 1,797 handwritten digits of 8x8 pixels, enlarged to 32x32.

    They are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak,
    UCI, CC BY 4.0), as included in scikit-learn, in its order:

    - `train` (the default): the first 1,438;
    - `test`: the last 359.

    The label is the digit.
    """

    def __init__(self, uri: str, split: str = "train"):
        if split not in SPLITS:
            raise UserError(f'{uri}: unknown split "{split}"; {nearest(split, SPLITS)}')
        super().__init__(uri, tuple("0123456789"))
        pixels, labels = _all_digits()
        start = round(len(labels) * (1 - TEST_SHARE))
        chosen = slice(start, None) if split == "test" else slice(0, start)
        self._first = chosen.start
        self._pixels, self._labels = pixels[chosen], labels[chosen]

    @property
    def stored_bytes(self) -> int:
        return self._pixels.nbytes

    def __len__(self) -> int:
        return len(self._labels)

    def name(self, index: int) -> str:
        return f"digit_{self._first + index:04}"

    def read(self, index: int, channels: int = 3) -> Picture:
        image = images.resize(self._pixels[index], SIDE, SIDE)
        return Picture(
            name=self.name(index),
            image=np.repeat(image, channels, axis=-1),
            label=int(self._labels[index]),
        )


@functools.cache
def _all_digits() -> tuple[np.ndarray, np.ndarray]:
    """uint8 `[1797, 8, 8, 1]`, white ink on black, and labels."""
    datasets = require("sklearn.datasets", "photos", "embedded:digits")
    pixels, labels = datasets.load_digits(return_X_y=True)  # 0 to 16
    pixels = np.round(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    return pixels, labels
