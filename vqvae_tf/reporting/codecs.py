"""JPEG and WebP for comparison: the quality of common codecs at the same rate."""

import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image

from vqvae_tf.errors import UserError, nearest
from vqvae_tf.reporting import pictures

_QUALITIES = range(1, 96)  # above 95 JPEG mostly stores rounding noise, according to Pillow


@dataclasses.dataclass(frozen=True)
class CodecResult:
    """Pictures after a codec, all at one quality setting.

    Attributes:
        format: "jpeg" or "webp".
        quality: the codec's quality setting, 1 to 95.
        bits_per_pixel: counted bits of all pictures divided by the number of pixels.
        psnr: PSNR of the pooled squared error, in dB.
        images: the decoded pictures, uint8 `[height, width, 3]`.
    """

    format: str
    quality: int
    bits_per_pixel: float
    psnr: float
    images: tuple[np.ndarray, ...]


def pooled_psnr(originals: Sequence[np.ndarray], reconstructions: Sequence[np.ndarray]) -> float:
    """PSNR of the squared error pooled over all pictures of a set.

    Args:
        originals, reconstructions: uint8 pictures; both of a pair have the same shape.

    Returns:
        10 log10(255^2 / mean squared error) in dB; infinite for equal pictures.

    Raises:
        UserError: without pictures, or if the pairs do not match.

    >>> black, grey = np.zeros((2, 4, 4, 3), np.uint8)
    >>> round(pooled_psnr([black, black], [grey, grey + 51]), 2)
    16.99
    """
    if len(originals) != len(reconstructions) or not len(originals):
        raise UserError(
            "PSNR needs as many originals as reconstructions, at least one; "
            f"received {len(originals)} and {len(reconstructions)}"
        )
    error, count = 0.0, 0
    for original, reconstruction in zip(originals, reconstructions, strict=True):
        if original.shape != reconstruction.shape:
            raise UserError(
                "a reconstruction must have its original's shape "
                f"{list(original.shape)}; received {list(reconstruction.shape)}"
            )
        error += np.square(original.astype(np.float64) - reconstruction).sum()
        count += original.size
    return float("inf") if error == 0 else float(10 * np.log10(255**2 * count / error))


def compress(images: Sequence[np.ndarray], quality: int, format: str = "jpeg") -> CodecResult:
    """Encodes and decodes pictures at one quality and counts the bits.

    Headers and tables are not counted, as a network's weights are not counted either. For a JPEG
    (4:2:0, optimised Huffman codes) only the entropy-coded scan counts, for a WebP (method 6) the
    VP8 chunk without the RIFF container.

    Args:
        images: uint8 pictures, `[height, width, 1 or 3]` each.
        quality: 1 to 95.
        format: "jpeg" or "webp".

    Raises:
        UserError: for an unknown format, or without pictures.

    >>> result = compress([np.full((16, 16, 3), 90, np.uint8)], 50)
    >>> result.bits_per_pixel < 0.5, result.psnr > 40
    (True, True)
    """
    if format not in _CODECS:
        raise UserError(f'unknown codec "{format}"; {nearest(format, _CODECS)}')
    if not len(images):
        raise UserError("a codec needs at least one picture; received none")
    images = [pictures.to_rgb(image) for image in images]
    options, payload = _CODECS[format]
    counted, decoded = 0, []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(
            buffer, format, quality=int(quality), **options
        )
        counted += payload(buffer.getvalue())
        decoded.append(np.asarray(Image.open(buffer, formats=[format]).convert("RGB")))
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    return CodecResult(
        format, int(quality), 8 * counted / pixels, pooled_psnr(images, decoded), tuple(decoded)
    )


def at_most(
    images: Sequence[np.ndarray], bits_per_pixel: float, format: str = "jpeg"
) -> CodecResult | None:
    """The pictures at the best quality that needs no more than the given bits.

    Args:
        images: uint8 pictures, `[height, width, 1 or 3]` each; all have the same quality setting.
        bits_per_pixel: the bound on counted bits over pixels (see `compress`).
        format: "jpeg" or "webp".

    Returns:
        The result, or None if even the lowest quality needs more.

    >>> at_most([np.full((16, 16, 3), 90, np.uint8)], 0.5).bits_per_pixel <= 0.5
    True
    """
    best, low, high = None, _QUALITIES.start, _QUALITIES.stop - 1
    while low <= high:
        middle = (low + high) // 2
        result = compress(images, middle, format)
        if result.bits_per_pixel <= bits_per_pixel:
            best, low = result, middle + 1
        else:
            high = middle - 1
    return best


def codec_curve(
    images: Sequence[np.ndarray],
    format: str = "jpeg",
    *,
    up_to: float = float("inf"),
    qualities: Iterable[int] = (1, 2, 3, 5, 7, 10, 13, 17, 22, 28, 36, 46, 58, 70, 80, 88, 95),
) -> list[CodecResult]:
    """A codec's curve: results at rising qualities.

    Args:
        images: uint8 pictures.
        format: "jpeg" or "webp".
        up_to: bits per pixel; the curve ends with the first result above it.
        qualities: quality settings to try, in rising order.

    >>> curve = codec_curve([np.full((16, 16, 3), 90, np.uint8)], qualities=(10, 50))
    >>> [result.quality for result in curve]
    [10, 50]
    """
    curve = []
    for quality in qualities:
        curve.append(compress(images, quality, format))
        if curve[-1].bits_per_pixel > up_to:
            break
    return curve


def _jpeg_scan_bytes(data: bytes) -> int:
    """Bytes of entropy-coded data: the file without marker segments, tables and headers."""
    position, counted = 2, 0  # after SOI
    while data[position : position + 2] != b"\xff\xd9":  # EOI
        marker = data[position + 1]
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker != 0xDA:  # SOS: the scan follows its header and has no length field
            continue
        start = position
        # In a scan 0xff is followed by 0x00 (a stuffed byte) or a restart marker.
        position = data.index(b"\xff", position)
        while data[position + 1] in (0x00, *range(0xD0, 0xD8)):
            position = data.index(b"\xff", position + 2)
        counted += position - start
    return counted


def _webp_payload_bytes(data: bytes) -> int:
    return int.from_bytes(data[16:20], "little")  # after "RIFF", size, "WEBP", "VP8 "


_CODECS: dict[str, tuple[dict[str, int | bool | str], Callable[[bytes], int]]] = {
    "jpeg": ({"optimize": True, "subsampling": "4:2:0"}, _jpeg_scan_bytes),
    "webp": ({"method": 6}, _webp_payload_bytes),
}
