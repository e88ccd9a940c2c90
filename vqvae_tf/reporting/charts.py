"""Charts as inline SVG with text as text, the page's colours (light or dark) and no fixed size.

Every chart is drawn small with large type, so that it is legible at a width of 360 pixels.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from vqvae_tf.errors import UserError, nearest
from vqvae_tf.optional_packages import require
from vqvae_tf.reporting.codecs import CodecResult

# Placeholders that matplotlib writes, and the page's CSS variables that replace them.
_INK, _MUTED, _FAINT = "#010101", "#010102", "#010103"
_SERIES = ("#010104", "#010105", "#010106", "#010107")
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _FAINT: "var(--line)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(_SERIES, start=1)},
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vqvae_tf",  # the same chart gives the same bytes
    "font.size": 9,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "text.color": _INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def curves(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    x: str = "step",
    y_label: str = "",
    log: bool = False,
) -> str:
    """Training curves, from the rows of a `metrics.csv`.

    Args:
        rows: as `csv.DictReader` yields them; values may be texts, absent or empty.
        columns: column -> name in the legend.
        x: the column of the horizontal axis.
        y_label: label of the vertical axis, with the unit.
        log: whether the vertical axis is logarithmic.

    Returns:
        SVG markup.

    Raises:
        UserError: if no row has a value in a column, or matplotlib is not installed.

    >>> curves([{"step": "1", "loss": "0.5"}, {"step": 2, "loss": 0.4}], {"loss": "loss"})[:4]
    '<svg'
    """
    named = len(columns) > 1
    with _drawing(3.0 + 0.17 * named * len(columns)) as (figure, axes):
        for index, (column, label) in enumerate(columns.items()):
            points = [
                (float(row[x]), float(row[column]))
                for row in rows
                if row.get(x) not in (None, "") and row.get(column) not in (None, "")
            ]
            if not points:
                known = {name for row in rows for name in row}
                raise UserError(f'no row has a value of "{column}"; {nearest(column, known)}')
            axes.plot(
                *zip(*points, strict=True),
                color=_SERIES[index % len(_SERIES)],
                linestyle=("-", "--", ":", "-.")[index % 4],
                marker="" if len(points) > 2 else "o",
                linewidth=1.6,
                label=label,
            )
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        axes.set_xlabel(x)
        axes.set_ylabel(y_label)
        axes.xaxis.set_major_formatter(_thousands)
        if named:  # above the curves, which would cross it anywhere else
            figure.legend(loc="outside upper left", borderpad=0.0)
        return _svg(figure)


def usage(counts: Sequence[int] | np.ndarray) -> str:
    """How often each code is used, the most common first, with a line for equal use.

    Args:
        counts: uses of every code, `[num_embeddings]`.

    Returns:
        SVG markup.

    Raises:
        UserError: if nothing was counted, or matplotlib is not installed.

    >>> usage([3, 0, 9])[:4]
    '<svg'
    """
    counts = np.sort(np.asarray(counts, np.float64))[::-1]
    if counts.ndim != 1 or not counts.sum() > 0:
        raise UserError("the codes' usage needs at least one count above 0; received none")
    shares = 100 * counts / counts.sum()
    equal = 100 / len(shares)
    with _drawing() as (figure, axes):
        axes.stairs(shares, np.arange(len(shares) + 1), fill=True, color=_SERIES[0])
        axes.axhline(equal, color=_SERIES[1], linestyle="--", linewidth=1.6)
        axes.annotate(
            f"if all were used equally: {equal:.2g} %",
            (len(shares), equal),
            (0, 4),
            textcoords="offset points",
            ha="right",
        )
        axes.set_xlim(0, len(shares))
        axes.set_xlabel("codes, the most common first")
        axes.set_ylabel("share of all uses, %")
        return _svg(figure)


def rate_distortion(
    codecs: Mapping[str, Sequence[CodecResult]], points: Mapping[str, tuple[float, float]]
) -> str:
    """Bits per pixel against PSNR: a curve for each codec, a point for each of the model's rates.

    Args:
        codecs: name -> results at rising rates.
        points: name -> (bits per pixel, PSNR).

    Returns:
        SVG markup.

    Raises:
        UserError: if matplotlib is not installed.

    >>> rate_distortion({}, {"codes": (0.56, 28.6)})[:4]
    '<svg'
    """
    with _drawing() as (figure, axes):
        for index, (name, (bits, psnr)) in enumerate(points.items()):
            axes.plot(
                bits,
                psnr,
                "oD^s"[index % 4],
                markersize=8,
                color=_SERIES[index % 2],
                label=name,
                zorder=3,
            )
        for index, (name, results) in enumerate(codecs.items()):
            axes.plot(
                [result.bits_per_pixel for result in results],
                [result.psnr for result in results],
                color=_SERIES[2 + index % 2],
                linestyle=("-", "--")[index % 2],
                linewidth=1.6,
                label=name,
            )
        axes.set_xlim(left=0)
        axes.set_xlabel("bits per pixel (fewer is better)")
        axes.set_ylabel("PSNR, dB (more is better)")
        axes.legend(loc="lower right")
        return _svg(figure)


def bars(values: Mapping[str, float], *, x_label: str, digits: int = 2) -> str:
    """Horizontal bars with their figures, in the given order.

    Args:
        values: name -> length.
        x_label: label of the horizontal axis, with the unit.
        digits: digits after the decimal point.

    Returns:
        SVG markup.

    Raises:
        UserError: if matplotlib is not installed.

    >>> bars({"fixed length": 9.0, "prior": 4.1}, x_label="bits per code")[:4]
    '<svg'
    """
    with _drawing(height=0.7 + 0.34 * len(values)) as (figure, axes):
        drawn = axes.barh(list(values), list(values.values()), color=_SERIES[0], height=0.62)
        axes.bar_label(drawn, fmt=f"%.{digits}f", padding=4)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.14)
        axes.set_xlabel(x_label)
        return _svg(figure)


@contextlib.contextmanager
def _drawing(height: float = 3.0) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes in the page's style, without pyplot's global state."""
    matplotlib = require("matplotlib", "report", "charts")
    figures = require("matplotlib.figure", "report", "charts")
    with matplotlib.rc_context(_STYLE):
        # In inches: 317 units of the SVG, about a phone's width in pixels.
        figure = figures.Figure(figsize=(4.4, height), layout="constrained")
        yield figure, figure.add_subplot()


