"""Every example runs: those in docstrings and those in README.md and docs/."""

import doctest
import importlib
import pathlib
import pkgutil
import re

import numpy as np
import pytest

import vqvae_tf

ROOT = pathlib.Path(__file__).parents[1]
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(vqvae_tf.__path__, f"{vqvae_tf.__name__}.")
)
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))

# A block may be left out by a line above it that says why: <!-- not run: reason -->
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>\S.*) -->\n+)?```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of each block that is to be run."""
    return [
        (text[: match.start("code")].count("\n") + 1, match["code"])
        for match in BLOCK.finditer(text)
        if match["reason"] is None
    ]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(module)
    assert failed == 0


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_pages(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for line, code in blocks((ROOT / page).read_text()):
        # As many empty lines before it as in the page: a traceback names the page's own line.
        exec(compile("\n" * (line - 1) + code, page, "exec"), namespace)


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    folder = (ROOT / page).parent
    dead = [link for link in links if link and ":" not in link and not (folder / link).exists()]
    assert not dead, f"{page}: nothing is at {', '.join(dead)}"


def test_every_block_is_found():
    for page in ["README.md", *PAGES]:
        text = (ROOT / page).read_text()
        assert len(BLOCK.findall(text)) == len(re.findall("^ *```python", text, re.MULTILINE)), (
            f"{page}: a block of Python stands where this test does not see it"
        )


def test_left_out_blocks_say_why():
    text = "a\n```python\n1 / 1\n```\n<!-- not run: needs a server -->\n```python\n1 / 0\n```\n"
    assert blocks(text) == [(3, "1 / 1\n")]
    assert len(blocks(text.replace(": needs a server", ":"))) == 2
