"""Metadata of the package; docs/dependencies.md gives a reason for each dependency."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent

# Packages that only one part of the library needs. "tfio" is not among them: the last release of
# tensorflow-io works with TensorFlow up to 2.17, and TensorFlow Probability 0.25 needs a later one.
FEATURES = {
    "report": ["jinja2", "matplotlib>=3.10"],
    "photos": ["scikit-image", "scikit-learn"],
    "audio": ["espeakng-loader", "soundfile", "soxr"],
    "export": ["ai-edge-litert"],
    "data": ["tensorflow-datasets", "importlib_resources"],
    "video": ["av", "labmaze", "vizdoom"],
}
TFIO = ["tensorflow-io>=0.37.1", "tensorflow<2.18", "tensorflow-probability<0.25"]
TEST = ["hypothesis", "pytest", "pytest-xdist", "scipy", "setuptools>=77"]
# Some are pinned: the formatter's output, the type checker's findings and JAX's interface change
# between releases.
DEV = [*TEST, "dm-sonnet", "jax[cpu]==0.10.2", "mypy==2.4.1", "ruff==0.17.6"]

PROGRAMS = (
    "train",
    "train-prior",
    "sample",
    "reconstruct",
    "convert",
    "rollout",
    "evaluate",
    "export",
    "demo",
    "demo-speech",
    "demo-video",
)

setup(
    name="vqvae_tf",
    version=re.search(
        r'^__version__ = "(.+)"$', (ROOT / "vqvae_tf/__init__.py").read_text(), re.MULTILINE
    )[1],
    description="Vector-quantised autoencoders and priors over their codes, on TensorFlow.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The vqvae_tf authors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["vqvae_tf", "vqvae_tf.*"]),
    package_data={"vqvae_tf": ["py.typed"], "vqvae_tf.reporting": ["*.html.j2"]},
    install_requires=[
        "absl-py",
        "google-crc32c",
        "keras>=3.12",
        "numpy>=1.26",
        "pillow>=11.3",
        "tensorboard",
        "tensorflow>=2.17",
        "tensorflow-probability[tf]>=0.24",
        "tqdm",
    ],
    extras_require={
        **FEATURES,
        "tfio": TFIO,
        "test": TEST,
        "dev": DEV,
        "all": sorted(requirement for extra in FEATURES.values() for requirement in extra),
    },
    entry_points={
        "console_scripts": [
            f"vqvae-{name}=vqvae_tf.programs.{name.replace('-', '_')}:run" for name in PROGRAMS
        ]
    },
    # Not the default "build", which is the file BUILD on file systems that ignore case.
    options={"build": {"build_base": ".build"}},
)
