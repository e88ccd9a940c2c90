"""The blocks of code in README.md, CONTRIBUTING.md and docs/, which tests run and check."""

import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>\S[^\n]*) -->\n+)?```(?P<kind>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block of code.

    Attributes:
        line: number of its first line of code.
        kind: the word behind the fence: "python", "sh".
        code: its lines.
        reason: why it is not run, from a line `<!-- not run: REASON -->` above it; None if it is.
    """

    line: int
    kind: str
    code: str
    reason: str | None


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[Block]:
    """Every block of one kind, in order."""
    return [
        Block(text[: match.start("code")].count("\n") + 1, kind, match["code"], match["reason"])
        for match in _BLOCK.finditer(text)
        if match["kind"] == kind
    ]


def module(text: str) -> str:
    """All Python blocks as one module in which every line has the number that it has in `text`."""
    lines = [""] * (text.count("\n") + 1)
    for block in blocks(text, "python"):
        code = block.code.splitlines()
        lines[block.line - 1 : block.line - 1 + len(code)] = code
    return "\n".join(lines).rstrip() + "\n"
