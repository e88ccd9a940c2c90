"""Whole jobs, one per file; the programs call them."""

from vqvae_tf.workflows.convert import convert
from vqvae_tf.workflows.evaluate import evaluate
from vqvae_tf.workflows.evaluate_phones import evaluate_phones
from vqvae_tf.workflows.evaluate_rollouts import evaluate_rollouts
from vqvae_tf.workflows.load import autoencoder_config, class_names, load_autoencoder, load_pair
from vqvae_tf.workflows.reconstruct import reconstruct
from vqvae_tf.workflows.rollout import rollout
from vqvae_tf.workflows.sample import sample
from vqvae_tf.workflows.train import train
from vqvae_tf.workflows.train_prior import train_prior

__all__ = [
    "autoencoder_config",
    "class_names",
    "convert",
    "evaluate",
    "evaluate_phones",
    "evaluate_rollouts",
    "load_autoencoder",
    "load_pair",
    "reconstruct",
    "rollout",
    "sample",
    "train",
    "train_prior",
]
