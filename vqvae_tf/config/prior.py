"""What the configurations of all priors have in common."""

import abc
import dataclasses
from typing import Any

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.config.training import TrainingConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class PriorConfig(abc.ABC):
    """What all priors have in common; `config.json` holds a family's own.

    Attributes:
        code_sizes: how many values each code of a place may take, a number for each slot. The
            training program takes them from the autoencoder.
        condition: name of the classes that the prior is conditioned on: `label`, `speaker`.
        num_classes: how many there are; 0 for none.
        condition_dropout: share of the training examples whose class is hidden, so that the prior
            also samples without one.
        training: how it is trained.
    """

    code_sizes: tuple[int, ...] = (512,)
    condition: str = "label"
    num_classes: int = 0
    condition_dropout: float = 0.1
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self):
        check_types(self)
        between(0, limits.LARGEST_CODEBOOK, self, "num_classes")
        if not self.code_sizes or min(self.code_sizes) < 1:
            raise UserError(
                f"code_sizes must hold a positive number for each slot; received {self.code_sizes}"
            )
        between(1, limits.LARGEST_CODEBOOK, self, "code_sizes")
        if not 0.0 <= self.condition_dropout <= 1.0:
            raise UserError(
                f"condition_dropout must lie in [0, 1]; received {self.condition_dropout}"
            )

    @property
    @abc.abstractmethod
    def crop(self) -> tuple[int, ...]:
        """Sides of the crops of codes that it is trained on, one for each axis of the grid."""

    @property
    def reach(self) -> int | None:
        """How many places away, along a side, a code may be and still matter; None: any number."""
        return None

    @property
    @abc.abstractmethod
    def variation(self) -> Any:
        """How what is encoded to train it is varied, for the medium; None for not at all."""

    @abc.abstractmethod
    def for_codes(
        self, code_sizes: tuple[int, ...], embedding_dim: int | None, condition: str, classes: int
    ) -> "PriorConfig":
        """The same for the codes of an autoencoder.

        Args:
            code_sizes: of the autoencoder.
            embedding_dim: of its one codebook; None where there is none, or several.
            condition: what its data's classes are called.
            classes: how many there are; 0 for none.
        """
