"""Arrays of pixels and of codes as pictures: mosaics, code maps, PNG and WebP bytes, data URIs."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vqvae_tf.errors import UserError

_GREY = 128  # between pictures of a mosaic, for light and dark pages


def to_rgb(image: np.ndarray) -> np.ndarray:
    """The picture as uint8 `[height, width, 3]`; grey is repeated.

    Args:
        image: uint8, `[height, width]`, `[height, width, 1]` or `[height, width, 3]`.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        UserError: for another type or shape.

    >>> to_rgb(np.zeros((4, 6), np.uint8)).shape
    (4, 6, 3)
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise UserError(
            "a picture must be uint8 of [height, width], [height, width, 1] or "
            f"[height, width, 3]; received {image.dtype} of {list(image.shape)}"
        )
    if image.size == 0:
        raise UserError(f"a picture must have pixels; received {list(image.shape)}")
    return np.broadcast_to(image, (*image.shape[:2], 3))


def sheet(images: Sequence[np.ndarray], columns: int, padding: int = 2) -> np.ndarray:
    """Arranges pictures in rows, on grey; each cell is as large as the largest picture.

    Args:
        images: uint8 pictures, `[height, width, 1 or 3]` each; sizes may differ.
        columns: pictures in a row; the last row may be shorter.
        padding: grey pixels between the cells; there are none around them.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        UserError: without pictures, or with fewer than one column.

    >>> tiles = np.zeros((5, 8, 8, 3), np.uint8)
    >>> sheet(tiles, columns=3, padding=2).shape
    (18, 28, 3)
    """
    images = [to_rgb(image) for image in images]
    if not images:
        raise UserError("a sheet needs at least one picture; received none")
    if columns < 1:
        raise UserError(f"a sheet needs at least one column; received {columns}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = max(image.shape[0] for image in images)
    width = max(image.shape[1] for image in images)
    canvas = np.full(
        (rows * (height + padding) - padding, columns * (width + padding) - padding, 3),
        _GREY,
        np.uint8,
    )
    for index, image in enumerate(images):
        top = index // columns * (height + padding)
        left = index % columns * (width + padding)
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    return canvas


def beside(*images: np.ndarray, padding: int = 4) -> np.ndarray:
    """Pictures in one row: an original next to its reconstruction.

    >>> photograph = np.zeros((8, 6, 3), np.uint8)
    >>> beside(photograph, photograph).shape
    (8, 16, 3)
    """
    return sheet(images, columns=len(images), padding=padding)


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Repeats every pixel `factor` times along both axes, without interpolation.

    >>> enlarge(np.zeros((2, 3, 3), np.uint8), 4).shape
    (8, 12, 3)
    """
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def code_colours(codebook: np.ndarray) -> np.ndarray:
    """A colour for every code; codes with similar vectors have similar colours.

    The codes are ranked along the first three principal components of the codebook. The first rank
    determines the lightness, the other two the hue. Ranks are used instead of values, since with a
    few outliers all other codes would have the same colour.

    Args:
        codebook: `[num_embeddings, dimension]`.

    Returns:
        uint8 `[num_embeddings, 3]`; the same for the same codebook.

    Raises:
        UserError: if the codebook is not a matrix of finite numbers.

    >>> code_colours(np.arange(4.0)[:, None])[:, 0].tolist()
    [40, 98, 157, 215]
    """
    codebook = np.asarray(codebook, np.float64)
    if codebook.ndim != 2 or codebook.size == 0 or not np.isfinite(codebook).all():
        raise UserError(
            "a codebook must be [num_embeddings, dimension] of finite numbers; "
            f"received {list(codebook.shape)}"
        )
    centred = codebook - codebook.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    # A component's sign is arbitrary; this choice gives the same colours on every machine.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(len(values))])
    components = (centred @ vectors)[:, ::-1][:, :3]
    ranks = components.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    shares = ranks / max(len(codebook) - 1, 1)
    # Without this, a constant dimension would colour codes by the order of the rows.
    shares[:, values[::-1][:3] <= 1e-12 * max(values[-1], 1e-300)] = 0.5
    shares = np.pad(shares, ((0, 0), (0, 3 - shares.shape[1])), constant_values=0.5)
    lightness, blue, red = 40 + 175 * shares[:, 0], *(110 * (shares[:, 1:].T - 0.5))
    # Full-range YCbCr to RGB (ITU-T T.871).
    colours = np.stack(
        [
            lightness + 1.402 * red,
            lightness - 0.344136 * blue - 0.714136 * red,
            lightness + 1.772 * blue,
        ],
        axis=-1,
    )
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def code_map(codes: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """The grid of codes as a picture, one pixel per code, coloured by `code_colours`.

    Args:
        codes: integers in 0 .. num_embeddings - 1, `[rows, columns]`.
        codebook: `[num_embeddings, dimension]`.

    Returns:
        uint8 `[rows, columns, 3]`.

    Raises:
        UserError: for codes that are not a grid or not in the codebook.

    >>> code_map(np.array([[0, 1, 1]]), np.array([[0.0], [1.0]]))[..., 0].tolist()
    [[40, 215, 215]]
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not np.issubdtype(codes.dtype, np.integer) or codes.size == 0:
        raise UserError(
            "a code map needs whole numbers of [rows, columns]; "
            f"received {codes.dtype} of {list(codes.shape)}"
        )
    if codes.min() < 0 or codes.max() >= len(codebook):
        raise UserError(
            f"codes must lie in 0 .. {len(codebook) - 1}; "
            f"received {codes.min()} .. {codes.max()}: do they belong to this codebook?"
        )
    return code_colours(codebook)[codes]


def encode_png(image: np.ndarray) -> bytes:
    """The picture as a PNG file (lossless).

    >>> encode_png(np.zeros((2, 2, 3), np.uint8))[1:4]
    b'PNG'
    """
    return _encode(image, "PNG", optimize=True)


def encode_webp(image: np.ndarray) -> bytes:
    """The picture as a lossless WebP file, about a third smaller than PNG for photographs.

    >>> encode_webp(np.zeros((2, 2, 3), np.uint8))[8:12]
    b'WEBP'
    """
    return _encode(image, "WEBP", lossless=True)


def _encode(image: np.ndarray, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(to_rgb(image))).save(buffer, kind, **options)
    return buffer.getvalue()


def data_uri(data: bytes, media_type: str = "image/webp") -> str:
    """The bytes as a data URI, for embedding in a page.

    >>> data_uri(b"abc", "text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
