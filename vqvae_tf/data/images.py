"""Any picture file -> uint8 pixels, by Pillow, so that every source sees the same pixels."""

import io
import os

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError

MAX_PIXELS = 50_000_000  # the default bound; a decoded picture then stays below 200 MB
EXTENSIONS = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip


def decode(
    data: bytes, name: str = "picture", channels: int = 3, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decodes a picture file held in memory.

    The EXIF orientation is applied. Transparent pixels are laid over white. 16-bit grey is scaled
    (not clipped) to 8 bits; so are floating-point pixels, which must lie in [0, 1]. Palette, CMYK
    and other colour models are converted. Of an animation the first frame is taken.

    Args:
        data: the encoded file.
        name: what to call the picture in an error.
        channels: 3 for colour, 1 for grey.
        max_pixels: larger pictures are refused on their header, before any pixel is decoded.

    Returns:
        uint8 `[height, width, channels]`.

    Raises:
        UnreadableError: the file is damaged, no picture, or has more than `max_pixels` pixels.

    >>> decode(encode(np.zeros([2, 3, 3], np.uint8)), channels=1).shape
    (2, 3, 1)
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_pixels(image.size, name, max_pixels)
            pixels = np.asarray(_to_8_bits(ImageOps.exif_transpose(image), name, channels))
    except UnreadableError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableError(f"{name}: not a readable picture (of no known format)") from error
    except Image.DecompressionBombError as error:  # Pillow's own bound, met while opening
        raise UnreadableError(f"{name}: refused, {error}; make it smaller") from error
    except Exception as error:  # a damaged file raises whatever its decoder stumbled over
        raise UnreadableError(f"{name}: not a readable picture ({_first_line(error)})") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def read(path: str | os.PathLike, channels: int = 3, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes the picture file at any `tf.io.gfile` path; see `decode`.

    Raises:
        UnreadableError: as `decode`; also a file that is absent or too large to be such a picture.
    """
    path = os.fspath(path)
    try:
        size = tf.io.gfile.stat(path).length
        if size > 8 * max_pixels + 2**20:  # 16-bit RGBA without compression, and its metadata
            raise UnreadableError(
                f"{path}: a file of {size:,} bytes is too large for a picture of at most "
                f"{max_pixels:,} pixels; make it smaller or raise max_pixels"
            )
        with tf.io.gfile.GFile(path, "rb") as file:
            data = file.read()
    except tf.errors.OpError as error:
        raise UnreadableError(f"{path}: cannot be read ({_first_line(error)})") from error
    return decode(data, path, channels, max_pixels)


def encode(pixels: np.ndarray) -> bytes:
    """The PNG file (lossless) of uint8 pixels `[height, width, 3 or 1]`."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] not in (1, 3):
        raise UserError(
            "a picture must be uint8 [height, width, 3 or 1]; "
            f"received {pixels.dtype} {list(pixels.shape)}"
        )
    buffer = io.BytesIO()
    _to_pillow(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes uint8 pixels: Lanczos to shrink (no aliasing), bicubic to enlarge (less ringing)."""
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    resized = np.asarray(_to_pillow(pixels).resize((width, height), method))
    return resized.reshape(height, width, pixels.shape[-1])


def _to_pillow(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[:, :, 0])


def _check_pixels(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise UnreadableError(
            f"{name}: {width} x {height} pixels are more than {max_pixels:,}; make it smaller or "
            "raise max_pixels"
        )


def _to_8_bits(image: Image.Image, name: str, channels: int) -> Image.Image:
    target = "RGB" if channels == 3 else "L"
    if image.mode == "F" or image.mode.startswith("I"):
        # Pillow's own conversion clips these at 255.
        image = Image.fromarray(_scaled_to_8_bits(np.asarray(image), name))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(target)


def _scaled_to_8_bits(pixels: np.ndarray, name: str) -> np.ndarray:
    whole = np.issubdtype(pixels.dtype, np.integer)
    top = 65535.0 if whole else 1.0  # Pillow gives 16-bit grey as uint16 or as int32, by format
    if not (pixels.min() >= 0 and pixels.max() <= top):  # so that NaN fails too
        raise UnreadableError(
            f"{name}: {'integer' if whole else 'floating-point'} pixels must lie in "
            f"[0, {top:.0f}]; received [{pixels.min()}, {pixels.max()}]; save it as 8-bit"
        )
    return np.rint(pixels * np.float32(255.0 / top)).astype(np.uint8)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
