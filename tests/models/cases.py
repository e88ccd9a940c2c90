"""Every family that the conformance suite runs; a new one joins by one line."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.small import TRAINING, picture
from vqvae_tf import models
from vqvae_tf.config import DataConfig, VideoDataConfig

# As few operations as a family can have: XLA compiles each of them.
_AUTOENCODER = {
    "widths": (4,),
    "residual_blocks": 1,
    "residual_width": 4,
    "embedding_dim": 2,
    "quantizer": models.QuantizerConfig(num_embeddings=(16,)),
    "training": TRAINING,
}
_PICTURES = _AUTOENCODER | {"final_convolution": False, "data": DataConfig(image_size=8)}
_PRIOR = {"code_sizes": (8,), "channels": 6, "num_classes": 3, "training": TRAINING}
_PIXELCNN = _PRIOR | {"layers": 1, "head_width": 6}


class Case(NamedTuple):
    """A family.

    Attributes:
        config: a small configuration, with classes or speakers where the family knows any.
        batch: so many examples as the family's batches hold them, of sizes that strides divide.
        odd: the same of sizes that they don't divide.
    """

    config: Any
    batch: Callable[..., dict[str, np.ndarray]]
    odd: Callable[..., dict[str, np.ndarray]]


def pictures(count: int = 4, height: int = 8, width: int = 8) -> dict[str, np.ndarray]:
    return {"image": np.stack([picture(height, width, seed) for seed in range(count)])}


def videos(count: int = 4, time: int = 2, height: int = 8, width: int = 8) -> dict[str, np.ndarray]:
    frames = [
        [picture(height, width + time, seed)[:, t : t + width] for t in range(time)]
        for seed in range(count)
    ]
    return {"frames": np.array(frames)}


def sounds(count: int = 4, time: int = 16) -> dict[str, np.ndarray]:
    pitch = np.linspace(0.1, 0.8, count)[:, None]
    audio = 0.5 * np.sin(pitch * np.arange(time)).astype(np.float32)
    return {"audio": audio, "speaker": np.arange(count, dtype=np.int32) % 2}


def code_maps(*grid: int) -> Callable[..., dict[str, np.ndarray]]:
    def batch(count: int = 4) -> dict[str, np.ndarray]:
        codes = np.random.default_rng(0).integers(0, 8, (count, *grid), np.int32)
        return {"codes": codes, "label": np.arange(count, dtype=np.int32) % 3}

    return batch


def videos_of_codes(*grid: int) -> Callable[..., dict[str, np.ndarray]]:
    def batch(count: int = 4) -> dict[str, np.ndarray]:
        codes = np.random.default_rng(0).integers(0, 8, (count, *grid), np.int32)
        actions = np.arange(count * grid[0], dtype=np.int32).reshape(count, -1) % 3
        return {"codes": codes, "actions": actions}

    return batch


FAMILIES = {
    "image": Case(
        models.ImageConfig(**_PICTURES), pictures, lambda count=4: pictures(count, 11, 9)
    ),
    "two_level": Case(
        models.TwoLevelConfig(upper_width=4, **_PICTURES),
        pictures,
        lambda count=4: pictures(count, 11, 9),
    ),
    "audio": Case(
        models.AudioConfig(
            strides=(4,),
            channels=4,
            skip_channels=4,
            dilations=(1,),
            levels=32,
            speakers=("anna", "bert"),
            window=16,
            **_AUTOENCODER,
        ),
        sounds,
        lambda count=4: sounds(count, 13),
    ),
    "video": Case(
        models.VideoConfig(window=2, **_PICTURES | {"data": VideoDataConfig(image_size=8)}),
        videos,
        lambda count=4: videos(count, 3, 11, 9),
    ),
    "pixelcnn_prior": Case(
        models.PixelCNNPriorConfig(grid=4, **_PIXELCNN),
        code_maps(4, 4),
        code_maps(3, 5),
    ),
    "wavenet_prior": Case(
        models.WaveNetPriorConfig(skip_channels=6, dilations=(1,), length=9, **_PRIOR),
        code_maps(9),
        code_maps(7),
    ),
    "video_prior": Case(
        models.VideoPriorConfig(
            code_dim=2,
            grid=(2, 3),
            context=1,
            frames=3,
            condition_channels=4,
            condition_dilations=(1,),
            flow_channels=4,
            flow_dilations=(1,),
            unroll=1,
            **_PIXELCNN,
        ),
        videos_of_codes(3, 2, 3),
        videos_of_codes(4, 2, 3),
    ),
    "two_level_prior": Case(
        models.TwoLevelPriorConfig(
            grid=3,
            upper_channels=6,
            upper_layers=1,
            condition_channels=4,
            condition_blocks=0,
            **_PIXELCNN | {"code_sizes": (8,) * 5},
        ),
        code_maps(3, 3, 5),
        code_maps(2, 4, 5),
    ),
}


def build(family: str, **changes: Any) -> models.TrainableModel:
    """A new model of a family, of its configuration with `changes`."""
    return models.build(family, dataclasses.replace(FAMILIES[family].config, **changes))
