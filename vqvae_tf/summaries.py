"""Summaries of a batch for a training log."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_NONE: Mapping[str, Any] = MappingProxyType({})


class Summaries(NamedTuple):
    """Summaries of a batch that a model shows during training.

    Attributes:
        images: name -> uint8 `[batch, height, width, channels]`.
        histograms: name -> tensor of any shape.
        audio: name -> float `[batch, time]` in [-1, 1], and its samples per second.
    """

    images: Mapping[str, Any]
    histograms: Mapping[str, Any]
    audio: Mapping[str, tuple[Any, int]] = _NONE
