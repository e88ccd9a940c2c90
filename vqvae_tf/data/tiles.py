"""Training batches of random tiles of a source's pictures: mirrored, scaled and recoloured."""

import functools
import itertools

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from vqvae_tf.config import DataConfig
from vqvae_tf.data import images
from vqvae_tf.data.numpy_call import numpy_call
from vqvae_tf.data.recolour import recolour
from vqvae_tf.data.shuffle import shuffled
from vqvae_tf.data.source import Picture, Source, UnreadableError
from vqvae_tf.data.windows import Windows, uncopied
from vqvae_tf.errors import UserError

MEMORY_BYTES = 2**30  # decoded pictures up to this size are held in memory
BLOCK_BYTES = 2**27  # tiles cut at a time from pictures that are not held in memory


def batches(
    source: Source,
    data_config: DataConfig,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    memory_bytes: int = MEMORY_BYTES,
) -> tf.data.Dataset:
    """Endless training batches of square tiles.

    Pictures that fit in memory are decoded once and held, at each of the scales of tiles. All
    positions of a tile are equally likely, and no epoch has one twice. Larger sets are
    decoded again in every epoch, in another order, and give several tiles each time. In both cases
    batch n is a function of the seed and n (docs/data.md has the one exception). Pictures smaller
    than a tile are enlarged until their shorter side fits.

    Args:
        source: where the pictures come from.
        data_config: how tiles are cut and changed.
        batch_size: tiles per batch.
        seed: seed of all draws.
        start_step: number of the first batch; a run resumed there gets the same batches.
        memory_bytes: limit of the decoded pictures that are held in memory.

    Returns:
        Dataset of `{"image": uint8 [batch, image_size, image_size, channels], "label": int32
        [batch]}`, without `label` if the source has no classes.

    Raises:
        UserError: a setting is out of range, or no picture can be read.
    """
    _check(source, data_config, batch_size, start_step)
    pictures = _hold(source, data_config, memory_bytes)
    cut = _cut_from_files if pictures is None else functools.partial(_cut_from_memory, pictures)
    tiles = cut(source, data_config, batch_size, seed, start_step)

    def finish(step, image, label):
        if data_config.recolour_share:
            draw = tf.random.fold_in(_seed(seed, step), 1)
            image = recolour(image, data_config.recolour_share, draw, data_config.recolour_strength)
        return {"image": image, "label": label} if source.class_names else {"image": image}

    tiles = tiles.map(finish, tf.data.AUTOTUNE, deterministic=True)
    return uncopied(tiles.prefetch(tf.data.AUTOTUNE))


def _check(source: Source, config: DataConfig, batch_size: int, start_step: int) -> None:
    if not isinstance(source, Source):
        raise UserError(
            f"{getattr(source, 'uri', source)}: holds no pictures; pictures come from "
            "embedded:, folder:, tfds: or tfrecord:"
        )
    for name, value, least in (
        ("data.image_size", config.image_size, 1),
        ("batch_size", batch_size, 1),
        ("start_step", start_step, 0),
    ):
        if value < least:
            raise UserError(f"{name} must be at least {least}; received {value}")
    batch_bytes = batch_size * config.image_size**2 * config.channels
    if batch_bytes > MEMORY_BYTES:
        raise UserError(
            f"a batch must take at most {MEMORY_BYTES:,} bytes; {batch_size} tiles of "
            f"{config.image_size} x {config.image_size} take {batch_bytes:,}: set a smaller "
            "data.image_size or batch_size"
        )
    if config.half_size_share + config.double_size_share > 1:
        raise UserError(
            "data.half_size_share and data.double_size_share must be at most 1 in sum; received "
            f"{config.half_size_share} and {config.double_size_share}"
        )


def _scales(config: DataConfig) -> dict[float, float]:
    """Scale of the picture -> share of the tiles cut at this scale; no share is 0."""
    half, double = config.half_size_share, config.double_size_share
    shares = {1.0: 1.0 - half - double, 0.5: half, 2.0: double}
    return {scale: share for scale, share in shares.items() if share > 0}


def _seed(seed: int, number: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), number])


def _hold(source: Source, config: DataConfig, memory_bytes: int) -> list[Picture] | None:
    """All pictures, none smaller than a tile; None if they do not fit in memory at all scales."""
    if source.stored_bytes > memory_bytes:
        return None
    growth = 1 + sum(scale**2 for scale in _scales(config) if scale != 1)
    pictures, total = [], 0.0  # bytes
    progress = tqdm(
        source.pictures(config.channels), source.uri, len(source), leave=False, disable=None
    )
    for picture in progress:
        image = picture["image"]
        height, width = _size(image, max(1, config.image_size / min(image.shape[:2])))
        if height * width > images.MAX_PIXELS:
            name = picture["name"]
            source.skip(
                name,
                UnreadableError(
                    f"{name}: too narrow; enlarged to hold a tile of {config.image_size} it would "
                    f"have {width} x {height} pixels, more than {images.MAX_PIXELS:,}"
                ),
            )
            continue
        total += height * width * config.channels * growth
        if total > memory_bytes:
            return None
        if (height, width) != image.shape[:2]:
            image = images.resize(image, height, width)
        pictures.append(picture | {"image": image})
    if not pictures:
        raise UserError(f"{source.uri}: no picture can be cut into tiles; the log says why")
    return pictures


