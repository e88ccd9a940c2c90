"""The contract of all media: what the jobs ask of pictures, of sounds and of other data."""

import abc
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

Conditions = Mapping[str, Any]  # by name, each `[batch]`; empty where none are known
Bits = Callable[[np.ndarray, Conditions], Any]
Encode = Callable[[Any, Conditions], Any]


class Source(Protocol):
    """What the jobs themselves ask of the data behind a URI; the rest is up to the medium.

    Attributes:
        uri: what `open_source` was given.
        class_names: names of the classes; empty where there are none.
    """

    uri: str
    class_names: tuple[str, ...]


class Medium(abc.ABC):
    """How data of one kind are opened, cut into batches, measured, shown and written.

    A model's `data_key` names its medium. Methods take models of any family of the medium.

    Attributes:
        condition: what the classes of a source are called: the key of their numbers in what it
            holds, in batches, code maps and records.
    """

    condition: str

    @abc.abstractmethod
    def open_source(self, uri: str) -> Any:
        """The `Source` that a data URI names.

        Raises:
            UserError: if there is none, or if it holds something else.
        """

    @abc.abstractmethod
    def fitted(self, config: Any, source: Any) -> Any:
        """The configuration of a model of these data: with what it must know of them.

        Raises:
            UserError: if it was made for others.
        """

    @abc.abstractmethod
    def batches(self, source: Any, config: Any, start_step: int = 0) -> tf.data.Dataset:
        """Endless training batches, dictionaries; batch n is a pure function of the seed and n.

        Args:
            source: the data.
            config: of the autoencoder, with its `training` settings.
            start_step: number of the first batch.
        """

    @abc.abstractmethod
    def measure(
        self, model: Any, source: Any, prior_bits: Bits | None = None, search: Encode | None = None
    ) -> dict[str, Any]:
        """What a model is worth over all data of a source, pooled: error, bits, codes in use.

        Args:
            model: the autoencoder.
            source: the data.
            prior_bits: gives the bits `[batch]` of codes and their conditions.
            search: gives codes of data and their conditions; None takes the model's own.
        """

    @abc.abstractmethod
    def code_maps(
        self, model: Any, source: Any, variation: Any = None, seed: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Codes of all data of a source.

        Args:
            model: the autoencoder.
            source: the data.
            variation: how each is varied, as a prior's configuration says; None for not at all.
            seed: of the variation.

        Yields:
            Mappings with `name`, `codes` (of one example, as `model.encode` gives them), `rank` (of
            the grid) and, under the name `condition`, the number of the class (or None).
        """

    @abc.abstractmethod
    def reconstruct(
        self,
        model: Any,
        source: Any,
        output: str,
        count: int | None = None,
        search: Encode | None = None,
    ) -> int:
        """Writes reconstructions, the originals and the codes into a folder.

        Args:
            model: the autoencoder.
            source: the data.
            output: the folder.
            count: how many at most; None for all.
            search: as of `measure`.

        Returns:
            How many were written.
        """

    @abc.abstractmethod
    def write_samples(
        self, model: Any, codes: np.ndarray, output: str, conditions: Mapping[str, str]
    ) -> list[str]:
        """Decodes codes, writes the results into a folder and returns the paths, the best first.

        Args:
            model: the autoencoder.
            codes: as `model.decode` takes them.
            output: the folder.
            conditions: by name, the classes that they were drawn for.
        """

    @abc.abstractmethod
    def examples(self, model: Any, size: tuple[int, ...] | None = None) -> list[np.ndarray]:
        """Data that an export is checked with, without the batch axis.

        Args:
            model: the autoencoder.
            size: their sides; None gives several sizes.
        """
