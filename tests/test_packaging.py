"""The wheel holds the whole package and nothing else, and both kinds of installation import it."""

import ast
import configparser
import pathlib
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
