"""The type checker finds nothing in the pages' blocks of Python, and it finds planted mistakes."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from tests import pages

DEMO, EVALUATION = "vqvae_tf/demo/job.py", "vqvae_tf/media/evaluation.py"
CACHE = ".mypy_cache"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> pathlib.Path:
    """A copy of the package, with the pages' blocks as modules beside it."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("stubs", "vqvae_tf"):
        shutil.copytree(pages.ROOT / name, copy / name)
    shutil.copy(pages.ROOT / "pyproject.toml", copy)
    if (pages.ROOT / CACHE).exists():  # `make lint` has looked at the package already
        shutil.copytree(pages.ROOT / CACHE, copy / CACHE)
    folder = copy / "pages_as_modules"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for page in pages.PAGES:
        name = re.sub(r"\W", "_", page.removesuffix(".md").lower())
        (folder / f"{name}.py").write_text(pages.module(pages.read(page)))
    return copy


def mypy(checkout: pathlib.Path) -> str:
    """What mypy prints of the package and the pages."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--package", "vqvae_tf", "--package", "pages_as_modules"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def plant(checkout: pathlib.Path, path: str, right: str, wrong: str) -> None:
    text = (checkout / path).read_text()
    assert right in text
    (checkout / path).write_text(text.replace(right, wrong))


def test_pages_are_right_and_planted_mistakes_are_found(checkout):
    found = mypy(checkout)
    assert found.startswith("Success: no issues found"), found

    # An array that takes the name of the imported module that is called after it.
    plant(checkout, DEMO, "    images = np.asarray(", "    reporting = np.asarray(")
    # An `evaluate` that asks for an `encode` which no model of the library has.
    images = "def encode(self, images: Any, /)"
    plant(checkout, EVALUATION, images, "def encode(self, images: Any, labels: Any)")
    found = mypy(checkout)
    assert re.search(DEMO + r":\d+: error: .* has no attribute \"sheet\"", found), found
    assert re.search(
        r"docs_training\.py:\d+: error: Argument 1 to \"evaluate\" has incompatible type "
        r"\"ImageVQVAE\"; expected \"PictureModel\"",
        found,
    ), found
