"""One training loop for every family, its files, and the evaluation of what came out."""

from vqvae_tf.training.checkpoints import restore_weights
from vqvae_tf.training.interrupts import Interrupted
from vqvae_tf.training.loop import check, train

__all__ = ["Interrupted", "check", "restore_weights", "train"]
