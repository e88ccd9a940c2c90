"""The training loop of all families, and the files of a run."""

from vqvae_tf.training.checkpoints import restore_weights
from vqvae_tf.training.interrupts import Interrupted
from vqvae_tf.training.loop import check, train

__all__ = ["Interrupted", "check", "restore_weights", "train"]
