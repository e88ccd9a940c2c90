"""Vector-quantised autoencoders, priors over their codes, and their export.

Import the part you need: `vqvae_tf.layers`, `vqvae_tf.networks`, `vqvae_tf.models`, ...
"""

__version__ = "0.1.0"
