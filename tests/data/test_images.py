import io
import os
import random
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, features

from tests import limits
from vqvae_tf.data import images
from vqvae_tf.data.source import UnreadableError
from vqvae_tf.errors import UserError


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


def mutated(data: bytes, draws: random.Random) -> bytes:
    """The bytes with a few of them changed, or cut short."""
    changed = bytearray(data)
    for _ in range(draws.choice([1, 1, 2, 4, 16])):
        place = draws.randrange(len(changed))
        kind = draws.randrange(4)
        if kind == 0:
            changed[place] = draws.randrange(256)
        elif kind == 1:
            changed[place] = draws.choice([0, 127, 128, 255])
        elif kind == 2:
            number = draws.choice([0, 1, 2**16 - 1, 2**31, 2**32 - 1])
            changed[place : place + 4] = struct.pack(draws.choice("<>") + "I", number)
        elif draws.random() < 0.2:
            del changed[max(place, 1) :]
    return bytes(changed)


COLOUR = np.random.default_rng(0).integers(0, 256, [5, 7, 3], np.uint8)
GREY = COLOUR[:, :, 0]
GREY_AS_COLOUR = np.repeat(GREY[:, :, None], 3, 2)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_give_their_pixels(kind):
    assert np.array_equal(images.decode(file_of(Image.fromarray(COLOUR), kind)), COLOUR)


@pytest.mark.parametrize("options", [{}, {"exif": b"x"}], ids=["plain", "with a canvas"])
def test_webp_without_loss(options):
    data = file_of(Image.fromarray(COLOUR), "WEBP", lossless=True, **options)
    assert np.array_equal(images.decode(data), COLOUR)


@pytest.mark.skipif(not features.check("avif"), reason="a Pillow without AVIF")
def test_avif():
    smooth = np.tile(np.linspace(50, 200, 32).astype(np.uint8)[None, :, None], [32, 1, 3])
    decoded = images.decode(file_of(Image.fromarray(smooth), "AVIF", quality=95))
    # A ramp loses little at this quality.
    assert np.abs(decoded.astype(int) - smooth).max() <= 6


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