def _thousands(value: float, _) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _svg(figure: Any) -> str:
    """The figure as SVG for a page, which sets the size, the font and the colours."""
    buffer = io.BytesIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    svg = ElementTree.fromstring(buffer.getvalue())
    svg.attrib = {"viewBox": svg.attrib["viewBox"]}
    for stylesheet in svg.findall("{*}defs[{*}style]"):  # it would apply to the whole page
        svg.remove(stylesheet)
    for element in svg.iter():
        element.tag = _without_namespace(element.tag)  # implied in HTML
        element.attrib = {_without_namespace(key): text for key, text in element.attrib.items()}
        if element.tag == "g":
            element.attrib.pop("id", None)  # the same in every chart
        if "style" in element.attrib:
            element.attrib["style"] = _style_of_page(element.attrib["style"])
    ElementTree.indent(svg, "")
    return ElementTree.tostring(svg, encoding="unicode")


def _without_namespace(name: str) -> str:
    return name.rpartition("}")[2]


def _style_of_page(style: str) -> str:
    """The declarations with the page's variables as colours, without the font's name."""
    declarations = (declaration.split(": ", 1) for declaration in style.split("; "))
    return "; ".join(
        f"{name}: {_VARIABLES.get(value, value)}"
        for name, value in declarations
        if name != "font-family"
    )
