"""What holds for every test: threads, backend, seeds."""

import os
import pathlib
import sys

import hypothesis
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: one computing thread each. TensorFlow's inter-op threads stay as they
    # are, since a collective over replicas waits in one of them for the others.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A process has one Keras backend: tests/jax is run apart, by `make test-jax`.
if os.environ["KERAS_BACKEND"] == "jax":
    keep = {"__init__.py", "conftest.py", "jax"}
    collect_ignore = [
        path.name for path in pathlib.Path(__file__).parent.iterdir() if path.name not in keep
    ]
else:
    collect_ignore = ["jax"]

# Tracing and compiling make a first example slow: no deadline. The same examples in every run.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def same_start():
    """Seeds and the dtype policy are the same at the start of each test, whatever ran before."""
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy("float32")
