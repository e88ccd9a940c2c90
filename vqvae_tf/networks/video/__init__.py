"""Networks over videos: of frames and of codes."""

from vqvae_tf.networks.video.frame_wise import FrameWise

__all__ = ["FrameWise"]
