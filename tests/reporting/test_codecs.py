"""JPEG and WebP stay within the bits they are given, and their bits are counted as documented."""

import io

import numpy as np
import pytest
from PIL import Image

from vqvae_tf.errors import UserError
from vqvae_tf.reporting import codecs


def picture(height=48, width=64, seed=0):
    """Smooth colours with some texture, so that quality has something to decide about."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 16
    smooth = 128 + 90 * np.stack([np.sin(x + 2 * y), np.cos(x), np.sin(y)], axis=-1)
    return np.clip(smooth + generator.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def test_pooled_psnr_weighs_pixels_not_pictures():
    originals = [picture(16, 16), picture(48, 64)]
    broken = [image // 2 for image in originals]
    error = np.concatenate(
        [(a.astype(float) - b).ravel() for a, b in zip(originals, broken, strict=True)]
    )
    expected = 10 * np.log10(255**2 / np.mean(error**2))
    # The same float64 sums in another order.
    assert codecs.pooled_psnr(originals, broken) == pytest.approx(expected, rel=1e-12)
    assert codecs.pooled_psnr(originals, originals) == np.inf


@pytest.mark.parametrize("format", ["jpeg", "webp"])
@pytest.mark.parametrize("bits_per_pixel", [0.4, 0.7, 1.0, 2.5, 20.0])
def test_at_most_is_the_best_quality_within_the_bits(format, bits_per_pixel):
    images = [picture(seed=1), picture(33, 50, seed=2)]
    result = codecs.at_most(images, bits_per_pixel, format)
    if result is None:
        assert codecs.compress(images, 1, format).bits_per_pixel > bits_per_pixel
        return
    assert result.bits_per_pixel <= bits_per_pixel
    assert [image.shape for image in result.images] == [image.shape for image in images]
    assert result.psnr == codecs.pooled_psnr(images, result.images)
    if result.quality < 95:
        assert codecs.compress(images, result.quality + 1, format).bits_per_pixel > bits_per_pixel


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_at_most_says_when_nothing_is_small_enough(format):
    assert codecs.at_most([picture()], 0.01, format) is None


def test_jpeg_bits_are_those_of_the_scan():
    image = picture()
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "jpeg", quality=60, optimize=True, subsampling="4:2:0")
    data = buffer.getvalue()
    # One scan of three components: marker and header take 2 + 12 bytes, the end marker 2.
    scan = len(data) - data.rindex(b"\xff\xda\x00\x0c") - 14 - 2
    assert codecs.compress([image], 60).bits_per_pixel == 8 * scan / (48 * 64)


def test_jpeg_scan_knows_stuffed_bytes_restarts_and_further_scans():
    header = b"\xff\xe0\x00\x04ab"  # a segment of 4 bytes, its length included
    scan = b"\xff\xda\x00\x03x"
    data = b"".join(
        [b"\xff\xd8", header, scan, b"\x01\xff\x00\x02\xff\xd0\x03", header, scan, b"\x04"]
    )
    assert codecs._jpeg_scan_bytes(data + b"\xff\xd9") == 7 + 1


def test_webp_bits_are_those_of_its_chunk():
    image = picture(31, 31)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "webp", quality=40, method=6)
    data = buffer.getvalue()
    assert data[12:16] == b"VP8 "
    counted = round(codecs.compress([image], 40, "webp").bits_per_pixel * 31 * 31 / 8)
    assert len(data) - 20 - counted in (0, 1)  # a chunk is padded to an even length


def test_curve_rises_and_ends_above_the_bound():
    curve = codecs.codec_curve([picture()], "jpeg", up_to=1.0)
    rates = [result.bits_per_pixel for result in curve]
    assert rates == sorted(rates) and rates[-1] > 1.0 >= rates[-2]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: codecs.compress([picture()], 50, "jpg"), 'unknown codec "jpg"; nearest: jpeg'),
        (lambda: codecs.at_most([], 1.0), "at least one picture"),
        (lambda: codecs.pooled_psnr([], []), "at least one"),
        (lambda: codecs.pooled_psnr([picture()], [picture(8, 8)]), "original's shape"),
    ],
)
def test_bad_input_ends_in_one_line(call, message):
    with pytest.raises(UserError, match=message):
        call()
