"""The wheel holds the whole package and nothing else, and both kinds of installation import it."""

import ast
import configparser
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def package_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "vqvae_tf").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def pip(*arguments: object) -> None:
    """Runs pip without the network: the build backend comes from this environment."""
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-index", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> pathlib.Path:
    """A copy of the checkout, so that a build neither leaves files in it nor finds old ones."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.is_symlink():
            (copy / path.name).symlink_to(path.readlink())
        elif path.is_file():
            shutil.copy(path, copy)
        elif path.name in ("tests", "vqvae_tf"):
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", checkout, "--wheel-dir", folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel) -> dict[str, str]:
    """The files of the wheel's dist-info folder."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.split(".dist-info/")[1]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == package_files()
    assert "vqvae_tf/py.typed" in held
    assert any(name.endswith(".html.j2") for name in held)


def test_wheel_has_one_version_and_its_licence(wheel, metadata):
    version = wheel.name.split("-")[1]
    assert f'__version__ = "{version}"' in (ROOT / "vqvae_tf/__init__.py").read_text()
    assert f"\nVersion: {version}\n" in metadata["METADATA"]
    assert "\nLicense-Expression: Apache-2.0\n" in metadata["METADATA"]
    assert metadata["licenses/LICENSE"] == (ROOT / "LICENSE").read_text()


# Named in a requirement, and not what its module is called.
MODULES = {
    "ai-edge-litert": "ai_edge_litert",
    "absl-py": "absl",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "tensorflow-io": "tensorflow_io",
}
# Needed by what is imported, which does not say so: docs/dependencies.md has the reasons.
BEHIND = {"importlib_resources", "tensorboard"}
ABOUT_TESTS = {"tfio", "test", "dev", "all"}


def imported() -> set[str]:
    """Top-level names of all that the package imports, by statement or by name in a string."""
    found = set()
    for path in (ROOT / "vqvae_tf").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value.partition(".")[0])
    return found


def test_requirements_are_what_the_package_imports(metadata):
    requirements = re.findall(
        r"^Requires-Dist: ([\w-]+)[^;\n]*(?:; extra == \"(\w+)\")?$",
        metadata["METADATA"],
        re.MULTILINE,
    )
    assert {"report", "photos", "audio", "export", "data"} <= {extra for _, extra in requirements}
    names = imported()
    unused = [
        (name, extra)
        for name, extra in requirements
        if extra not in ABOUT_TESTS
        and name not in BEHIND
        and MODULES.get(name.lower(), name.replace("-", "_")) not in names
    ]
    assert not unused, "remove them from setup.py and docs/dependencies.md"
    features = {name for name, extra in requirements if extra and extra not in ABOUT_TESTS}
    assert {name for name, extra in requirements if extra == "all"} == features
    page = (ROOT / "docs/dependencies.md").read_text()
    for extra in {extra for _, extra in requirements if extra}:
        assert f"\n| `{extra}` |" in page


def test_every_console_script_names_a_function(metadata):
    entry_points = configparser.ConfigParser(delimiters="=")
    entry_points.read_string(metadata["entry_points.txt"])
    scripts = dict(entry_points["console_scripts"])
    assert "vqvae-train" in scripts
    for name, target in scripts.items():
        module, function = target.split(":")
        path = ROOT / (module.replace(".", "/") + ".py")
        defined = {n.name for n in ast.parse(path.read_text()).body if hasattr(n, "name")}
        assert function in defined, f"{name} names {target}"


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_installed_package_imports_from_elsewhere(kind, wheel, checkout, tmp_path):
    target = tmp_path / "site"
    source = [wheel] if kind == "wheel" else ["--editable", checkout]
    pip("install", *source, "--target", target)
    code = f"""
import importlib.util, pathlib, site
site.addsitedir({str(target)!r})
import vqvae_tf
from vqvae_tf.config import TrainingConfig
assert TrainingConfig(steps=3).steps == 3
home = pathlib.Path(vqvae_tf.__file__).parents[1]
assert home == pathlib.Path({str(target if kind == "wheel" else checkout)!r}), home
missing = [path for path in {sorted(package_files())} if not (home / path).is_file()]
assert not missing, missing
for name in ("tests", "models", "export"):
    assert importlib.util.find_spec(name) is None, name
"""
    # Without the environment's own packages, where this very checkout is installed.
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
