"""Decodes picture files to uint8 pixels by Pillow, in the same way for all sources."""

import io
import os
import re

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from vqvae_tf.data import disk
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError, reason

MAX_PIXELS = 50_000_000  # the default bound
# The formats that Pillow may try. Others run programs (EPS runs Ghostscript, which executes the
# content of the file) or are rarely used and little tested.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
EXTENSIONS = (
    ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm",
    ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
_BMP_HEADERS = [size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)]
_UPRIGHT = {  # EXIF orientation -> how to turn the stored picture
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(
    data: bytes, name: str = "picture", channels: int = 3, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decodes a picture file held in memory.

    The format is determined by the content and must be one of `FORMATS`. The EXIF orientation is
    applied; EXIF that cannot be read is ignored. Transparent pixels are blended with white. 16-bit
    grey is scaled (not clipped) to 8 bits; so are floating-point pixels, which must lie in [0, 1].
    Palette, CMYK and other colour models are converted. The first frame of an animation is used.

    Args:
        data: the encoded file.
        name: name of the picture in errors.
        channels: 3 for colour, 1 for grey.
        max_pixels: larger pictures are refused by their header, before any pixel is decoded.

    Returns:
        uint8 `[height, width, channels]`.

    Raises:
        UnreadableError: the file is damaged, not a picture, or has more than `max_pixels` pixels.
        UserError: `channels` is another number.

    >>> decode(encode(np.zeros([2, 3, 3], np.uint8)), channels=1).shape
    (2, 3, 1)
    """
    if channels not in (1, 3):
        raise UserError(f"channels must be 1 or 3; received {channels}")
    name = disk.printable(name)
    try:
        _check_pixels(_webp_canvas(data), name, max_pixels)  # Pillow allocates it on opening
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(image.size, name, max_pixels)
            _check_pixels(_tile_of_tiff(image), name, max_pixels)
            image.load()
            pixels = np.asarray(_to_8_bits(_upright(image), name, channels))
    except UnreadableError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableError(f"{name}: not a readable picture (of no known format)") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, checked on opening
        raise UnreadableError(f"{name}: refused, {error}; make it smaller") from error
    except Exception as error:  # a damaged file may raise any error
        text = re.sub(r"<\S+ object at \w+>", "the file", reason(error))
        raise UnreadableError(f"{name}: not a readable picture ({text})") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def is_picture(header: bytes) -> bool:
    """Whether a file that begins with these 32 bytes may be a picture for `decode`.

    >>> is_picture(encode(np.zeros([2, 3, 3], np.uint8))[:32]), is_picture(b"# Notes")
    (True, False)
    """
    return bool(
        header.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))
        or (header.startswith(b"BM") and header[14:18] in _BMP_HEADERS)
        or header.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))
        or re.match(rb"P[1-6]\s+[\d#]", header)
        or (header.startswith(b"RIFF") and header[8:12] == b"WEBP")
        or header[4:12] in (b"ftypavif", b"ftypavis")
    )


def read(path: str | os.PathLike, channels: int = 3, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decodes the picture file at any `tf.io.gfile` path; see `decode`.

    Raises:
        UnreadableError: as in `decode`, or the file is absent or too large for such a picture.
    """
    path = os.fspath(path)
    with disk.reading(path) as (file, size):
        if size > most_bytes(max_pixels):
            raise UnreadableError(
                f"{disk.printable(path)}: {size:,} bytes are too many for a picture of at most "
                f"{max_pixels:,} pixels; make it smaller or raise max_pixels"
            )
        data = file.read(size)
    return decode(data, path, channels, max_pixels)


def most_bytes(max_pixels: int = MAX_PIXELS) -> int:
    """Bytes of the largest file with this many pixels: 16-bit RGBA and metadata."""
    return 8 * max_pixels + 2**20


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


def _webp_canvas(data: bytes) -> tuple[int, int]:
    """(width, height) from the header of a WebP file; (0, 0) for another file."""
    kind = data[12:16] if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else b""
    if kind == b"VP8X":  # 24 bits each, less one
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if kind == b"VP8L":  # 14 bits each, less one, after a signature
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return (
            int.from_bytes(data[26:28], "little") & 0x3FFF,
            int.from_bytes(data[28:30], "little") & 0x3FFF,
        )
    return 0, 0


def _tile_of_tiff(image: Image.Image) -> tuple[int, int]:
    """(width, height) of a TIFF file's tiles, which may be larger than its picture."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(322, 0), tags.get(323, 0)


def _upright(image: Image.Image) -> Image.Image:
    """The picture, turned by its EXIF orientation."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # invalid metadata with valid pixels
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _to_8_bits(image: Image.Image, name: str, channels: int) -> Image.Image:
    target = "RGB" if channels == 3 else "L"
    if image.mode == "F" or image.mode.startswith("I"):
        # Pillow's conversion would clip these at 255.
        image = Image.fromarray(_scaled_to_8_bits(np.asarray(image), name))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == target else image.convert(target)


def _scaled_to_8_bits(pixels: np.ndarray, name: str) -> np.ndarray:
    whole = np.issubdtype(pixels.dtype, np.integer)
    top = 65535.0 if whole else 1.0  # Pillow returns 16-bit grey as uint16 or as int32, by format
    if not (pixels.min() >= 0 and pixels.max() <= top):  # so that NaN fails too
        raise UnreadableError(
            f"{name}: {'integer' if whole else 'floating-point'} pixels must lie in "
            f"[0, {top:.0f}]; received [{pixels.min()}, {pixels.max()}]; save it as 8-bit"
        )
    return np.rint(pixels * np.float32(255.0 / top)).astype(np.uint8)
