import sys

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.errors import UserError


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r'pip install "vqvae_tf\[data\]"'):
        data.open_source("tfds:cifar10")


def tiny(tfds, folder):
    """A data set of twelve pictures, made on the spot."""

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(12), "test": self._generate_examples(3)}

        def _generate_examples(self, count):
            for number in range(count):
                image = np.full([6, 7, 3], 10 * number, np.uint8)
                yield number, {"image": image, "label": number % 2}

    return Tiny(data_dir=folder)


@pytest.fixture(name="prepared")
def fixture_prepared(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    with tfds.core.registered.skip_registration():
        builder = tiny(tfds, tmp_path)
    monkeypatch.setattr(tfds, "list_builders", lambda: ["tiny"])
    monkeypatch.setattr(tfds, "builder", lambda name: builder)


@pytest.mark.usefixtures("prepared")
def test_splits_and_labels():
    for uri, count in (("tfds:tiny", 12), ("tfds:tiny/test", 3), ("tfds:tiny/train[:5]", 5)):
        source = data.open_source(uri)
        pictures = list(source.pictures())
        assert len(source) == len(pictures) == count
        assert source.class_names == ("cat", "dog")
        for picture in pictures:
            value = int(picture["image"][0, 0, 0])
            assert picture["image"].shape == (6, 7, 3)
            assert picture["label"] == value // 10 % 2


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("memory_bytes", [2**30, 0])
def test_batches_resume(memory_bytes):
    source = data.open_source("tfds:tiny")

    def some(count, start):
        dataset = data.batches(source, DataConfig(image_size=6), 4, 0, start, memory_bytes)
        return [batch["image"].numpy() for batch in dataset.take(count)]

    whole = some(9, 0)
    assert np.array_equal(whole[5:], some(4, 5))
    values = sorted(int(tile[0, 0, 0]) for batch in whole[:3] for tile in batch)
    assert memory_bytes or values == [10 * number for number in range(12)]


@pytest.mark.usefixtures("prepared")
def test_an_unknown_name_shows_the_nearest():
    with pytest.raises(UserError, match="tfds:tinny: unknown data set; nearest: tiny"):
        data.open_source("tfds:tinny")


@pytest.mark.usefixtures("prepared")
def test_an_unknown_split_shows_the_nearest():
    with pytest.raises(UserError, match='unknown split "tests"; nearest: test'):
        data.open_source("tfds:tiny/tests")