ORIENTATIONS = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize(("orientation", "undo"), ORIENTATIONS.items())
def test_exif_orientation(orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        data = file_of(Image.fromarray(COLOUR), kind, exif=exif)
        assert np.array_equal(images.decode(data), undo(COLOUR))


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "Camera"
    exif[0x011A] = 72.0
    exif.get_ifd(0x8769)[0x927C] = b"a maker's own note"
    return exif.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_odd_exif_around_sound_pixels(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = Image.fromarray(COLOUR)
    upright = images.decode(file_of(image, kind, **options))
    turned = images.decode(file_of(image, kind, exif=exif_of(6), **options))
    assert np.array_equal(turned, np.rot90(upright, -1))
    draws = random.Random(0)
    seen = set()
    odd = [b"", b"x", b"MM\0*", exif_of(0), exif_of(9), exif_of(2**16 - 1)]
    for kind_of_value, content in (
        (2, b"6\0\0\0"),
        (5, b"\xff" * 4),
        (7, b"\6\0\0\0"),
        (99, b"6666"),
    ):
        entry = struct.pack(">HHI", 0x0112, kind_of_value, 1) + content
        odd.append(b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4))
    for exif in odd:
        pixels = images.decode(file_of(image, kind, exif=exif, **options))
        assert np.array_equal(pixels, upright)
    for _ in range(150):
        exif = mutated(exif_of(6), draws)
        try:
            data = file_of(image, kind, exif=exif, **options)
        except Exception:
            continue  # not even written
        turns = [
            turn
            for turn in ORIENTATIONS.values()
            if np.array_equal(images.decode(data), turn(upright))
        ]
        assert turns, exif
        seen.add(turns[0])
    assert len(seen) > 1


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


@pytest.mark.parametrize(
    "program",
    ["{} loop", "(planted) (w) file closefile", "%%EOF"],
    ids=["endless", "write", "empty"],
)
def test_no_program_runs_for_a_picture(tmp_path, monkeypatch, program):
    # What Pillow would run if it took the file for PostScript.
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    header = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
    data = f"{header}{program}\n".encode()
    with Image.open(io.BytesIO(data)) as image, pytest.raises(OSError):
        image.load()  # the plant works where formats are not listed
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    with pytest.raises(UnreadableError, match="a.png: not a readable picture"):
        images.decode(data, "a.png")
    assert not (tmp_path / "ran").exists()


def test_no_other_decoder_of_pillow_is_reached(monkeypatch):
    Image.init()
    reached = []
    for kind in set(Image.OPEN) - set(images.FORMATS):
        monkeypatch.setitem(
            Image.OPEN, kind, (lambda *_, kind=kind: reached.append(kind), lambda prefix: True)
        )
    picture = Image.fromarray(COLOUR)
    for data in (b"no picture", b"", *(file_of(picture, kind) for kind in ("ICO", "TGA", "PCX"))):
        with pytest.raises(UnreadableError, match="not a readable picture"):
            images.decode(data)
    assert images.decode(file_of(picture, "PNG")).shape == COLOUR.shape
    assert reached == []


def test_headers_tell_pictures_from_other_files():
    for kind in images.FORMATS:
        if kind != "AVIF" or features.check("avif"):
            assert images.is_picture(file_of(Image.fromarray(COLOUR), kind)[:32]), kind
    for text in (b"", b"# Read me", b"%!PS-Adobe", b"P5 rules", b"BMW cars", b"RIFF....WAVEfmt "):
        assert not images.is_picture(text)


@pytest.mark.parametrize("kind", images.FORMATS)
def test_mutated_files_are_decoded_or_named_in_one_line(kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("a Pillow without AVIF")
    draws = random.Random(kind)
    data = file_of(Image.fromarray(np.tile(COLOUR, (4, 3, 1))), kind)
    outcomes = set()
    for _ in range(120):
        try:
            pixels = images.decode(mutated(data, draws), "a.png", max_pixels=10_000)
        except UnreadableError as error:
            outcomes.add("refused")
            assert re.fullmatch("a.png: .+", str(error)) and "object at 0x" not in str(error)
        else:
            outcomes.add("decoded")
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            assert pixels.shape[0] * pixels.shape[1] <= 10_000
    assert outcomes == {"refused", "decoded"}


def tiff(width: int, height: int, tile: int = 0) -> bytes:
    """A TIFF file whose one tile or strip is too short for what its tags claim."""
    content = zlib.compress(bytes(1000))
    tags = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}
    if tile:
        tags |= {322: tile, 323: tile, 324: 0, 325: len(content)}
    else:
        tags |= {278: 2**31, 273: 0, 279: len(content)}
    start = 8 + 2 + 12 * len(tags) + 4
    tags |= {324 if tile else 273: start}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + content


def webp(width: int, height: int) -> bytes:
    """A WebP animation whose canvas is larger than its frame."""
    frame = file_of(Image.fromarray(COLOUR), "WEBP", lossless=True)[12:]
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    place = bytes(6) + struct.pack("<I", 6)[:3] + struct.pack("<I", 4)[:3] + bytes(4)
    chunks = ((b"VP8X", b"\2\0\0\0" + size), (b"ANIM", bytes(6)), (b"ANMF", place + frame))
    body = b"".join(kind + struct.pack("<I", len(inner)) + inner for kind, inner in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


@pytest.mark.parametrize(
    "data",
    [tiff(16, 16, tile=16384), tiff(16, 16, tile=2**31),
     tiff(60_000, 60_000), webp(13_000, 13_000), webp(2**24, 2**7), webp(2**24, 2**24),
     png(1, 60_000_000, 8, 0, b"")],
    ids=["TIFF tile", "TIFF tile of 2^62", "TIFF", "WebP", "wide WebP", "WebP of 2^48", "PNG"],
)  # fmt: skip
def test_headers_that_lie_cost_no_memory(data):
    refused = pytest.raises(UnreadableError, match="a.webp: .*pixels.*make it smaller")
    with refused, limits.memory(2**27):
        images.decode(data, "a.webp")


def test_of_many_frames_the_first_is_taken():
    frames = [Image.fromarray(COLOUR), *(Image.new("RGB", (7, 5), (n, 0, 0)) for n in range(9))]
    for kind, options in (("TIFF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = file_of(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(images.decode(data), COLOUR), kind


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
    with pytest.raises(UnreadableError, match="are too many for a picture"):
        images.read(tmp_path / "a.png")


def test_read_names_what_cannot_be_read(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("absent.png", "folder.png"):
        with pytest.raises(UnreadableError, match=name):
            images.read(tmp_path / name)
    with pytest.raises(UnreadableError, match=r"a\\x00.png"):
        images.read(str(tmp_path / "a\0.png"))
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableError, match="pipe.png: no regular file"):
        images.read(tmp_path / "pipe.png")


def test_encode_refuses_other_arrays():
    with pytest.raises(ValueError, match=r"received float64 \[2, 2, 3\]"):
        images.encode(np.zeros([2, 2, 3]))


def test_other_channels_are_refused():
    with pytest.raises(UserError, match="channels must be 1 or 3; received 2"):
        images.decode(images.encode(COLOUR), channels=2)


@pytest.mark.parametrize("channels", [1, 3])
def test_resize_keeps_a_plain_picture(channels):
    plain = np.full([6, 8, channels], 77, np.uint8)
    for height, width in ((3, 4), (12, 16)):
        resized = images.resize(plain, height, width)
        assert resized.shape == (height, width, channels)
        assert (resized == 77).all()
