"""The command-line programs: flags in, a call of the library, nothing else."""

import os

# Before TensorFlow is imported: a program's log is for its user, not about devices and threads.
# What its C++ parts call errors are, where they matter, raised in Python as well.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
