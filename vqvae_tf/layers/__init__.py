"""Quantizers: layers that turn vectors into codes of a finite set."""

from vqvae_tf.layers.codebook import CodebookQuantizer
from vqvae_tf.layers.counted_codebook import CountedCodebook
from vqvae_tf.layers.estimators import Estimator, GumbelSoftmax, RotationTrick, Stochastic
from vqvae_tf.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from vqvae_tf.layers.lookup_free_quantizer import LookupFreeQuantizer
from vqvae_tf.layers.quantizer import Quantized, Quantizer
from vqvae_tf.layers.search import nearest_codes
from vqvae_tf.layers.vector_quantizer import VectorQuantizer, forget_revived
from vqvae_tf.layers.vector_quantizer_ema import VectorQuantizerEMA

__all__ = [
    "CodebookQuantizer",
    "CountedCodebook",
    "Estimator",
    "FiniteScalarQuantizer",
    "GumbelSoftmax",
    "LookupFreeQuantizer",
    "Quantized",
    "Quantizer",
    "RotationTrick",
    "Stochastic",
    "VectorQuantizer",
    "VectorQuantizerEMA",
    "forget_revived",
    "nearest_codes",
]
