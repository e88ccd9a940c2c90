"""Compiled functions of a model for pictures of any size, in bounded memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from vqvae_tf import models
from vqvae_tf.media.evaluation import BATCH_PIXELS
from vqvae_tf.media.medium import Encode
from vqvae_tf.media.pieces import pieces


class CompiledImageModel:
    """A model's pixel-level functions, each traced once for pictures of any size.

    A large picture is processed in pieces. Each piece includes its surroundings up to the networks'
    `config.reach`, so that codes, pixels and bits are those of the whole picture.

    Args:
        model: the autoencoder.
        search: function of pictures and their conditions that returns codes; None takes the nearest
            codes. A search changes codes one after another, so those of a large picture depend
            slightly on where it is cut.
        piece_pixels: pixels of a piece, without its surroundings.
    """

    def __init__(
        self,
        model: models.ImageModel,
        search: Encode | None = None,
        piece_pixels: int = BATCH_PIXELS,
    ):
        config = model.config
        picture = tf.TensorSpec([None, None, None, config.data.channels], tf.uint8)
        codes = model.codes_spec

        def traced(function, *arguments):
            return tf.function(function, input_signature=arguments, autograph=False)

        self._nearest, self._search = traced(model.encode, picture), search
        self._decode = traced(model.decode, codes)
        self._bits = traced(model.bits, {"image": picture}, codes)
        self._stride, self._reach = config.stride, config.reach
        self._area = max(1, piece_pixels // config.stride**2)  # places of the code grid

    def encode(self, images: Any, conditions: Mapping[str, Any] | None = None) -> Any:
        """Codes of pictures; a search with a prior uses their conditions."""
        batch, *size = images.shape[:3]
        grid = [-(-side // self._stride) for side in size]
        whole = None
        for piece in self._pieces(batch, *grid):
            part = np.asarray(self._encode(images[:, *self._pixels(piece.outer)], conditions))
            if whole is None:
                whole = np.empty([batch, *grid, *part.shape[3:]], part.dtype)
            whole[:, *piece.inner] = part[:, *piece.within]
        return whole

    def decode(self, codes: Any) -> Any:
        """Decodes codes to uint8 pictures."""
        batch, *grid = codes.shape[:3]
        whole = None
        for piece in self._pieces(batch, *grid):
            part = np.asarray(self._decode(codes[:, *piece.outer]))
            if whole is None:
                size = [side * self._stride for side in grid]
                whole = np.empty([batch, *size, part.shape[3]], part.dtype)
            whole[:, *self._pixels(piece.inner)] = part[:, *self._pixels(piece.within)]
        return whole

    def bits(self, batch: Mapping[str, Any], codes: Any) -> dict[str, np.ndarray]:
        """`reconstruction`: -log2 p(x|z) of the pictures `image` given their codes, `[batch]`."""
        images = batch["image"]
        total = np.zeros(len(images))
        for piece in self._pieces(*codes.shape[:3]):
            part = images[:, *self._pixels(piece.outer)], codes[:, *piece.outer]
            (top, bottom), (left, right) = ((place.start, place.stop) for place in piece.within)
            # A model counts bits from the first decoded pixel. The bits above the piece and to its
            # left are computed from a corner of it, and subtracted.
            total += self._bits_of_corner(*part, bottom, right)
            total -= self._bits_of_corner(*part, top, right)
            total -= self._bits_of_corner(*part, bottom, left)
            total += self._bits_of_corner(*part, top, left)
        return {"reconstruction": total}

    def _pieces(self, batch, height, width):
        return pieces(height, width, max(1, self._area // batch), self._reach)

    def _pixels(self, places):
        return tuple(
            slice(place.start * self._stride, place.stop * self._stride) for place in places
        )

    def _encode(self, images, conditions):
        if self._search is None:
            return self._nearest(images)
        return self._search(images, conditions or {})

    def _bits_of_corner(self, images, codes, rows, columns):
        """Bits of the pixels of the first rows and columns of the code grid."""
        if rows == 0 or columns == 0:
            return 0.0
        images = images[:, : rows * self._stride, : columns * self._stride]
        codes = codes[:, : rows + self._reach, : columns + self._reach]
        return np.asarray(self._bits({"image": images}, codes)["reconstruction"], np.float64)
