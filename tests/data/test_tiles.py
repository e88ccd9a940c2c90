import numpy as np
import pytest
import tensorflow as tf

from vqvae_tf import data
from vqvae_tf.config import DataConfig
from vqvae_tf.data import images
from vqvae_tf.data.source import IndexedSource, Picture
from vqvae_tf.errors import UserError

SIZES = ((20, 30), (25, 18), (16, 16))
ALL = DataConfig(
    image_size=8, half_size_share=0.3, double_size_share=0.2, recolour_share=0.5, flip=True
)
WAYS = pytest.mark.parametrize("memory_bytes", [2**30, 0], ids=["held", "streamed"])


class Arrays(IndexedSource):
    """Pictures whose pixels say where they are: (column, row, picture)."""

    def __init__(self, sizes=SIZES, labelled=True):
        super().__init__("arrays:", tuple("abcdefgh"[: len(sizes)]) if labelled else ())
        self._sizes = sizes

    @property
    def stored_bytes(self):
        return 1

    def __len__(self):
        return len(self._sizes)

    def name(self, index):
        return str(index)

    def read(self, index, channels=3):
        rows, columns = np.indices(self._sizes[index])
        pixels = np.stack([columns, rows, np.full_like(rows, index)], axis=-1).astype(np.uint8)
        label = index if self.class_names else None
        return Picture(name=str(index), image=pixels[:, :, :channels], label=label)


def some(config, count, memory_bytes, seed=0, start_step=0, source=None, batch_size=6):
    dataset = data.batches(
        source or Arrays(), config, batch_size, seed, start_step, memory_bytes=memory_bytes
    )
    return list(dataset.take(count).as_numpy_iterator())


def equal(first, second):
    return all(
        np.array_equal(a[key], b[key]) for a, b in zip(first, second, strict=True) for key in a
    )


@WAYS
def test_shapes_are_static(memory_bytes):
    dataset = data.batches(Arrays(), ALL, 6, seed=0, memory_bytes=memory_bytes)
    assert dataset.element_spec == {
        "image": tf.TensorSpec([6, 8, 8, 3], tf.uint8),
        "label": tf.TensorSpec([6], tf.int32),
    }


@WAYS
def test_no_classes_no_label(memory_bytes):
    batch = some(DataConfig(image_size=8), 1, memory_bytes, source=Arrays(labelled=False))[0]
    assert set(batch) == {"image"}


@WAYS
def test_batches_are_a_function_of_the_seed(memory_bytes):
    first = some(ALL, 5, memory_bytes)
    assert equal(first, some(ALL, 5, memory_bytes))
    assert not equal(first, some(ALL, 5, memory_bytes, seed=1))
    assert not equal(first[:1], first[1:2])


@WAYS
@pytest.mark.parametrize("start", [1, 4, 7, 30])
def test_a_resumed_run_sees_what_it_would_have_seen(memory_bytes, start):
    whole = some(ALL, start + 3, memory_bytes)
    assert equal(whole[start:], some(ALL, 3, memory_bytes, start_step=start))


def test_large_pictures_give_several_tiles_each_time_and_resume_in_between():
    source = Arrays(sizes=((120, 200), (150, 90)))
    config = DataConfig(image_size=8)  # about 18 tiles of a picture at a time, 72 batches a block
    whole = some(config, 80, 0, source=source, batch_size=2)
    for start in (3, 71, 73):
        part = some(config, 4, 0, source=source, batch_size=2, start_step=start)
        assert equal(whole[start : start + 4], part)
    distinct = {batch["image"][0].tobytes() for batch in whole}
    assert len(distinct) > 70


@WAYS
@pytest.mark.parametrize("flip", [False, True])
def test_tiles_are_windows_of_the_picture_that_the_label_names(memory_bytes, flip):
    mirrored = 0
    for batch in some(DataConfig(image_size=8, flip=flip), 40, memory_bytes):
        for tile, label in zip(batch["image"].astype(int), batch["label"], strict=True):
            across = tile[0, 1, 0] - tile[0, 0, 0]
            mirrored += across == -1
            left, top = tile[:, :, 0].min(), tile[:, :, 1].min()
            window = np.indices([8, 8])[::-1] + np.array([left, top])[:, None, None]
            assert np.array_equal(tile[:, ::across, :2], np.moveaxis(window, 0, -1))
            assert (tile[:, :, 2] == label).all()
    # 5 standard deviations of a fair coin thrown 240 times
    assert abs(mirrored - 120) < 5 * np.sqrt(60) if flip else mirrored == 0


