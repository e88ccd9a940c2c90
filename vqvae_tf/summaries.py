"""What a model shows of a batch in a training log."""

from typing import Any, NamedTuple


class Summaries(NamedTuple):
    """What a model shows of a batch while it trains.

    Attributes:
        images: name -> uint8 `[batch, height, width, channels]`.
        histograms: name -> tensor of any shape.
    """

    images: dict[str, Any]
    histograms: dict[str, Any]
