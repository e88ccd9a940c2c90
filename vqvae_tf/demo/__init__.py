"""The jobs of `make demo` and `make demo-speech`, and their reports."""

from vqvae_tf.demo.job import run
from vqvae_tf.demo.speech_job import run as run_speech

__all__ = ["run", "run_speech"]
