import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.errors import UserError


def test_the_two_splits_are_the_whole_set_in_its_order():
    from sklearn import datasets

    expected = datasets.load_digits()
    splits = [data.open_source(uri) for uri in ("embedded:digits", "embedded:digits/test")]
    assert [len(split) for split in splits] == [1438, 359]
    pictures = [picture for split in splits for picture in split.pictures(channels=1)]
    assert [picture["label"] for picture in pictures] == expected.target.tolist()
    assert len({picture["name"] for picture in pictures}) == 1797
    for picture, pixels in zip(pictures[::97], expected.images[::97], strict=True):
        assert picture["image"].shape == (32, 32, 1)
        # The mean over the square that a pixel became is near it, at the border of ink less so; the
        # next digit of the set is 5 away.
        small = picture["image"].reshape(8, 4, 8, 4).mean((1, 3)) * 16 / 255
        assert np.abs(small - pixels).mean() < 1.2


def test_in_colour_they_are_grey():
    picture = next(data.open_source("embedded:digits/test").pictures())
    assert picture["image"].shape == (32, 32, 3)
    assert np.ptp(picture["image"], axis=-1).max() == 0


def test_an_unknown_split_shows_the_nearest():
    with pytest.raises(UserError, match='unknown split "tets"; nearest: test'):
        data.open_source("embedded:digits/tets")


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    from vqvae_tf.data import digits

    digits._all_digits.cache_clear()
    for module in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r'pip install "vqvae_tf\[photos\]"'):
        data.open_source("embedded:digits")
