"""Imports run one way, heavy packages come in lazily, `__init__` files only hand names on."""

import ast
import pathlib
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = "vqvae_tf"
FOLDERS = (PACKAGE, "benchmarks", "docs", "examples", "results", "tests")

# Each part may import itself and the parts named here.
GROUND = [
    "errors",
    "arguments",
    "files",
    "written_files",
    "optional_packages",
    "config",
    "summaries",
    "text_numbers",
    "random",
    "metrics",
]
CORE = [*GROUND, "backend", "layers", "likelihoods", "networks", "models", "presets", "export"]
ALLOWED = {part: set(CORE[:place]) for place, part in enumerate(CORE)}
ALLOWED |= {part: set(GROUND) for part in ("data", "training", "reporting")}
ALLOWED["media"] = {*CORE[:-1], "data", "training", "reporting"}
ALLOWED["workflows"] = set(ALLOWED)
ALLOWED["demo"] = set(ALLOWED)
ALLOWED["programs"] = set(ALLOWED)
# What gives back a trained model reads a run's folder; the models themselves know of none.
MAY_ALSO = {("vqvae_tf.models.registry", "training")}

DOORS = {"models", "export"}  # links at the top level; the code's only name is vqvae_tf.*
# Each takes a second or more to import, or belongs to an extra that may not be installed.
HEAVY = {
    *("tensorflow_probability", "tensorflow_datasets", "tensorflow_io", "apache_beam"),
    *("jax", "jinja2", "matplotlib", "skimage", "sklearn", "espeakng_loader"),
    *(
        "soundfile",
        "soxr",
        "av",
        "labmaze",
        "vizdoom",
        "onnx",
        "onnxruntime",
        "tf2onnx",
        "ai_edge_litert",
    ),
}


class Import(NamedTuple):
    """One imported module, as an absolute dotted name."""

    name: str
    line: int
    lazy: bool  # inside a function


def imports(source: str, module: str, is_package: bool) -> Iterator[Import]:
    """All imports of a module; `from a import b` counts as an import of a.b."""

    def visit(node, lazy):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            yield from (Import(f"{base}.{alias.name}", node.lineno, lazy) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from visit(child, lazy or function)

    yield from visit(ast.parse(source), False)


def part_of(name: str) -> str | None:
    """The part of the package of a dotted name: vqvae_tf.layers.codebook_search -> layers."""
    names = name.split(".")
    return names[1] if names[0] == PACKAGE and len(names) > 1 else None


def faults(path: str, source: str) -> list[str]:
    """What is wrong with the imports of the file at `path`, relative to the repository."""
    names = path.removesuffix(".py").split("/")
    is_package = names[-1] == "__init__"
    module = ".".join(names[:-1] if is_package else names)
    part, ours = part_of(module), names[0] == PACKAGE
    found = []
    for name, line, lazy in imports(source, module, is_package):
        top, target, where = name.split(".")[0], part_of(name), f"{path}:{line}"
        if top in DOORS:
            found.append(f"{where} imports {name}; write vqvae_tf.{name}")
        if not ours:
            continue
        if top == PACKAGE and target is None:
            found.append(f"{where} imports the whole package; name the module")
        if top in HEAVY and not lazy:
            found.append(f"{where} imports {top} at the top; import it where it is used")
        allowed = part is None or target not in ALLOWED or target in ALLOWED[part] | {part}
        if not allowed and (module, target) not in MAY_ALSO:
            found.append(f"{where}: {part} imports {name}")
    if is_package and ours and module != "vqvae_tf.programs":  # it quietens TensorFlow's log
        found += [
            f"{path}:{node.lineno} does more than hand names on"
            for node in ast.parse(source).body
            if not _hands_on(node)
        ]
    return found


def _hands_on(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(getattr(t, "id", None) in ("__all__", "__version__") for t in node.targets)
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, (ast.Import, ast.ImportFrom))


def sources() -> list[str]:
    """Every Python file of the repository outside environments and builds."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in files) + ["setup.py"]


def test_sources_follow_the_rules():
    found = [fault for path in sources() for fault in faults(path, (ROOT / path).read_text())]
    assert not found, "\n".join(found)


def test_every_part_has_a_rule():
    parts = {
        path.stem
        for path in (ROOT / PACKAGE).iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
    }
    assert parts <= set(ALLOWED), "say in ALLOWED what the new part may import"


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("layers/x.py", "import vqvae_tf.models.prior", "layers imports vqvae_tf.models.prior"),
        ("layers/x.py", "from vqvae_tf import networks", "layers imports vqvae_tf.networks"),
        ("layers/x.py", "from ..training import loop", "layers imports vqvae_tf.training.loop"),
        ("layers/__init__.py", "from ..data import a", "layers imports vqvae_tf.data.a"),
        ("layers/x.py", "def f():\n from vqvae_tf import models", "x.py:2: layers imports"),
        ("models/x.py", "from vqvae_tf.training import loop", "models imports vqvae_tf.training"),
        ("models/x.py", "from vqvae_tf.reporting import page", "models imports vqvae_tf.reporting"),
        ("models/x.py", "import vqvae_tf.programs.demo", "models imports vqvae_tf.programs"),
        ("data/x.py", "from vqvae_tf.layers import Quantizer", "data imports vqvae_tf.layers"),
        ("training/x.py", "from vqvae_tf import models", "training imports vqvae_tf.models"),
        ("metrics.py", "from . import layers", "metrics imports vqvae_tf.layers"),
        ("config/x.py", "from vqvae_tf import metrics", "config imports vqvae_tf.metrics"),
        ("programs/x.py", "from models import ImageVQVAE", "write vqvae_tf.models.ImageVQVAE"),
        ("programs/x.py", "import export.saved_model", "write vqvae_tf.export.saved_model"),
        ("programs/x.py", "import vqvae_tf", "imports the whole package"),
        ("reporting/x.py", "try:\n import matplotlib.pyplot\nfinally: 0", "matplotlib at the top"),
        ("likelihoods.py", "import tensorflow_probability as tfp", "import it where it is used"),
        ("data/__init__.py", "from .a import b\nb.start()", "data/__init__.py:2 does more"),
        ("data/__init__.py", "def f():\n  pass", "data/__init__.py:1 does more"),
    ],
)
def test_planted_fault_is_found(path, source, fault):
    found = faults(f"{PACKAGE}/{path}", textwrap.dedent(source))
    assert len(found) == 1 and fault in found[0], found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("layers/x.py", "import models_of_mine\nfrom vqvae_tf.layers.y import z"),
        ("layers/x.py", "from . import y\nfrom .y import z\nfrom ..config import UserError"),
        ("likelihoods.py", "def f():\n import tensorflow_probability as tfp"),
        ("programs/x.py", "from vqvae_tf import data, models, reporting, training"),
        ("data/__init__.py", '"""Doc."""\n\nfrom .a import b\n\n__all__ = ["b"]'),
    ],
)
def test_allowed_import_is_passed(path, source):
    assert not faults(f"{PACKAGE}/{path}", source)
