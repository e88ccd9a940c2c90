"""Makes the quantizer that a `QuantizerConfig` describes.

A leaf quantizer (`kind`) may be repeated in stages and in groups, and wrapped in projections:
`ProjectedQuantizer(GroupedQuantizer(ResidualQuantizer(leaf)))`, each only if it is configured.
"""

import itertools
from collections.abc import Callable
from typing import Any

from vqvae_tf import layers
from vqvae_tf.config.quantizer import (
    DEFAULT_NUM_EMBEDDINGS,
    KINDS,
    OF_ESTIMATOR,
    QuantizerConfig,
)
from vqvae_tf.errors import UserError

LAYERS: dict[str, Callable[..., layers.Quantizer]] = {
    "ema": layers.VectorQuantizerEMA,
    "loss": layers.VectorQuantizer,
    "sim_vq": layers.SimVQ,
    "finite_scalar": layers.FiniteScalarQuantizer,
    "lookup_free": layers.LookupFreeQuantizer,
}
_DRAWING = {"gumbel_softmax": layers.GumbelSoftmax, "stochastic": layers.Stochastic}
_NOT_PASSED = ("num_embeddings", "bits")


def make_quantizer(
    config: QuantizerConfig, name: str, *, seed: int = 0, dtype: Any = None
) -> layers.Quantizer:
    """The layer that a configuration describes, not built yet.

    Args:
        config: the configuration.
        name: of the layer.
        seed: seed of the codebooks, the projections and all draws.
        dtype: the dtype policy.

    Raises:
        UserError: for a value that the layer does not take.

    >>> make_quantizer(QuantizerConfig(num_embeddings=(64,), stages=2), "quantizer").code_sizes
    (64, 64)
    """
    try:
        layer = _make(config, seed, dtype)
    except ValueError as error:  # the layer's message
        raise UserError(f"quantizer: {error}") from None
    layer.name = name  # before it is built, as its weights are named after it
    return layer


def _make(config, seed, dtype):
    # All layers are named: checkpoints identify variables by the names of the layers around them.
    numbers = itertools.count()

    def leaf():
        return _leaf(config, next(numbers), seed, dtype)

    def group(number=0):
        if not config.stages:
            return leaf()
        return layers.ResidualQuantizer(
            [leaf() for _ in range(config.stages)],
            dropout=config.stage_dropout,
            estimator="rotation" if config.estimator == "rotation" else "straight_through",
            seed=seed,
            name=f"stages_{number}",
            dtype=dtype,
        )

    if not config.groups:
        layer = group()
    elif config.shared_codebook:
        layer = layers.GroupedQuantizer(group(), config.groups, name="groups", dtype=dtype)
    else:
        groups = [group(number) for number in range(config.groups)]
        layer = layers.GroupedQuantizer(groups, name="groups", dtype=dtype)
    if config.code_dim:
        layer = layers.ProjectedQuantizer(layer, config.code_dim, seed=seed, dtype=dtype)
    return layer


def _leaf(config, number, seed, dtype):
    """Leaf quantizer `number`; each has a different seed."""
    takes = KINDS[config.kind]
    given = {name: getattr(config, name) for name in takes if name not in _NOT_PASSED}
    arguments = {name: value for name, value in given.items() if value is not None}
    if "num_embeddings" in takes:
        sizes = config.num_embeddings or (DEFAULT_NUM_EMBEDDINGS,)
        arguments["num_embeddings"] = sizes[number % len(sizes)]
        arguments["seed"] = (seed + number) % 2**32
    if config.estimator in _DRAWING:
        schedule = {name: arguments.pop(name) for name in OF_ESTIMATOR if name in arguments}
        arguments["estimator"] = _DRAWING[config.estimator](**schedule)
    return LAYERS[config.kind](**arguments, name=f"codebook_{number}", dtype=dtype)
