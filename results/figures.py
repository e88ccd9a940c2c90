"""Figures of a topic that are measured case by case, each kept as it comes; the plots' style."""

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
        path: of the file; it need not be there.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path

    def read(self) -> dict:
        """All figures so far."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def forget(self, part: str) -> None:
        """Throws a part's figures away."""
        self._write({name: cases for name, cases in self.read().items() if name != part})

    def go_on(self, part: str, function: Callable[..., dict], cases: Iterable[tuple]) -> None:
        """Measures the cases of a part that have no figures yet: `function` of each one's items."""
        for case in cases:
            key = ", ".join(map(str, case))
            if key in self.read().get(part, {}):
                continue
            found = {
                name: float(f"{value:.5g}") if isinstance(value, float) else value
                for name, value in function(*case).items()
            }
            print(f"{part}: {key}: {found}", flush=True)
            figures = self.read()  # anew: another part may be under way beside this one
            figures.setdefault(part, {})[key] = found
            self._write(figures)

    def _write(self, figures):
        runs.write(str(self.path), json.dumps(figures, indent=1) + "\n")


def parser_of(description: str, parts: Iterable[str]) -> argparse.ArgumentParser:
    """The command line of a topic's `run.py`: names of parts, and `--again`."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*parts, "page"]))
    parser.add_argument("--again", action="store_true", help="throw the parts' figures away first")
    return parser


def refuse_unknown(parser: argparse.ArgumentParser, asked_for, parts) -> None:
    """Ends the program where a part that was asked for is none."""
    unknown = set(asked_for) - {*parts, "page"}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; know {', '.join(parts)}, page")
