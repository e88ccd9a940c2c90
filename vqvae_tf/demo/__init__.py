"""The job of `make demo`, and its report."""

from vqvae_tf.demo.job import run

__all__ = ["run"]
