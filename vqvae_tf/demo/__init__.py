"""What `make demo` does, and the page that it writes about it."""

from vqvae_tf.demo.job import run

__all__ = ["run"]
