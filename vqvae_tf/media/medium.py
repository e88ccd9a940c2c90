"""The base class of all media: the interface of the jobs to pictures, sounds and other data."""

import abc
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

Conditions = Mapping[str, Any]  # by name, each `[batch]`; empty if none are known
Bits = Callable[[np.ndarray, Conditions], Any]
Encode = Callable[[Any, Conditions], Any]


class Source(Protocol):
    """The interface of data sources that the jobs use; the medium may use more.

    Attributes:
        uri: argument of `open_source`.
        class_names: names of the classes; empty if there are none.
        files: paths of single files that are read, which results must not overwrite.
    """

    uri: str
    class_names: tuple[str, ...]
    files: tuple[str, ...]


class Medium(abc.ABC):
    """How data of one kind are opened, cut into batches, measured, shown and written.

    A model's `data_key` names its medium. Methods take models of any family of the medium.

    Attributes:
        condition: name of the classes of a source: the key of their numbers in its examples, in
            batches, code maps and records.
    """

    condition: str

    @abc.abstractmethod
    def open_source(self, uri: str) -> Any:
        """The `Source` of a data URI.

        Raises:
            UserError: if there is none, or if it has data of another kind.
        """

    @abc.abstractmethod
    def fitted(self, config: Any, source: Any) -> Any:
        """The configuration of a model, completed with properties of the data.

        Raises:
            UserError: if it does not fit the data.
        """

    def condition_dims(self, config: Any, source: Any) -> int:
        """How many numbers the condition of a source has; 0 if it is classes.

        Args:
            config: configuration of the autoencoder.
            source: the data.
        """
        return 0

    @abc.abstractmethod
    def batches(self, source: Any, config: Any, start_step: int = 0) -> tf.data.Dataset:
        """Endless training batches, dictionaries; batch n is a pure function of the seed and n.

        Args:
            source: the data.
            config: configuration of the autoencoder, with its `training` settings.
            start_step: number of the first batch.
        """

    @abc.abstractmethod
    def measure(
        self, model: Any, source: Any, prior_bits: Bits | None = None, search: Encode | None = None
    ) -> dict[str, Any]:
        """Measures a model over all data of a source, pooled: error, bits, codes in use.

        Args:
            model: the autoencoder.
            source: the data.
            prior_bits: function of codes and their conditions that returns their bits, `[batch]`.
            search: function of data and their conditions that returns codes; None means the
                model's `encode`.
        """

    @abc.abstractmethod
    def code_maps(
        self, model: Any, source: Any, variation: Any = None, seed: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Codes of all data of a source.

        Args:
            model: the autoencoder.
            source: the data.
            variation: how each example is varied, from the prior's configuration; None for none.
            seed: seed of the variation.

        Yields:
            Mappings with `name`, `codes` (of one example, as returned by `model.encode`), `rank`
            (of the grid) and, under the name `condition`, the number of the class (or None).
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
            count: maximal number of examples; None for all.
            search: as in `measure`.

        Returns:
            The number of examples written.
        """

    @abc.abstractmethod
    def write_samples(
        self, model: Any, codes: np.ndarray, output: str, conditions: Mapping[str, str]
    ) -> list[str]:
        """Decodes codes, writes the results to a folder and returns the paths, the main one first.

        Args:
            model: the autoencoder.
            codes: as `model.decode` takes them.
            output: the folder.
            conditions: the classes for which they were drawn, by name.
        """

    @abc.abstractmethod
    def examples(self, model: Any, size: tuple[int, ...] | None = None) -> list[np.ndarray]:
        """Data to check an export with, without the batch axis.

        Args:
            model: the autoencoder.
            size: sides of the data; None for several sizes.
        """
