import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vqvae_tf.data import images
from vqvae_tf.data.source import UnreadableError


def file_of(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file put together by hand, for what Pillow does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


COLOUR = np.random.default_rng(0).integers(0, 256, [5, 7, 3], np.uint8)
GREY = COLOUR[:, :, 0]
GREY_AS_COLOUR = np.repeat(GREY[:, :, None], 3, 2)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_give_their_pixels(kind):
    assert np.array_equal(images.decode(file_of(Image.fromarray(COLOUR), kind)), COLOUR)


def test_webp_without_loss():
    data = file_of(Image.fromarray(COLOUR), "WEBP", lossless=True)
    assert np.array_equal(images.decode(data), COLOUR)


def test_jpeg():
    smooth = np.tile(np.linspace(50, 200, 32).astype(np.uint8)[None, :, None], [32, 1, 3])
    decoded = images.decode(file_of(Image.fromarray(smooth), "JPEG", quality=95))
    # A ramp loses no more than the rounding of a few coefficients at this quality.
    assert np.abs(decoded.astype(int) - smooth).max() <= 4


def test_encode_is_undone_by_decode():
    assert np.array_equal(images.decode(images.encode(COLOUR)), COLOUR)
    grey = GREY[:, :, None]
    assert np.array_equal(images.decode(images.encode(grey), channels=1), grey)


def test_grey_as_colour_and_colour_as_grey():
    assert np.array_equal(images.decode(file_of(Image.fromarray(GREY), "PNG")), GREY_AS_COLOUR)
    grey = images.decode(file_of(Image.fromarray(COLOUR), "PNG"), channels=1)
    luma = COLOUR @ [0.299, 0.587, 0.114]  # ITU-R 601
    assert grey.shape == (5, 7, 1)
    assert np.abs(grey[:, :, 0] - luma).max() < 1.0  # Pillow rounds in fixed point


def test_black_and_white():
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert images.decode(file_of(bits, "PNG"))[:, :, 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_over_white(mode):
    black = {"RGBA": (0, 0, 0), "LA": (0,)}[mode]
    image = Image.new(mode, (3, 1))
    for column, alpha in enumerate((0, 128, 255)):
        image.putpixel((column, 0), (*black, alpha))
    for channels in (1, 3):
        pixels = images.decode(file_of(image, "PNG"), channels=channels)
        assert pixels.shape == (1, 3, channels)
        assert pixels[0, :, 0].tolist() == [255, 127, 0]


def test_palette():
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert images.decode(file_of(image, "PNG"))[0].tolist() == colours
    assert images.decode(file_of(image, "GIF"))[0].tolist() == colours
    transparent = images.decode(file_of(image, "PNG", transparency=1))
    assert transparent[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]


def test_cmyk():
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))  # full cyan
    assert images.decode(file_of(image, "TIFF"))[0, 0].tolist() == [0, 255, 255]
    jpeg = images.decode(file_of(image, "JPEG", quality=100))
    assert np.abs(jpeg[0, 0].astype(int) - [0, 255, 255]).max() <= 2  # the JPEG's own rounding


DEEP = np.array([[0, 257, 32768, 65535]], np.uint16)  # -> 0, 1, 127.5 (to even), 255


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled(kind):
    pixels = images.decode(file_of(Image.fromarray(DEEP), kind))
    assert pixels[0].tolist() == [[value] * 3 for value in (0, 1, 128, 255)]


def test_16_bit_colour_is_scaled():
    values = np.array([[[257 * 3, 257 * 100, 257 * 255]]], np.uint16)
    data = png(1, 1, 16, 2, b"\x00" + values.astype(">u2").tobytes())
    assert images.decode(data)[0, 0].tolist() == [3, 100, 255]


def test_floating_point():
    pixels = images.decode(file_of(Image.fromarray(np.array([[0.0, 0.2, 1.0]], "f")), "TIFF"))
    assert pixels[0, :, 0].tolist() == [0, 51, 255]


@pytest.mark.parametrize(
    "values", [np.array([[0.0, 7.5]], "f"), np.array([[0, np.nan]], "f"), np.array([[-1, 5]], "i")]
)
def test_pixels_without_a_known_range_are_refused(values):
    with pytest.raises(UnreadableError, match="a.tif: .* pixels must lie in .* save it as 8-bit"):
        images.decode(file_of(Image.fromarray(values), "TIFF"), "a.tif")


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.swapaxes(0, 1)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: np.rot90(x, 2).swapaxes(0, 1)),
        (8, lambda x: np.rot90(x)),
    ],
)
def test_exif_orientation(orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(Image.fromarray(COLOUR), "PNG", exif=exif)
    assert np.array_equal(images.decode(data), undo(COLOUR))


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", file_of(Image.fromarray(COLOUR), "PNG")[:60],
     file_of(Image.fromarray(COLOUR), "JPEG")[:-20]],
    ids=["empty", "text", "cut PNG", "cut JPEG"],
)  # fmt: skip
def test_damaged_files_are_named_in_one_line(data):
    with pytest.raises(UnreadableError, match="holiday.png: not a readable picture") as error:
        images.decode(data, "holiday.png")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("width", "height"), [(9000, 6000), (60_000, 60_000)])
def test_absurd_sizes_are_refused_on_the_header(width, height):
    # The files hold no pixels: that their size is what is refused shows that none was decoded.
    with pytest.raises(UnreadableError, match="huge.png: .*pixels.*make it smaller"):
        images.decode(png(width, height, 8, 2, b""), "huge.png")


def test_the_bound_on_pixels_is_inclusive():
    data = file_of(Image.fromarray(COLOUR), "PNG")
    assert images.decode(data, max_pixels=35).shape == (5, 7, 3)
    with pytest.raises(UnreadableError, match="7 x 5 pixels are more than 34"):
        images.decode(data, max_pixels=34)


def test_read(tmp_path):
    (tmp_path / "a.png").write_bytes(file_of(Image.fromarray(COLOUR), "PNG"))
    assert np.array_equal(images.read(tmp_path / "a.png"), COLOUR)


def test_read_refuses_files_too_large_for_a_picture_unread(tmp_path):
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(2**40)  # sparse: takes no room on the disk
    with pytest.raises(UnreadableError, match="too large for a picture"):
        images.read(tmp_path / "a.png")


def test_read_names_what_cannot_be_read(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("absent.png", "folder.png"):
        with pytest.raises(UnreadableError, match=name):
            images.read(tmp_path / name)


def test_encode_refuses_other_arrays():
    with pytest.raises(ValueError, match=r"received float64 \[2, 2, 3\]"):
        images.encode(np.zeros([2, 2, 3]))


@pytest.mark.parametrize("channels", [1, 3])
def test_resize_keeps_a_plain_picture(channels):
    plain = np.full([6, 8, channels], 77, np.uint8)
    for height, width in ((3, 4), (12, 16)):
        resized = images.resize(plain, height, width)
        assert resized.shape == (height, width, channels)
        assert (resized == 77).all()
