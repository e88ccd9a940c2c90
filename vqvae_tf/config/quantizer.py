"""Configuration of a model's quantizer, for every public quantizer.

A leaf quantizer (`kind`) may be repeated in stages and in groups, and wrapped in projections:
`ProjectedQuantizer(GroupedQuantizer(ResidualQuantizer(leaf)))`, each only if it is configured.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from vqvae_tf.arguments import refuse_inert
from vqvae_tf.config import limits
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.errors import UserError, nearest

_CODEBOOK = (
    "num_embeddings", "commitment_cost", "estimator", "temperature", "final_temperature",
    "anneal_steps", "distance", "diversity_cost", "diversity_temperature",
)  # fmt: skip
_COUNTED = (*_CODEBOOK, "decay", "revival_threshold", "revival_count", "accumulation_steps")
# kind -> the fields that it takes
KINDS: dict[str, tuple[str, ...]] = {
    "ema": _COUNTED,
    "loss": (*_COUNTED, "orthogonality_cost"),
    "sim_vq": _CODEBOOK,
    "finite_scalar": ("levels",),
    "lookup_free": (
        "bits", "spherical", "commitment_cost", "entropy_cost", "diversity_cost", "temperature",
        "group_bits",
    ),
}  # fmt: skip
DRAWING_ESTIMATORS = ("gumbel_softmax", "stochastic")
OF_ESTIMATOR = ("temperature", "final_temperature", "anneal_steps")
_ESTIMATORS = ("straight_through", "rotation", *DRAWING_ESTIMATORS)
_PAPERS_NAMES = {
    "fsq": "finite_scalar",
    "lfq": "lookup_free",
    "bsq": "lookup_free",
    "vq": "loss",
    "vq_ema": "ema",
    "simvq": "sim_vq",
}
_AROUND = ("kind", "stages", "stage_dropout", "groups", "shared_codebook", "code_dim")
_MOST_SLOTS = 2**10
DEFAULT_NUM_EMBEDDINGS = 512  # the paper's


@dataclasses.dataclass(frozen=True)
class QuantizerConfig:
    """A quantizer by its kind, with its stages, groups and projections.

    A field that is None has the default of the layer; one that the kind does not have is refused.

    Attributes:
        kind: "ema" (`VectorQuantizerEMA`, appendix A.1 of the paper), "loss" (`VectorQuantizer`,
            equation 3), "sim_vq", "finite_scalar" or "lookup_free".
        num_embeddings: K, the number of codes of a codebook (512 by default); several numbers give
            the stages or groups codebooks of different sizes.
        commitment_cost: weight of the loss that keeps the encoder near its codes (0.25 by default).
        decay: of the running counts (and vectors, of kind "ema"), in [0, 1); by default derived
            from the vectors per code and step, so that a count averages about 80 hits.
        revival_threshold: codes with a count and an error below this share of their means are
            replaced (0.2 by default; 0 turns it off).
        revival_count: count of a replaced code, as a share of the mean (0.5 by default).
        accumulation_steps: training steps per update of the codebook (1 by default).
        distance: "euclidean" (by default) or "cosine", between vectors and codes.
        diversity_cost: weight of the loss that spreads vectors over all codes (0 by default; 0.1
            of kind "lookup_free").
        diversity_temperature: of that loss, in units of the squared distance (1 by default).
        orthogonality_cost: weight of the codes' mean squared cosine, of kind "loss" (0 by default).
        estimator: of the encoder's gradient: "straight_through" (by default), "rotation",
            "gumbel_softmax" or "stochastic".
        temperature: of the last two estimators and of kind "lookup_free" (1 by default; 1 / bits
            with `spherical`).
        final_temperature: of the last two estimators, after `anneal_steps`; by default
            `temperature` stays.
        anneal_steps: training steps from `temperature` to `final_temperature` (10,000 by default).
        levels: levels of a finite scalar quantizer, such as 8,5,5,5.
        bits: bits of a lookup-free quantizer, whose codes are below 2 ** bits.
        spherical: whether a lookup-free quantizer has codes on a sphere, BSQ instead of LFQ (False
            by default).
        entropy_cost: weight of the entropy of each code, of kind "lookup_free" (0.01 by default).
        group_bits: bits of kind "lookup_free" whose joint distribution is held (10 by
            default).
        stages: number of stages of a `ResidualQuantizer`; None for no such quantizer.
        stage_dropout: whether training drops stages at random.
        groups: number of groups of a `GroupedQuantizer`; None for no such quantizer.
        shared_codebook: whether all groups share a codebook.
        code_dim: dimension of the codes of a `ProjectedQuantizer`; None for no such quantizer.

    >>> QuantizerConfig(kind="finite_scalar", levels=(8, 5, 5, 5)).code_sizes
    (1000,)
    >>> QuantizerConfig(num_embeddings=(64,), stages=3).code_sizes
    (64, 64, 64)
    """

    kind: str = "ema"
    num_embeddings: tuple[int, ...] | None = None
    commitment_cost: float | None = None
    decay: float | None = None
    revival_threshold: float | None = None
    revival_count: float | None = None
    accumulation_steps: int | None = None
    distance: str | None = None
    diversity_cost: float | None = None
    diversity_temperature: float | None = None
    orthogonality_cost: float | None = None
    estimator: str | None = None
    temperature: float | None = None
    final_temperature: float | None = None
    anneal_steps: int | None = None
    levels: tuple[int, ...] | None = None
    bits: int | None = None
    spherical: bool | None = None
    entropy_cost: float | None = None
    group_bits: int | None = None
    stages: int | None = None
    stage_dropout: bool = False
    groups: int | None = None
    shared_codebook: bool = False
    code_dim: int | None = None

    def __post_init__(self):
        self._check_bounds()
        if self.kind not in KINDS:
            known = _PAPERS_NAMES.get(self.kind.lower())
            way = f'write "{known}"' if known else nearest(self.kind, KINDS)
            raise UserError(f'unknown quantizer.kind "{self.kind}"; {way}')
        for name in self.foreign_fields(self.kind):
            if getattr(self, name) is not None:
                raise UserError(
                    f'a quantizer of kind "{self.kind}" has no {name}; received '
                    f"{getattr(self, name)}: leave it out, or set one of "
                    f"{', '.join(KINDS[self.kind])}"
                )
        if self.estimator is not None and self.estimator not in _ESTIMATORS:
            raise UserError(
                f'unknown quantizer.estimator "{self.estimator}"; '
                f"{nearest(self.estimator, _ESTIMATORS)}"
            )
        if self.kind != "lookup_free" and self.estimator not in DRAWING_ESTIMATORS:
            for name in OF_ESTIMATOR:
                if getattr(self, name) is not None:
                    raise UserError(
                        f"quantizer.{name} belongs to an estimator that draws codes "
                        f"({', '.join(DRAWING_ESTIMATORS)}); received {getattr(self, name)} for "
                        f"{self.estimator or 'straight_through'}"
                    )
        for name, needed in self.inert_fields(vars(self)).items():  # None is the layer's default
            refuse_inert(f"quantizer.{name}", getattr(self, name), None, f"quantizer.{needed}")
        for name, least in (("stages", 2), ("groups", 2), ("code_dim", 1)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise UserError(
                    f"quantizer.{name} must be None or at least {least}; received "
                    f"{getattr(self, name)}"
                )
        if self.stage_dropout and not self.stages:
            raise UserError(
                "quantizer.stage_dropout needs quantizer.stages; set it, or leave it out"
            )
        if self.shared_codebook and not self.groups:
            raise UserError(
                "quantizer.shared_codebook needs quantizer.groups; set it, or leave it out"
            )
        if self.kind == "finite_scalar" and not self.levels:
            raise UserError("a finite_scalar quantizer needs quantizer.levels, such as 8,5,5,5")
        if self.kind == "lookup_free" and (self.bits is None or not 1 <= self.bits <= 30):
            raise UserError(
                "a lookup_free quantizer needs quantizer.bits between 1 and 30; received "
                f"{self.bits}"
            )
        if self.num_embeddings is not None and len(self.num_embeddings) not in (1, self._leaves):
            raise UserError(
                f"quantizer.num_embeddings must be one number, or one for each of the "
                f"{self._leaves} codebooks; received {self.num_embeddings}"
            )

    @staticmethod
    def inert_fields(values: Mapping[str, Any]) -> dict[str, str]:
        """Fields that have no effect beside the values of the others, and which one they need.

        >>> QuantizerConfig.inert_fields({**vars(QuantizerConfig()), "revival_threshold": 0.0})
        {'anneal_steps': 'final_temperature', 'diversity_temperature': 'diversity_cost', \
'group_bits': 'diversity_cost', 'revival_count': 'revival_threshold'}
        """
        lookup_free = values["kind"] == "lookup_free"
        of_revival = ["revival_count"]
        if values["kind"] == "loss":
            of_revival += ["decay", "accumulation_steps"]  # it counts for the revival only
        diversity = values["diversity_cost"]
        no_diversity = diversity == 0 if lookup_free else not diversity
        return {
            name: needed
            for names, off, needed in (
                (["anneal_steps"], values["final_temperature"] is None, "final_temperature"),
                (["diversity_temperature", "group_bits"], no_diversity, "diversity_cost"),
                (of_revival, values["revival_threshold"] == 0, "revival_threshold"),
                (
                    ["temperature"],
                    lookup_free and no_diversity and values["entropy_cost"] == 0,
                    "entropy_cost",
                ),
            )
            for name in (names if off else ())
        }

    def _check_bounds(self):
        """Refuses numbers out of bounds, and too many layers."""
        check_types(self, at="quantizer.")
        for field in dataclasses.fields(self):
            if field.type == float | None:
                between(
                    -limits.LARGEST_NUMBER, limits.LARGEST_NUMBER, self, field.name, at="quantizer."
                )
        between(1, limits.LARGEST_CODEBOOK, self, "num_embeddings", "levels", at="quantizer.")
        between(0, limits.LONGEST_RUN, self, "accumulation_steps", "anneal_steps", at="quantizer.")
        between(0, limits.DEEPEST, self, "stages", "groups", at="quantizer.")
        between(0, limits.WIDEST, self, "code_dim", at="quantizer.")
        if self._slots > _MOST_SLOTS:
            raise UserError(
                f"quantizer.stages times quantizer.groups must be at most {_MOST_SLOTS}; received "
                f"{self.stages} times {self.groups}"
            )

    @staticmethod
    def foreign_fields(kind: str) -> tuple[str, ...]:
        """Fields that a quantizer of `kind` does not have.

        >>> "levels" in QuantizerConfig.foreign_fields("ema")
        True
        """
        takes = (*_AROUND, *KINDS[kind]) if kind in KINDS else ()
        names = (field.name for field in dataclasses.fields(QuantizerConfig))
        return tuple(name for name in names if takes and name not in takes)

    @property
    def code_sizes(self) -> tuple[int, ...]:
        """Number of values of each code of a place, one number per slot."""
        if self.levels:
            sizes: tuple[int, ...] = (math.prod(self.levels),)
        elif self.bits is not None:
            sizes = (2**self.bits,)
        else:
            sizes = self.num_embeddings or (DEFAULT_NUM_EMBEDDINGS,)
        return sizes * (self._slots // len(sizes))

    @property
    def _slots(self) -> int:
        return (self.stages or 1) * (self.groups or 1)

    @property
    def _leaves(self) -> int:
        """Number of leaf quantizers: one per stage of each group; a shared group counts once."""
        return (self.stages or 1) * (1 if self.shared_codebook else self.groups or 1)

    def check_dim(self, dim: int) -> None:
        """Refuses a dimension of vectors that the quantizer cannot take.

        Raises:
            UserError: naming the dimension that it takes.
        """
        groups = self.groups or 1
        width = self.code_dim or dim
        where = "quantizer.code_dim" if self.code_dim else "embedding_dim"
        if width % groups:
            raise UserError(f"{where} must be a multiple of the {groups} groups; received {width}")
        wanted = self.bits or (len(self.levels) if self.levels else None)
        numbers = self._leaves * max(self.num_embeddings or (1,)) * width
        if numbers > limits.LARGEST_TABLE:
            raise UserError(
                f"the codebooks must hold at most {limits.LARGEST_TABLE} numbers; received "
                f"quantizer.num_embeddings={self.num_embeddings} for {where}={width}"
            )
        if wanted is not None and width != wanted * groups:
            raise UserError(
                f"this {self.kind} quantizer takes vectors of {wanted * groups} numbers; received "
                f"{where}={width}: set quantizer.code_dim={wanted * groups}"
            )
