"""Mosaics, code maps and encoders against what they must be, pixel by pixel."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from vqvae_tf.errors import UserError
from vqvae_tf.reporting import pictures


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_sheet_places_pictures_row_by_row():
    tiles = noise(5, 4, 6, 3)
    mosaic = pictures.sheet(tiles, columns=2, padding=1)
    assert mosaic.shape == (3 * 5 - 1, 2 * 7 - 1, 3)
    for index, tile in enumerate(tiles):
        top, left = index // 2 * 5, index % 2 * 7
        np.testing.assert_array_equal(mosaic[top : top + 4, left : left + 6], tile)
    assert (mosaic[4] == 128).all() and (mosaic[:, 6] == 128).all()
    assert (mosaic[10:, 7:] == 128).all()  # the place that no picture fills


def test_sheet_takes_sizes_and_channels_as_they_come():
    mosaic = pictures.sheet([noise(2, 3), noise(5, 4, 1), noise(4, 4, 3)], columns=9, padding=0)
    assert mosaic.shape == (5, 12, 3)


def test_beside_keeps_both_pictures():
    left, right = noise(2, 5, 7, 3)
    both = pictures.beside(left, right, padding=3)
    np.testing.assert_array_equal(both[:, :7], left)
    np.testing.assert_array_equal(both[:, 10:], right)


@pytest.mark.parametrize("encode", [pictures.encode_png, pictures.encode_webp])
@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7, 1), (5, 7)])
def test_encoders_lose_nothing(encode, shape):
    image = noise(*shape)
    decoded = np.asarray(Image.open(io.BytesIO(encode(image))).convert("RGB"))
    np.testing.assert_array_equal(decoded, pictures.to_rgb(image))


def test_enlarge_repeats_pixels():
    image = noise(2, 3, 3)
    np.testing.assert_array_equal(pictures.enlarge(image, 3)[::3, ::3], image)
    assert pictures.enlarge(image, 3).shape == (6, 9, 3)


def test_data_uri_can_be_read_back():
    kind, data = pictures.data_uri(b"\x00\xff", "image/png").split(",")
    assert kind == "data:image/png;base64" and base64.b64decode(data) == b"\x00\xff"


@pytest.mark.parametrize("size, dimension", [(512, 8), (7, 1), (5, 2), (1, 4), (3, 64)])
def test_code_map_has_the_codes_shape_and_is_stable(size, dimension):
    generator = np.random.default_rng(1)
    codebook = generator.normal(size=(size, dimension)).astype(np.float32)
    codes = generator.integers(0, size, (6, 9), dtype=np.int32)
    colours = pictures.code_map(codes, codebook)
    assert colours.shape == (6, 9, 3) and colours.dtype == np.uint8
    np.testing.assert_array_equal(colours, pictures.code_map(codes, codebook.copy()))
    np.testing.assert_array_equal(colours, pictures.code_colours(codebook)[codes])


def test_colours_follow_the_vectors_not_their_order_or_unit():
    codebook = np.random.default_rng(2).normal(size=(64, 8))
    order = np.random.default_rng(3).permutation(64)
    colours = pictures.code_colours(codebook)
    # Sums over rows in another order differ in the last bits, which no rank of 64 notices.
    np.testing.assert_array_equal(pictures.code_colours(codebook[order]), colours[order])
    np.testing.assert_array_equal(pictures.code_colours(100 * codebook + 5), colours)


def test_similar_codes_get_similar_colours():
    codebook = np.random.default_rng(4).normal(size=(200, 8)) * [9, 3, 1, 0.1, 0.1, 0.1, 0.1, 0.1]
    colours = pictures.code_colours(codebook).astype(int)
    distances = np.linalg.norm(codebook[:, None] - codebook, axis=-1)
    np.fill_diagonal(distances, np.inf)
    to_nearest = np.abs(colours - colours[distances.argmin(axis=1)]).mean()
    to_any = np.abs(colours - colours[::-1]).mean()
    assert to_nearest < to_any / 2


def test_equal_codebook_vectors_are_one_colour():
    colours = pictures.code_colours(np.ones((6, 4)))
    assert len(np.unique(colours, axis=0)) == 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: pictures.sheet([], columns=2), "at least one picture"),
        (lambda: pictures.sheet(noise(1, 2, 2, 3), columns=0), "at least one column"),
        (lambda: pictures.to_rgb(np.zeros((2, 2, 4), np.uint8)), "must be uint8"),
        (lambda: pictures.to_rgb(np.zeros((2, 2, 3), np.float32)), "float32"),
        (lambda: pictures.to_rgb(np.zeros((0, 2, 3), np.uint8)), "must have pixels"),
        (lambda: pictures.code_map(np.array([[4]]), np.ones((4, 2))), "codes must lie in 0 .. 3"),
        (lambda: pictures.code_map(np.array([[-1]]), np.ones((4, 2))), "codes must lie in 0 .. 3"),
        (lambda: pictures.code_map(np.array([1, 2]), np.ones((4, 2))), "whole numbers of"),
        (lambda: pictures.code_map(np.array([[0.5]]), np.ones((4, 2))), "whole numbers of"),
        (lambda: pictures.code_colours(np.full((4, 2), np.nan)), "finite numbers"),
    ],
)
def test_bad_input_ends_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