def test_an_epoch_goes_once_through_every_place():
    places = sum((height - 7) * (width - 7) for height, width in SIZES)
    batches = some(DataConfig(image_size=8, flip=False), -(-places // 6), 2**30)
    corners = [tuple(tile[0, 0]) for batch in batches for tile in batch["image"]]
    assert len(set(corners[:places])) == places


def test_streamed_pictures_come_once_an_epoch():
    batches = some(DataConfig(image_size=16), 10, 0, batch_size=3)
    assert all(sorted(batch["label"].tolist()) == [0, 1, 2] for batch in batches)


@WAYS
def test_scales_come_in_their_shares(memory_bytes):
    counts = dict.fromkeys((0, 1, 2), 0)
    source = Arrays(sizes=((60, 60), (60, 80)))
    config = DataConfig(image_size=8, flip=False, half_size_share=0.3, double_size_share=0.2)
    for batch in some(config, 100, memory_bytes, source=source):
        for tile in batch["image"].astype(int):
            step = (tile[4, 6, 0] - tile[4, 2, 0]) / 4  # pixels of the picture a pixel of the tile
            counts[round(step)] += 1  # 1/2 -> 0, 1 -> 1, 2 -> 2
    # 5 standard deviations of a share among 600 tiles
    for step, share in ((0, 0.2), (1, 0.5), (2, 0.3)):
        assert abs(counts[step] / 600 - share) < 5 * np.sqrt(share * (1 - share) / 600)


def test_scaled_tiles_are_windows_of_the_scaled_picture():
    source = Arrays(sizes=((20, 24),))
    picture = source.read(0)["image"]
    for field, size in (("half_size_share", (10, 12)), ("double_size_share", (40, 48))):
        config = DataConfig(image_size=8, flip=False, **{field: 1.0})
        scaled = images.resize(picture, *size)
        every = {
            scaled[y : y + 8, x : x + 8].tobytes()
            for y in range(size[0] - 7)
            for x in range(size[1] - 7)
        }
        for batch in some(config, 5, 2**30, source=source):
            assert {tile.tobytes() for tile in batch["image"]} <= every


@WAYS
def test_small_pictures_are_enlarged_until_they_fit(memory_bytes):
    source = Arrays(sizes=((5, 9), (30, 30)))
    batches = some(DataConfig(image_size=10, flip=False), 20, memory_bytes, source=source)
    small = [t for b in batches for t, n in zip(b["image"], b["label"], strict=True) if n == 0]
    assert small
    assert all(tile[:, :, 1].min() == 0 and tile[:, :, 1].max() == 4 for tile in small)


def test_the_enlarged_size_is_looked_at_before_enlarging(caplog, monkeypatch):
    resize, made = images.resize, []

    def watched(pixels, height, width):
        made.append(height * width)
        return resize(pixels, height, width)

    monkeypatch.setattr(images, "resize", watched)
    thin = Arrays(sizes=((1, 250), (30, 30), (240, 1)))
    data.batches(thin, DataConfig(image_size=600), 1, seed=0)
    assert thin.skipped == 2 and made == [600 * 600]
    assert "skipped 0: too narrow; enlarged to hold a tile of 600 it would have 150000 x 600" in (
        caplog.text
    )
    with pytest.raises(UserError, match="arrays:: no picture can be cut into tiles"):
        data.batches(Arrays(sizes=((1, 250),)), DataConfig(image_size=1_000), 1, seed=0)
    # What would not fit at all sizes is cut from the files, and neither enlarged nor doubled.
    del made[:]
    double = DataConfig(image_size=100, flip=False, double_size_share=1.0)
    (batch,) = some(double, 1, 2**22, source=Arrays(sizes=((2, 240),)))
    assert batch["image"].shape == (6, 100, 100, 3)
    assert max(made) == 100 * 100


def test_pictures_too_small_at_half_size_are_left_out_there():
    sizes = ((40, 40), (20, 20))
    config = DataConfig(image_size=16, half_size_share=1.0)
    labels = {n for b in some(config, 10, 2**30, source=Arrays(sizes)) for n in b["label"]}
    assert labels == {0}
    with pytest.raises(UserError, match="half_size_share=0 or a smaller data.image_size"):
        some(config, 1, 2**30, source=Arrays(sizes[1:]))


@WAYS
def test_grey(memory_bytes):
    config = DataConfig(image_size=8, channels=1, recolour_share=0.5)
    assert some(config, 1, memory_bytes)[0]["image"].shape == (6, 8, 8, 1)


@WAYS
def test_recolouring_changes_its_share_of_the_tiles_only(memory_bytes):
    plain = some(DataConfig(image_size=8), 50, memory_bytes)
    other = some(DataConfig(image_size=8, recolour_share=0.5), 50, memory_bytes)
    differs = np.concatenate(
        [(a["image"] != b["image"]).any((1, 2, 3)) for a, b in zip(plain, other, strict=True)]
    )
    assert abs(differs.mean() - 0.5) < 5 * np.sqrt(0.25 / 300)  # 5 standard deviations


def test_sets_that_outgrow_memory_are_streamed():
    source = Arrays(labelled=False)
    bound = sum(height * width * 3 for height, width in SIZES)
    config = DataConfig(image_size=8)
    held = some(config, 3, bound, source=source)
    assert equal(held, some(config, 3, 2**30, source=source))
    streamed = some(config, 3, bound - 1, source=source)
    assert equal(streamed, some(config, 3, 0, source=source))
    assert not equal(held, streamed)


@pytest.mark.parametrize(
    ("config", "batch_size", "start_step", "message"),
    [
        (DataConfig(image_size=0), 4, 0, "data.image_size must be at least 1; received 0"),
        (DataConfig(), 0, 0, "batch_size must be at least 1; received 0"),
        (DataConfig(), 4, -1, "start_step must be at least 0; received -1"),
        (DataConfig(image_size=8192), 6, 0, "data.image_size or batch_size"),
        (DataConfig(), 2**40, 0, "a batch must take at most"),
        (DataConfig(half_size_share=0.6, double_size_share=0.6), 4, 0, "in sum"),
    ],
)
def test_settings_out_of_range_are_refused(config, batch_size, start_step, message):
    with pytest.raises(UserError, match=message):
        data.batches(Arrays(), config, batch_size, seed=0, start_step=start_step)
