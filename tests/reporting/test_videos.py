"""MP4 files and strips."""

import numpy as np
import pytest

from vqvae_tf import reporting
from vqvae_tf.errors import UserError
from vqvae_tf.reporting.videos import spread

pytest.importorskip("av")
FRAMES = np.random.default_rng(0).integers(0, 256, (5, 31, 40, 3), np.uint8)


def test_frames_may_come_one_after_the_other():
    assert reporting.encode_mp4(iter(FRAMES)) == reporting.encode_mp4(FRAMES)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FRAMES[:0], "must have a frame; received none"),
        ([FRAMES[0], FRAMES[1, :8]], r"must have one size; received \[31, 40\] and \[8, 40\]"),
        (FRAMES / 255, "a picture must be uint8"),
    ],
)
def test_other_frames_are_refused(frames, message):
    with pytest.raises(UserError, match=message):
        reporting.encode_mp4(frames)


@pytest.mark.parametrize(("length", "count"), [(1, 12), (7, 12), (12, 12), (13, 12), (999, 12)])
def test_a_strip_has_different_frames_from_the_first_to_the_last(length, count):
    chosen = spread(length, count)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(length, count)
    assert (chosen[0], chosen[-1]) == (0, length - 1)
