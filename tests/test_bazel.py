"""Bazel's targets reach every source file and every test."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CODE = ("benchmarks", "docs", "examples", "results", "tests")


def glob(include, exclude=(), **_):
    """Bazel's glob: `**` is any number of folders, `*` stays inside one."""
    found, excluded = (
        {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
        for patterns in (include, exclude)
    )
    return sorted(found - excluded)


def targets(build: str) -> dict[str, list[dict]]:
    """The calls of each rule in a BUILD file, whose language is a subset of Python."""
    called = {"py_binary": [], "py_library": [], "py_test": []}
    rules = {rule: lambda rule=rule, **values: called[rule].append(values) for rule in called}
    exec(build, {"glob": glob, "load": lambda *_: None, "package": lambda **_: None} | rules)
    return called


def library(build: str) -> dict:
    (found,) = (call for call in targets(build)["py_library"] if call["name"] == "vqvae_tf")
    return found


def files(folder: str, suffix: str = "") -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob(f"*{suffix}")
        if path.is_file() and "__pycache__" not in path.parts
    }


def missed(build: str) -> set[str]:
    """Files that no target of the BUILD file holds."""
    rules = targets(build)
    held = {
        file
        for call in rules["py_library"] + rules["py_test"]
        for file in [*call["srcs"], *call.get("data", ())]
    }
    return files("vqvae_tf").union(*(files(folder, ".py") for folder in CODE)) - held


@pytest.fixture(scope="module")
def build() -> str:
    return (ROOT / "BUILD").read_text()


def test_every_file_is_in_a_target(build):
    assert not missed(build)


def test_the_library_holds_the_whole_package_and_no_test(build):
    assert set(library(build)["srcs"]) == files("vqvae_tf", ".py")
    assert set(library(build)["data"]) == files("vqvae_tf") - files("vqvae_tf", ".py")


@pytest.mark.parametrize(
    ("pattern", "narrower"),
    [
        ("vqvae_tf/**/*.py", "vqvae_tf/*.py"),
        ("vqvae_tf/**/*.html.j2", "vqvae_tf/*.html.j2"),
        ("tests/**/test_*.py", "tests/test_*.py"),
    ],
)
def test_too_narrow_a_glob_is_found(build, pattern, narrower):
    assert missed(build.replace(f'glob(["{pattern}"])', f'glob(["{narrower}"])'))


def test_every_test_file_is_run(build):
    runs = {call["args"][0]: call for call in targets(build)["py_test"]}
    assert set(runs) == {path for path in files("tests", ".py") if "/test_" in path}
    for path, call in runs.items():
        assert {path, call["main"]} == set(call["srcs"])
        assert (ROOT / call["main"]).is_file()
    assert len({call["name"] for call in runs.values()}) == len(runs)


def test_every_program_is_a_binary(build):
    programs = {path for path in files("vqvae_tf/programs", ".py") if "    run()" in read(path)}
    binaries = targets(build)["py_binary"]
    assert {call["main"] for call in binaries} == programs
    for call in binaries:
        assert call["srcs"] == [call["main"]]
        assert '__name__ == "__main__"' in read(call["main"])


def test_the_module_has_the_packages_version():
    (version,) = re.findall(r'^__version__ = "(.+)"$', read("vqvae_tf/__init__.py"), re.MULTILINE)
    assert f'version = "{version}"' in read("MODULE.bazel")


def read(path: str) -> str:
    return (ROOT / path).read_text()
