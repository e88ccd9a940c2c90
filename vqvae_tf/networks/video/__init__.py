"""Networks over videos: of frames and of codes."""

from vqvae_tf.networks.video.code_corruption import CodeCorruption
from vqvae_tf.networks.video.code_flow import Carried, CodeFlow
from vqvae_tf.networks.video.code_reader import CodeReader
from vqvae_tf.networks.video.frame_condition import FrameCondition
from vqvae_tf.networks.video.frame_wise import FrameWise
from vqvae_tf.networks.video.motion_table import MotionTable, best_offsets
from vqvae_tf.networks.video.space_time import SpaceTime

__all__ = [
    "Carried",
    "CodeCorruption",
    "CodeFlow",
    "CodeReader",
    "FrameCondition",
    "FrameWise",
    "MotionTable",
    "SpaceTime",
    "best_offsets",
]
