"""Every quantizer that the conformance suite runs; a new one joins by one line."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vqvae_tf import layers

DIM = 4  # of the vectors


class Case(NamedTuple):
    """A quantizer and what holds for it beyond the contract of all.

    Attributes:
        make: the layer, from keyword arguments such as `dtype`.
        codebook: a `UsageCountingQuantizer` of 16 codes or not: loaded, moved, revived, guarded.
        identity: whether the gradient of its vectors comes to its input unchanged.
        draws: whether codes are drawn in training; a step is then counted though it moves nothing.
    """

    make: Callable[..., layers.Quantizer]
    codebook: bool = False
    identity: bool = True
    draws: bool = False


QUANTIZERS = {
    "VectorQuantizer": Case(lambda **kwargs: layers.VectorQuantizer(16, **kwargs), codebook=True),
    "VectorQuantizer-bare": Case(
        lambda **kwargs: layers.VectorQuantizer(16, revival_threshold=0, **kwargs), codebook=True
    ),
    "VectorQuantizerEMA": Case(
        lambda **kwargs: layers.VectorQuantizerEMA(16, **kwargs), codebook=True
    ),
    "VectorQuantizerEMA-bare": Case(
        lambda **kwargs: layers.VectorQuantizerEMA(16, revival_threshold=0, decay=0.99, **kwargs),
        codebook=True,
    ),
    "VectorQuantizer-drawn": Case(  # with NumPy's numbers
        lambda **kwargs: layers.VectorQuantizer(
            np.int64(16),
            estimator=layers.GumbelSoftmax(np.float64(1)),
            accumulation_steps=np.int32(2),
            commitment_cost=np.float64(0.25),
            decay=np.float64(0.99),
            revival_threshold=np.float32(0.2),
            **kwargs,
        ),
        identity=False,
        draws=True,
    ),
    "VectorQuantizerEMA-drawn": Case(
        lambda **kwargs: layers.VectorQuantizerEMA(
            16, estimator="stochastic", accumulation_steps=2, revival_threshold=0, **kwargs
        ),
        draws=True,
    ),
    "FiniteScalarQuantizer": Case(
        lambda **kwargs: layers.FiniteScalarQuantizer((3, 4, 2, 5), **kwargs), identity=False
    ),
    "LookupFreeQuantizer": Case(
        lambda **kwargs: layers.LookupFreeQuantizer(group_bits=3, **kwargs)
    ),
    "LookupFreeQuantizer-spherical": Case(
        lambda **kwargs: layers.LookupFreeQuantizer(spherical=True, **kwargs), identity=False
    ),
    "SimVQ": Case(lambda **kwargs: layers.SimVQ(16, **kwargs)),
    "ResidualQuantizer": Case(
        lambda **kwargs: layers.ResidualQuantizer(
            [layers.VectorQuantizerEMA(16), layers.VectorQuantizer(8)], **kwargs
        )
    ),
    "ResidualQuantizer-finite-scalar": Case(
        lambda **kwargs: layers.ResidualQuantizer(
            [layers.FiniteScalarQuantizer((3, 4, 2, 5)) for _ in range(3)], **kwargs
        ),
        identity=False,
    ),
    "ResidualQuantizer-lookup-free": Case(
        lambda **kwargs: layers.ResidualQuantizer(
            [layers.LookupFreeQuantizer() for _ in range(3)], **kwargs
        )
    ),
    "GroupedQuantizer": Case(
        lambda **kwargs: layers.GroupedQuantizer(
            [layers.VectorQuantizerEMA(16), layers.FiniteScalarQuantizer((3, 5))], **kwargs
        ),
        identity=False,
    ),
    "GroupedQuantizer-shared": Case(
        lambda **kwargs: layers.GroupedQuantizer(layers.VectorQuantizerEMA(16), 2, **kwargs)
    ),
    "ProjectedQuantizer": Case(
        lambda **kwargs: layers.ProjectedQuantizer(
            layers.VectorQuantizerEMA(16, distance="cosine"), 2, **kwargs
        ),
        identity=False,
    ),
}
CODEBOOKS = [name for name, case in QUANTIZERS.items() if case.codebook]
