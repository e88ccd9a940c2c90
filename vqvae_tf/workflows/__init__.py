"""Whole jobs: train, evaluate, reconstruct, sample, demonstrate; what the programs call."""

from vqvae_tf.workflows.autoencoders import evaluate, reconstruct, train
from vqvae_tf.workflows.priors import code_maps, train_prior
from vqvae_tf.workflows.samples import sample
from vqvae_tf.workflows.trained import load_autoencoder, load_pair

__all__ = [
    "code_maps",
    "evaluate",
    "load_autoencoder",
    "load_pair",
    "reconstruct",
    "sample",
    "train",
    "train_prior",
]
