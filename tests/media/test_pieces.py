import numpy as np
import pytest

from vqvae_tf.media.pieces import pieces


@pytest.mark.parametrize(
    ("height", "width", "area", "margin"),
    [
        (1, 1, 1, 0),
        (7, 5, 6, 2),
        (100, 3, 25, 1),
        (1, 999, 64, 9),
        (33, 47, 10**9, 3),
        (9, 9, 1, 2),
    ],
)
def test_pieces_cover_everything_once_within_their_area(height, width, area, margin):
    seen = np.zeros([height, width], int)
    numbers = np.arange(height * width).reshape(height, width)
    for piece in pieces(height, width, area, margin):
        seen[piece.inner] += 1
        assert 1 <= seen[piece.inner].size <= area
        np.testing.assert_array_equal(numbers[piece.outer][piece.within], numbers[piece.inner])
        for axis, size in enumerate((height, width)):
            inner, outer = piece.inner[axis], piece.outer[axis]
            assert outer.start == max(inner.start - margin, 0)
            assert outer.stop == min(inner.stop + margin, size)
    assert (seen == 1).all()


def test_long_and_narrow_rectangles_are_cut_across():
    assert len(list(pieces(1, 3_000_000, 2**18))) == 12
    assert len(list(pieces(1000, 1000, 2**18))) == 4
