"""Figures of a topic, measured and written case by case; the style of the plots."""

import argparse
import json
import pathlib
from collections.abc import Callable, Iterable

import runs

PLOT_STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "font.size": 9,
}


class Figures:
    """A topic's `figures.json`: part -> case -> name -> number.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path

    def read(self) -> dict:
        """Returns all figures so far."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def forget(self, part: str) -> None:
        """Removes the figures of a part."""
        self._write({name: cases for name, cases in self.read().items() if name != part})

    def measure(self, part: str, function: Callable[..., dict], cases: Iterable[tuple]) -> None:
        """Calls `function` with the items of each case of a part that has no figures yet."""
        for case in cases:
            key = ", ".join(map(str, case))
            if key in self.read().get(part, {}):
                continue
            found = _rounded(function(*case))
            print(f"{part}: {key}: {found}", flush=True)
            figures = self.read()  # again: another process may be measuring another part
            figures.setdefault(part, {})[key] = found
            self._write(figures)

    def _write(self, figures):
        runs.write(str(self.path), json.dumps(figures, indent=1) + "\n")


def _rounded(figures):
    """The figures with five digits; those of a split are a dictionary of their own."""
    if isinstance(figures, dict):
        return {name: _rounded(value) for name, value in figures.items()}
    return float(f"{figures:.5g}") if isinstance(figures, float) else figures


def parser_of(description: str, parts: Iterable[str]) -> argparse.ArgumentParser:
    """The command line of a topic's `run.py`: names of parts, and `--again`."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*parts, "page"]))
    parser.add_argument("--again", action="store_true", help="remove the parts' figures first")
    return parser


def refuse_unknown(parser: argparse.ArgumentParser, asked_for, parts) -> None:
    """Ends the program if a requested part does not exist."""
    unknown = set(asked_for) - {*parts, "page"}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; know {', '.join(parts)}, page")
