"""Vector-quantised autoencoders, the priors that generate from their codes, and their export.

Import the part you need: `vqvae_tf.layers`, `vqvae_tf.networks`, `vqvae_tf.models`, ...
"""

__version__ = "0.1.0"
