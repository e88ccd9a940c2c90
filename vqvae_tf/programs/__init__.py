"""The command-line programs, which parse flags and call the library."""

import os

# Before TensorFlow is imported, so that it does not log devices and threads. Errors of its C++ code
# that matter are also raised in Python.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
