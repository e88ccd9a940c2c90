"""The jobs of `make demo`, `make demo-speech` and `make demo-video`, and their reports."""

from vqvae_tf.demo.job import run
from vqvae_tf.demo.speech_job import run as run_speech
from vqvae_tf.demo.video_job import run as run_video

__all__ = ["run", "run_speech", "run_video"]
