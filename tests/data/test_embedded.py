import importlib.util

import numpy as np
import pytest

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import embedded, images
from vqvae_tf.errors import UserError

NAMES = (
    "astronaut", "coffee", "rocket", "motorcycle", "flower", "retina", "ihc", "hubble", "camera",
    "brick", "grass", "gravel", "coins",
)  # fmt: skip


def split(name):
    return {p["name"]: p for p in data.open_source(f"embedded:photos/{name}").pictures()}


def test_strips_and_rest_are_the_whole_photograph():
    parts = [split(name) for name in ("train", "validation", "region")]
    for name in NAMES:
        strips = [part[name]["image"] for part in parts]
        assert [strip.shape[1] for strip in strips[1:]] == [64, 128]
        photograph = embedded.TRAINING[name]
        folder = importlib.util.find_spec(photograph.package).submodule_search_locations[0]
        inner = "data" if photograph.package == "skimage" else "datasets/images"
        whole = images.read(f"{folder}/{inner}/{photograph.file}")
        if name == "retina":
            whole = images.resize(whole, 706, 706)
        assert np.array_equal(np.concatenate(strips, axis=1), whole)


def test_labels_are_the_photographs():
    for name in ("train", "validation", "region"):
        source = data.open_source(f"embedded:photos/{name}")
        pictures = list(source.pictures())
        assert len(source) == 13
        assert source.class_names == NAMES
        assert [picture["name"] for picture in pictures] == list(NAMES)
        assert [picture["label"] for picture in pictures] == list(range(13))


def test_held_out_photographs_are_whole_and_without_labels():
    source = data.open_source("embedded:photos/photo")
    pictures = list(source.pictures())
    assert source.class_names == ()
    assert [(p["name"], p["image"].shape, p["label"]) for p in pictures] == [
        ("chelsea", (300, 451, 3), None),
        ("china", (427, 640, 3), None),
    ]


def test_train_is_the_default():
    first = next(data.open_source("embedded:photos").pictures())
    assert np.array_equal(first["image"], split("train")["astronaut"]["image"])


def test_grey():
    assert next(data.open_source("embedded:photos").pictures(channels=1))["image"].shape[-1] == 1


@pytest.mark.parametrize("memory_bytes", [2**30, 0])
def test_no_training_tile_holds_a_pixel_of_another_split(monkeypatch, memory_bytes):
    marked = np.zeros([70, 400, 3], np.uint8)
    marked[:, -192:] = 255  # the validation and the region strip
    monkeypatch.setattr(images, "read", lambda path, channels, max_pixels=None: marked)
    config = DataConfig(image_size=16, half_size_share=0.4, double_size_share=0.3)
    dataset = data.batches(
        data.open_source("embedded:photos"), config, 64, seed=0, memory_bytes=memory_bytes
    )
    # The photographs are cut before they are resized, so nothing bleeds over the border.
    for batch in dataset.take(40).as_numpy_iterator():
        assert batch["image"].max() == 0


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "vqvae_tf\[photos\]"'):
        data.open_source("embedded:photos")
