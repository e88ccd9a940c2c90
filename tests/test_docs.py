"""Every example runs: those in docstrings and those in README.md and docs/."""

import doctest
import importlib
import pkgutil
import re

import numpy as np
import pytest

import vqvae_tf
from tests import pages

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(vqvae_tf.__path__, f"{vqvae_tf.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(module)
    assert failed == 0


@pytest.mark.parametrize("page", pages.PAGES)
def test_python_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in pages.blocks(pages.read(page), "python"):
        if block.reason is None:
            # As many empty lines before it as in the page: a traceback names the page's own line.
            exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), namespace)


@pytest.mark.parametrize("page", pages.PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", pages.read(page), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    folder = (pages.ROOT / page).parent
    dead = [link for link in links if link and ":" not in link and not (folder / link).exists()]
    assert not dead, f"{page}: nothing is at {', '.join(dead)}"


@pytest.mark.parametrize("page", pages.PAGES)
def test_every_block_is_found(page):
    text = pages.read(page)
    fences = re.findall(r"^ *```(\w*)", text, re.MULTILINE)
    assert len(fences) % 2 == 0 and not any(fences[1::2]), f"{page}: a block is not closed"
    for kind in ("python", "sh"):
        assert len(pages.blocks(text, kind)) == fences.count(kind), (
            f"{page}: a block of {kind} is where this test does not see it"
        )
    # Commands of another name would not be run.
    assert set(fences[::2]) <= {"python", "sh", "text", "json"}, (
        f"{page}: say which language a block is"
    )


def test_left_out_blocks_say_why():
    text = "a\n```python\n1 / 1\n```\n<!-- not run: needs a server -->\n```python\n1 / 0\n```\n"
    first, second = pages.blocks(text, "python")
    assert first == (3, "python", "1 / 1\n", None) and second.reason == "needs a server"
    text = text.replace(": needs a server", ":")
    assert [block.reason for block in pages.blocks(text, "python")] == [None, None]
    assert pages.module(text).splitlines()[2:7:4] == ["1 / 1", "1 / 0"]
