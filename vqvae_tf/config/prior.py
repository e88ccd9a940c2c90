"""The base class of the configurations of priors."""

import abc
import dataclasses
from typing import Any

from vqvae_tf.config import limits
from vqvae_tf.config.fields import between, check_types
from vqvae_tf.config.training import TrainingConfig
from vqvae_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class PriorConfig(abc.ABC):
    """Fields of all priors; `config.json` holds the configuration of a family.

    Attributes:
        code_sizes: number of values of each code of a place, one number per slot. The training
            program takes them from the autoencoder.
        condition: name of the classes that the prior is conditioned on: `label`, `speaker`.
        num_classes: number of classes; 0 for none.
        condition_dropout: share of the training examples whose class is hidden, so that the prior
            can also sample without one.
        training: how the prior is trained.
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
        """Sides of the training crops in codes, one for each axis of the grid."""

    @property
    def reach(self) -> int | None:
        """Largest distance along a side, in places, at which codes interact; None: unlimited."""
        return None

    @property
    @abc.abstractmethod
    def variation(self) -> Any:
        """How the medium varies the encoded training data; None for no variation."""

    @abc.abstractmethod
    def for_codes(
        self,
        code_sizes: tuple[int, ...],
        embedding_dim: int | None,
        condition: str,
        classes: int,
        dims: int = 0,
    ) -> "PriorConfig":
        """The configuration for the codes of an autoencoder.

        Args:
            code_sizes: `code_sizes` of the autoencoder.
            embedding_dim: dimension of its single codebook; None if there is none, or several.
            condition: name of the classes of its data.
            classes: number of classes; 0 for none.
            dims: numbers that a condition of numbers has; 0 for none.
        """
