"""Exports that are killed one rename later each, in forks of this process.

Usage: python killed_export.py FOLDER STEPS
"""

import itertools
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

import tensorflow as tf

from tests.export.test_manifest import install


def dying_rename(step):
    """A `rename` that ends the process after `step` calls."""
    rename, calls = tf.io.gfile.rename, itertools.count()

    def dying(*arguments, **options):
        if next(calls) == step:
            os._exit(0)
        rename(*arguments, **options)

    return dying


def main(folder, steps):
    """Folder N holds a first export, and a second one that died at its rename number N."""
    for step in range(int(steps)):
        target = os.path.join(folder, str(step))
        install(target, "1")
        if os.fork() == 0:
            tf.io.gfile.rename = dying_rename(step)
            install(target, "2")
            os._exit(1)
        assert os.wait()[1] == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
