"""The diagram that explains a VQ-VAE: original, codes and reconstruction, with arrows."""

import html
from typing import NamedTuple

import numpy as np

from vqvae_tf.reporting import pictures

_IMAGE, _TOP = 66, 18  # side of a picture and its upper edge, in units of the drawing


class Words(NamedTuple):
    """What the parts of the diagram are called.

    Attributes:
        original, codes, decoded: titles of the three pictures.
        place: what gets one code: "cell".
        prior: two lines about the second network.
    """

    original: str
    codes: str
    decoded: str
    place: str
    prior: tuple[str, str]


def overview(
    original: np.ndarray,
    code_map: np.ndarray,
    decoded: np.ndarray,
    num_embeddings: int,
    words: Words,
) -> str:
    """Draws how the two networks work, with a real example in it.

    Args:
        original: a picture of the example, best square, uint8 `[height, width, 1 or 3]`.
        code_map: its codes as colours, uint8 `[rows, columns, 3]`.
        decoded: a picture of its reconstruction, of the shape of the original's.
        num_embeddings: vectors in the codebook.
        words: what they are called.

    Returns:
        SVG markup for `page.Drawing`.

    >>> grey = np.zeros((8, 8, 3), np.uint8)
    >>> words = Words("photograph", "codes", "from codes", "cell", ("It learns", "codes."))
    >>> overview(grey, grey[:2, :2], grey, 512, words).count("<image")
    3
    """
    middle = _TOP + _IMAGE / 2
    return "".join(
        [
            '<svg viewBox="0 0 372 206" font-size="10">',
            _picture(2, original, words.original),
            _arrow(70, middle, 86, middle),
            _box(87, middle - 15, 48, 30, ("encoder",)),
            _arrow(135, middle, 151, middle),
            _picture(153, code_map, words.codes, pixels=True),
            _arrow(221, middle, 237, middle),
            _box(238, middle - 15, 48, 30, ("decoder",)),
            _arrow(286, middle, 302, middle),
            _picture(304, decoded, words.decoded),
            _line(f"M 111 {middle + 15} V 128"),
            _arrow(187, 128, 187, _TOP + _IMAGE + 3),
            _text(196, 105, f"each {words.place} gets the number", anchor="start"),
            _text(196, 118, "of the nearest vector", anchor="start"),
            _box(92, 129, 190, 26, (f"codebook: {num_embeddings} learned vectors",)),
            _box(2, 167, 368, 36, words.prior),
            "</svg>",
        ]
    )


def _picture(left: float, image: np.ndarray, label: str, pixels: bool = False) -> str:
    style = ' style="image-rendering: pixelated"' if pixels else ""
    uri = pictures.data_uri(pictures.encode_webp(image))
    return (
        f'<image href="{uri}" x="{left}" y="{_TOP}" width="{_IMAGE}" height="{_IMAGE}"'
        f' preserveAspectRatio="xMidYMid slice"{style}/>'
        + _text(left + _IMAGE / 2, _TOP - 6, label)
    )


def _box(left: float, top: float, width: float, height: float, lines: tuple[str, ...]) -> str:
    first = top + height / 2 + 3.7 - 6.5 * (len(lines) - 1)
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="5"'
        ' style="fill: var(--panel); stroke: var(--series-1); stroke-width: 1.2"/>'
    ) + "".join(
        _text(left + width / 2, first + 13 * index, line) for index, line in enumerate(lines)
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" style="fill: var(--ink)">'
        f"{html.escape(text)}</text>"
    )


def _line(path: str) -> str:
    return f'<path d="{path}" style="fill: none; stroke: var(--muted); stroke-width: 1.4"/>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    head = (
        f"M {x2 - 4} {y2 - 4} L {x2} {y2} L {x2 - 4} {y2 + 4}"
        if y1 == y2
        else f"M {x2 - 4} {y2 + 4} L {x2} {y2} L {x2 + 4} {y2 + 4}"
    )
    return _line(f"M {x1} {y1} L {x2} {y2} {head}")