def _size(image: np.ndarray, scale: float) -> tuple[int, int]:
    height, width = image.shape[:2]
    return round(height * scale), round(width * scale)


def _cut_from_memory(
    pictures: list[Picture],
    source: Source,
    config: DataConfig,
    batch_size: int,
    seed: int,
    start_step: int,
) -> tf.data.Dataset:
    """Dataset of (step, tiles, labels), cut from pictures in memory at every scale."""
    scales = _scales(config)
    arrays: list[np.ndarray] = []
    labels, starts = [], []
    for scale in scales:
        starts.append(len(arrays))
        for picture in pictures:
            image = picture["image"]
            size = _size(image, scale)
            if min(size) >= config.image_size:
                image = image if scale == 1.0 else images.resize(image, *size)
                arrays.append(image)
                labels.append(-1 if picture["label"] is None else picture["label"])
        if starts[-1] == len(arrays):
            raise UserError(
                f"{source.uri}: at half its size no picture holds a tile of {config.image_size}; "
                "set data.half_size_share=0 or a smaller data.image_size"
            )
    windows = Windows(arrays, (config.image_size, config.image_size))
    first = np.array([windows.first(start) for start in starts])
    count = np.diff([*first, windows.count])
    shares = np.cumsum(list(scales.values()))[:-1].astype(np.float32)
    rows = tf.range(batch_size, dtype=tf.int64)

    def cut(step):
        draws = tf.random.stateless_uniform([batch_size, 2], _seed(seed, step), alg="philox")
        scale = tf.searchsorted(shares, draws[:, 0], side="right")  # [batch]
        place = shuffled(step * batch_size + rows, seed, tf.gather(count, scale))
        window = tf.gather(first, scale) + place
        tiles = windows.cut(window, mirror=draws[:, 1] < 0.5 if config.flip else None)
        return step, tiles, tf.gather(labels, windows.owner(window))

    steps = tf.data.Dataset.counter(start_step)
    return steps.map(cut, tf.data.AUTOTUNE, deterministic=True)


def _cut_from_files(
    source: Source, config: DataConfig, batch_size: int, seed: int, start_step: int
) -> tf.data.Dataset:
    """Dataset of (step, tiles, labels), cut from pictures as they are decoded.

    Decoding a photograph takes far longer than cutting a tile. Each picture therefore gives several
    tiles at a time, depending on its size, which are spread over a block of batches: four batches
    hold one tile of each of the block's pictures, the next four another one, and so on.
    """
    size, channels = config.image_size, config.channels
    sample = itertools.islice(source.pictures(channels), 8)
    pixels = np.mean([np.prod(picture["image"].shape[:2]) for picture in sample])
    block = 4 * batch_size  # pictures
    most = max(1, BLOCK_BYTES // (block * size * size * channels))
    each = int(np.clip(pixels / (16 * size * size), 1, most))  # tiles per picture
    scales = _scales(config)
    shares = np.cumsum(list(scales.values()))[:-1]
    idle = [np.zeros([each, size, size, channels], np.uint8)]

    def cut(image, draws):
        tiles = np.empty_like(idle[0])
        for tile, (draw, down, across, turn) in zip(tiles, draws.tolist(), strict=True):
            scale = list(scales)[np.searchsorted(shares, draw, side="right")]
            tile[:] = _cut_tile(image, size, scale, down, across, turn, config.flip)
        return [tiles]

    def several(position, image, label):
        draws = tf.random.stateless_uniform([each, 4], _seed(seed, position), alg="philox")
        (tiles,) = numpy_call(cut, [image, draws], idle)
        return tf.ensure_shape(tiles, idle[0].shape), tf.fill([each], label)

    def spread(tiles, labels):  # [block, each, ...] -> [4 * each, batch, ...]
        tiles = tf.transpose(tiles, [1, 0, 2, 3, 4])
        return (
            tf.reshape(tiles, [4 * each, batch_size, size, size, channels]),
            tf.reshape(tf.transpose(labels), [4 * each, batch_size]),
        )

    blocks, batches_into = divmod(start_step, 4 * each)
    tiles = (
        source.examples(seed, blocks * block, channels)
        .map(several, tf.data.AUTOTUNE, deterministic=True)
        .batch(block, drop_remainder=True)
        .map(spread)
        .unbatch()
        .skip(batches_into)
    )
    numbered = tf.data.Dataset.zip(tf.data.Dataset.counter(start_step), tiles)
    return numbered.map(lambda step, pair: (step, *pair))


def _cut_tile(
    image: np.ndarray, size: int, scale: float, down: float, across: float, turn: float, flip: bool
) -> np.ndarray:
    """A tile of the picture at a scale; the draws of its position and mirroring are in [0, 1)."""
    height, width = image.shape[:2]
    side = min(round(size / scale), height, width)
    top, left = int(down * (height - side + 1)), int(across * (width - side + 1))
    tile = image[top : top + side, left : left + side]
    if side != size:
        tile = images.resize(tile, size, size)
    return tile[:, ::-1] if flip and turn < 0.5 else tile
