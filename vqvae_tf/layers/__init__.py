"""Quantizers: layers that turn vectors into codes of a finite set."""

from vqvae_tf.layers.codebook import CodebookQuantizer
from vqvae_tf.layers.quantizer import Quantized, Quantizer
from vqvae_tf.layers.search import nearest_codes
from vqvae_tf.layers.vector_quantizer import VectorQuantizer
from vqvae_tf.layers.vector_quantizer_ema import VectorQuantizerEMA

__all__ = [
    "CodebookQuantizer",
    "Quantized",
    "Quantizer",
    "VectorQuantizer",
    "VectorQuantizerEMA",
    "nearest_codes",
]
