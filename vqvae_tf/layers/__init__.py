"""Quantizers: layers that map vectors to codes of a finite set."""

from vqvae_tf.layers.code_lookup import CodeLookup
from vqvae_tf.layers.codebook_health_callback import CodebookHealthCallback, idle_codebooks
from vqvae_tf.layers.codebook_quantizer import CodebookQuantizer
from vqvae_tf.layers.codebook_search import nearest_codes
from vqvae_tf.layers.estimators import Estimator, GumbelSoftmax, RotationTrick, Stochastic
from vqvae_tf.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from vqvae_tf.layers.grouped_quantizer import GroupedQuantizer
from vqvae_tf.layers.lookup_free_quantizer import LookupFreeQuantizer
from vqvae_tf.layers.projected_quantizer import ProjectedQuantizer
from vqvae_tf.layers.quantizer import Quantized, Quantizer
from vqvae_tf.layers.residual_quantizer import ResidualQuantizer
from vqvae_tf.layers.sim_vq import SimVQ
from vqvae_tf.layers.usage_counting_quantizer import UsageCountingQuantizer
from vqvae_tf.layers.vector_quantizer import VectorQuantizer, forget_revived
from vqvae_tf.layers.vector_quantizer_ema import VectorQuantizerEMA

__all__ = [
    "CodeLookup",
    "CodebookHealthCallback",
    "CodebookQuantizer",
    "UsageCountingQuantizer",
    "Estimator",
    "FiniteScalarQuantizer",
    "GumbelSoftmax",
    "GroupedQuantizer",
    "ProjectedQuantizer",
    "LookupFreeQuantizer",
    "Quantized",
    "Quantizer",
    "ResidualQuantizer",
    "RotationTrick",
    "SimVQ",
    "Stochastic",
    "VectorQuantizer",
    "VectorQuantizerEMA",
    "forget_revived",
    "idle_codebooks",
    "nearest_codes",
]
