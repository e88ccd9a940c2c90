"""Summaries of a batch for a training log."""

from typing import Any, NamedTuple


class Summaries(NamedTuple):
    """Summaries of a batch that a model shows during training.

    Attributes:
        images: name -> uint8 `[batch, height, width, channels]`.
        histograms: name -> tensor of any shape.
    """

    images: dict[str, Any]
    histograms: dict[str, Any]
