import sys
import types

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import tfds as tfds_source
from vqvae_tf.data import tfds_builder
from vqvae_tf.errors import UserError


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r'pip install "vqvae_tf\[data\]"'):
        data.open_source("tfds:cifar10")


def tiny(tfds, folder, **features):
    """A data set of twelve pictures, made on the spot."""
    features = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": tfds.features.ClassLabel(names=["cat", "dog"]),
    } | features
    features = {name: feature for name, feature in features.items() if feature is not None}

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(12), "test": self._generate_examples(3)}

        def _generate_examples(self, count):
            for number in range(count):
                image = np.full([6, 7, 3], 10 * number, np.uint8)
                item = {"image": image, "label": number % 2}
                yield number, {name: item[name] for name in features}

    return Tiny(data_dir=folder)


@pytest.fixture(name="prepare")
def fixture_prepare(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tfds, "list_builders", lambda: ["tiny"])

    def prepare(**features):
        with tfds.core.registered.skip_registration():
            builder = tiny(tfds, tmp_path, **features)
        monkeypatch.setattr(tfds, "builder", lambda name: builder)
        return builder

    return prepare


@pytest.fixture(name="prepared")
def fixture_prepared(prepare):
    return prepare()


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
    for name, way_out in (("tinny", "nearest: tiny"), ("0", r"tfds.list_builders\(\) lists them")):
        with pytest.raises(UserError, match=f"tfds:{name}: unknown data set; {way_out}$"):
            data.open_source(f"tfds:{name}")


@pytest.mark.usefixtures("prepared")
def test_an_unknown_split_shows_the_nearest():
    with pytest.raises(UserError, match='unknown split "tests"; nearest: test'):
        data.open_source("tfds:tiny/tests")


def test_odd_features_are_refused_or_said(prepare, caplog):
    tfds = pytest.importorskip("tensorflow_datasets")
    kinds = tfds.features
    for image in (
        None,
        kinds.Tensor(shape=(6, 7, 3), dtype=np.uint8),
        kinds.Image(shape=(None, None, 1), dtype=np.float32),
        kinds.Sequence(kinds.Image(shape=(None, None, 3))),
        kinds.Text(),
    ):
        features = kinds.FeaturesDict({"label": kinds.Text()} | ({"image": image} if image else {}))
        builder = types.SimpleNamespace(info=types.SimpleNamespace(features=features))
        with pytest.raises(UserError, match='no feature "image" of 8- or 16-bit pictures; it has'):
            tfds_source._features("tfds:x", builder)
    builder.info.features = kinds.Image()
    with pytest.raises(UserError, match="it has Image"):
        tfds_source._features("tfds:x", builder)
    with pytest.raises(UserError, match="classes are more than 1,048,576"):
        tfds_builder.class_names("tfds:x", kinds.ClassLabel(num_classes=2**62))
    assert tfds_builder.class_names("tfds:x", kinds.ClassLabel()) == ()
    assert tfds_builder.class_names("tfds:x", kinds.ClassLabel(num_classes=2)) == ("0", "1")
    prepare(label=kinds.Scalar(np.int64))
    source = data.open_source("tfds:tiny")
    assert source.class_names == ()
    assert "tfds:tiny: labels are not used; they are not class numbers" in caplog.text
    assert [picture["label"] for picture in source.pictures()] == [None] * 12


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("memory_bytes", [2**30, 0])
def test_labels_without_a_class_are_skipped(memory_bytes, caplog):
    source = data.open_source("tfds:tiny")
    source.class_names = ("cat",)
    assert {picture["label"] for picture in source.pictures()} == {0}
    assert source.skipped == 6
    assert "skipped train#1: label must lie in [0, 1), or be -1 for none; received 1" in caplog.text
    batches = data.batches(source, DataConfig(image_size=6), 4, 0, memory_bytes=memory_bytes)
    assert {int(n) for batch in batches.take(6) for n in batch["label"]} == {0}


def test_what_tfds_cannot_read_is_said_in_one_line(prepare):
    builder = prepare()
    source = data.open_source("tfds:tiny")
    (path,) = builder.data_path.glob("*train*")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"tfds:tiny: TFDS cannot read its files \(.*\)"):
        list(source.pictures())
    for split in ("train[:x]", "train[1:2:3]", "train[:5"):
        with pytest.raises(UserError, match="no such part of a split|unknown split"):
            data.open_source(f"tfds:tiny/{split}")
