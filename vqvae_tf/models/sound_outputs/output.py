"""The base class of what a decoder of sound gives: how it is scored, and how it becomes sound."""

import abc
from collections.abc import Iterator
from typing import Any

import tensorflow as tf


class Output(abc.ABC):
    """The decoder of an `AudioVQVAE` and the meaning of its outputs.

    Waveforms are float32 `[batch, time]`, padded to whole codes; vectors are those of their codes,
    `[batch, codes, dim]`; a speaker is int32 `[batch]`, -1 where unknown, or None.

    Attributes:
        network: the decoder, built; the model tracks it.
        draws: whether `decode` draws sample by sample; the output then has `draw`.
        counts_bits: whether p(x|z) is a distribution of samples.
    """

    network: Any
    draws: bool
    counts_bits: bool

    @abc.abstractmethod
    def predict(self, audio: tf.Tensor, vectors: tf.Tensor, speaker: Any) -> tf.Tensor:
        """The decoder's outputs, `[batch, places, ...]`; audio is the past that it may know."""

    @abc.abstractmethod
    def places(self, time: Any) -> Any:
        """Number of places of outputs that stand for the first `time` samples."""

    @abc.abstractmethod
    def elements(
        self, outputs: tf.Tensor, audio: tf.Tensor, speaker: Any, factor: Any = None
    ) -> tf.Tensor:
        """What is minimised at each place, `[batch, places, ...]`; of samples, nats.

        Args:
            outputs: from `predict`.
            audio: the target.
            speaker: as there.
            factor: None, or for each example how much faster the encoder heard it: place t of the
                outputs then stands for place `t * factor` of the target. Only of outputs that are
                frames.
        """

    @abc.abstractmethod
    def decode(
        self, vectors: tf.Tensor, speaker: Any, *, seed: int, temperature: float, jit_compile: bool
    ) -> tf.Tensor:
        """Waveforms `[batch, codes * stride]` in [-1, 1]."""

    @abc.abstractmethod
    def stream(
        self,
        vectors: tf.Tensor,
        speaker: Any,
        *,
        seed: int,
        temperature: float,
        first_sample: int,
        steps: int,
    ) -> Iterator[tf.Tensor]:
        """The waveforms of `decode`, about `steps` samples at a time where they are drawn."""
