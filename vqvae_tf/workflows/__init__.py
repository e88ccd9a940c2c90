"""Whole jobs: train, evaluate, reconstruct, sample, demonstrate; what the programs call."""

from vqvae_tf.workflows.autoencoders import evaluate, reconstruct, train
from vqvae_tf.workflows.priors import code_maps, load_pair, train_prior
from vqvae_tf.workflows.samples import sample

__all__ = [
    "code_maps",
    "evaluate",
    "load_pair",
    "reconstruct",
    "sample",
    "train",
    "train_prior",
]
