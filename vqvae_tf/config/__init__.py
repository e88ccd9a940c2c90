"""Frozen configurations, one file per family; nothing here imports TensorFlow."""

from vqvae_tf.config.fields import between, check_types, from_dict, to_dict
from vqvae_tf.config.training import (
    DataConfig,
    SoundDataConfig,
    TrainingConfig,
    VideoDataConfig,
)

__all__ = [
    "DataConfig",
    "SoundDataConfig",
    "TrainingConfig",
    "VideoDataConfig",
    "between",
    "check_types",
    "from_dict",
    "to_dict",
]
