"""Runs the test files named on the command line: what each of Bazel's py_test targets starts."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
